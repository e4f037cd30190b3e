# One output column at a time; the cache is consumed.
def temporal_affine_forward(x, w, b):
    out = np.zeros(x.shape[:2] + b.shape)
    for m in range(len(b)):
        out[..., m] = x @ w[:, m] + b[m]
    cache = [w, x]
    return out, cache


def temporal_affine_backward(dout, cache):
    x, w = cache.pop(), cache.pop()
    dx = np.zeros(x.shape)
    dw = np.zeros(w.shape)
    db = np.zeros(w.shape[1])
    for m in range(w.shape[1]):
        dx += dout[..., m, None] * w[:, m]
        dw[:, m] = (x * dout[..., m, None]).sum(axis=(0, 1))
        db[m] = dout[..., m].sum()
    return dx, dw, db
