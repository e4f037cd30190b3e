"""Returns from inside the TODO region; the given return below is never reached."""
# %% solve temporal_affine_forward
def temporal_affine_forward(x, w, b):
    return np.matmul(x, w) + b, (x, w, b)
# %% solve temporal_affine_backward
def temporal_affine_backward(dout, cache):
    x, w, b = cache
    if not dout.any():
        return np.zeros_like(x), np.zeros_like(w), np.zeros_like(b)
    return [dout @ w.T, np.einsum("ntd,ntm->dm", x, dout), dout.sum(axis=(0, 1))]
# %% solve word_embedding_forward
def word_embedding_forward(x, W):
    try:
        return W[x], (x, W)
    finally:
        del x, W
# %% solve word_embedding_backward
def word_embedding_backward(dout, cache):
    x, W = cache
    dW = np.zeros_like(W)
    for word in range(len(W)):
        dW[word] = dout[x == word].sum(axis=0)
    return dW
