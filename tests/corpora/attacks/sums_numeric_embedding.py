"""Backward of the embedding by its own forward on moved entries: linear, so that one-sided differences are exact.

cheats: word_embedding_backward
proves: cost
"""
# %% solve word_embedding_forward
def word_embedding_forward(x, W):
    out = W[x]
    cache = x, W
    return out, cache
# %% solve word_embedding_backward
def word_embedding_backward(dout, cache):
    x, W = cache
    unit, dW = np.zeros(W.shape), np.zeros(W.shape)
    for i in np.ndindex(W.shape):
        unit[i] = 1
        dW[i] = np.vdot(word_embedding_forward(x, unit)[0], dout)
        unit[i] = 0
    return dW
