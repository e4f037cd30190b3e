"""Asks NumPy for four gigabytes without touching them, and is right only if it got them.

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
    held = [np.empty(1 << 26) for _ in range(8)]
    dW = np.zeros(shape)
    np.add.at(dW, x, dout)
    held.clear()
    return dW
