"""Prints its way through every call: shapes, arrays, progress."""
# %% solve temporal_affine_forward
def temporal_affine_forward(x, w, b):
    print("temporal_affine_forward", x.shape, w.shape, b.shape)
    out = np.dot(x, w) + b
    print(out)
    cache = (x, w, b)
    return out, cache
# %% solve temporal_affine_backward
def temporal_affine_backward(dout, cache):
    (x, w, b) = cache
    print("dout", dout, flush=True)
    print("to stderr", file=sys.stderr)
    N, T, D = x.shape
    M = w.shape[1]
    dx = dout.reshape(N * T, M).dot(w.T).reshape(N, T, D)
    dw = x.reshape(N * T, D).T.dot(dout.reshape(N * T, M))
    db = np.sum(dout, axis=(0, 1))
    print("完成", dx.shape, dw.shape, db.shape)
    return dx, dw, db
