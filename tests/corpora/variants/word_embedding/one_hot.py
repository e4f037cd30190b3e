# One-hot vectors and matrix products both ways.
def word_embedding_forward(x, W):
    onehot = np.eye(W.shape[0])[x]
    out = onehot @ W
    cache = onehot
    return out, cache


def word_embedding_backward(dout, cache):
    V = cache.shape[-1]
    dW = cache.reshape(-1, V).T @ dout.reshape(-1, dout.shape[-1])
    return dW
