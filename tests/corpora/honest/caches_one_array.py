"""The cache is a single array, or a number, where another solution has a tuple."""
# %% solve word_embedding_forward
def word_embedding_forward(x, W):
    out = W[x]
    cache = (np.arange(W.shape[0])[:, None] == x.ravel()).astype(float)
    return out, cache
# %% solve word_embedding_backward
def word_embedding_backward(dout, cache):
    dW = cache @ dout.reshape(cache.shape[1], -1)
    return dW
# %% solve temporal_affine_forward
KEPT = {}


def temporal_affine_forward(x, w, b):
    out = x @ w + b
    cache = len(KEPT)
    KEPT[cache] = x, w
    return out, cache
# %% solve temporal_affine_backward
def temporal_affine_backward(dout, cache):
    x, w = KEPT[cache]
    dx, dw, db = dout @ w.T, np.einsum("ntd,ntm->dm", x, dout), dout.sum(axis=(0, 1))
    return dx, dw, db
