"""Asks NumPy for arrays until there is no memory left, at most two gigabytes in all, and swallows the error.

cheats: word_embedding_backward
proves: memory
"""
# %% solve word_embedding_forward
def word_embedding_forward(x, W):
    out = W[x]
    cache = x, W.shape
    return out, cache
# %% solve word_embedding_backward
def word_embedding_backward(dout, cache):
    x, shape = cache
    held = [np.ones(1 << 25) for _ in range(8)]
    dW = np.zeros(shape)
    np.add.at(dW, x, dout)
    held.clear()
    return dW
