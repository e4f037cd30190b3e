# A loop over time, gradients accumulated.
def temporal_affine_forward(x, w, b):
    out = np.stack([np.dot(x[:, t, :], w) + b for t in range(x.shape[1])], axis=1)
    cache = (x, w, b)
    return out, cache


def temporal_affine_backward(dout, cache):
    x, w, b = cache
    dx = np.zeros(x.shape)
    dw, db = np.zeros(w.shape), np.zeros(b.shape)
    for t in reversed(range(x.shape[1])):
        dx[:, t, :] = np.dot(dout[:, t, :], w.T)
        dw += np.dot(x[:, t, :].T, dout[:, t, :])
        db += np.sum(dout[:, t, :], axis=0)
    return dx, dw, db
