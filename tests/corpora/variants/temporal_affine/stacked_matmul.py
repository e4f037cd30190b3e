# matmul on stacks of matrices, summed over the batch.
def temporal_affine_forward(x, w, b):
    out = x @ w
    out += b
    cache = (w.copy(), x.copy())
    return out, cache


def temporal_affine_backward(dout, cache):
    w, x = cache
    dx = dout @ np.swapaxes(w, 0, 1)
    dw = np.matmul(x.transpose(0, 2, 1), dout).sum(axis=0)
    db = np.sum(np.sum(dout, axis=0), axis=0)
    return dx, dw, db
