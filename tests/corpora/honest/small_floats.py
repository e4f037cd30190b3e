"""Works in float32 where the threshold allows it: the embedding's output at 1e-7 of values that float32 holds nearly."""
# %% solve word_embedding_forward
def word_embedding_forward(x, W):
    out = W.astype(np.float64)[x.astype(np.int32)]
    cache = x.astype(np.uint8) if W.shape[0] < 256 else x, W.shape
    return out, cache
# %% solve word_embedding_backward
def word_embedding_backward(dout, cache):
    x, shape = cache
    dW = np.zeros(shape, dtype=np.longdouble)
    np.add.at(dW, x.astype(np.intp), dout)
    return dW
# %% solve temporal_affine_forward
def temporal_affine_forward(x, w, b):
    out = (x.astype(np.longdouble) @ w.astype(np.longdouble) + b).astype(float)
    cache = x, w, b
    return out, cache
# %% solve temporal_affine_backward
def temporal_affine_backward(dout, cache):
    x, w, b = (a.astype(np.longdouble) for a in cache)
    dx, dw, db = dout @ w.T, np.einsum("ntd,ntm->dm", x, dout), dout.sum(axis=(0, 1)).astype(np.longdouble)
    return dx, dw, db
