# One vector at a time.
def temporal_affine_forward(x, w, b):
    N, T, D = x.shape
    out = np.zeros((N, T, w.shape[1]))
    for n in range(N):
        for t in range(T):
            out[n, t] = x[n, t] @ w + b
    cache = [x, w]
    return out, cache


def temporal_affine_backward(dout, cache):
    x, w = cache
    dx, dw, db = np.zeros_like(x), np.zeros_like(w), np.zeros(w.shape[1])
    for n in range(len(x)):
        for t in range(x.shape[1]):
            dx[n, t] = w @ dout[n, t]
            dw += np.outer(x[n, t], dout[n, t])
            db += dout[n, t]
    return dx, dw, db
