# Loops over samples and moments.
def word_embedding_forward(x, W):
    N, T = x.shape
    V, D = W.shape
    out = np.zeros((N, T, D))
    for n in range(N):
        for t in range(T):
            out[n, t] = W[x[n, t]]
    cache = x, V, D
    return out, cache


def word_embedding_backward(dout, cache):
    x, V, D = cache
    dW = np.zeros((V, D))
    for t in range(x.shape[1]):
        for n in range(x.shape[0]):
            dW[x[n, t]] += dout[n, t]
    return dW
