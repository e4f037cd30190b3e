# Places sorted by word, summed in runs.
def word_embedding_forward(x, W):
    out = W[x.flatten()].reshape(*x.shape, W.shape[1])
    cache = (x.flatten(), W.shape)
    return out, cache


def word_embedding_backward(dout, cache):
    words, shape = cache
    order = np.argsort(words, kind="stable")
    present, starts = np.unique(words[order], return_index=True)
    dW = np.zeros(shape)
    dW[present] = np.add.reduceat(dout.reshape(-1, shape[1])[order], starts, axis=0)
    return dW
