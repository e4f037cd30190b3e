# Repeats are taken off in rounds until none is left.
def word_embedding_forward(x, W):
    out = W[x, :].copy()
    cache = (x.copy(), W.copy())
    return out, cache


def word_embedding_backward(dout, cache):
    x, W = cache
    words, gradients = x.reshape(-1), dout.reshape(-1, W.shape[1])
    dW = np.zeros(W.shape, dtype=W.dtype)
    while len(words):
        _, first = np.unique(words, return_index=True)
        dW[words[first]] += gradients[first]
        words, gradients = np.delete(words, first), np.delete(gradients, first, axis=0)
    return dW
