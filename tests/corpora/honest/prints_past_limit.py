"""Prints more than a notebook should show while debugging; its marks do not depend on what is shown."""
# %% extra check-temporal_affine_forward
for row in range(20_000):
    print("第", row, "行：", "调试" * 20)
# %% solve temporal_affine_forward
def temporal_affine_forward(x, w, b):
    print("调试" * 5_000)
    out = x @ w + b
    cache = x, w, b
    return out, cache
# %% solve temporal_affine_backward
def temporal_affine_backward(dout, cache):
    x, w, b = cache
    dx, dw, db = dout @ w.T, np.tensordot(x, dout, axes=((0, 1), (0, 1))), dout.sum((0, 1))
    return dx, dw, db
