# For every word the sum over the places where it stands.
def word_embedding_forward(x, W):
    out = np.zeros(x.shape + (W.shape[1],))
    for v in range(W.shape[0]):
        out[x == v] = W[v]
    cache = [x, W]
    return out, cache


def word_embedding_backward(dout, cache):
    x, W = cache
    dW = np.zeros_like(W)
    for v in range(len(W)):
        dW[v] = dout[x == v].sum(axis=0)
    return dW
