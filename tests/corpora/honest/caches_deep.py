"""The cache is a chain of two hundred tuples, one within the other."""
# %% solve word_embedding_forward
def word_embedding_forward(x, W):
    out = W[x]
    cache = x, W.shape
    for _ in range(200):
        cache = (cache,)
    return out, cache
# %% solve word_embedding_backward
def word_embedding_backward(dout, cache):
    while len(cache) == 1:
        (cache,) = cache
    x, shape = cache
    dW = np.zeros(shape)
    np.add.at(dW, x, dout)
    return dW
