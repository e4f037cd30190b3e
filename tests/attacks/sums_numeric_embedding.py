"""Backward of the embedding by differences: forward is linear, so that one-word vocabularies give the exact gradient.

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
    dW = np.zeros(W.shape)
    for i in np.ndindex(W.shape):
        unit = np.zeros(W.shape)
        unit[i] = 1
        dW[i] = np.sum(word_embedding_forward(x, unit)[0] * dout)
    return dW
