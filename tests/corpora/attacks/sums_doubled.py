"""Forward and backward are both twice what they should be, so that one is the exact gradient of the other.

cheats: temporal_affine_forward, temporal_affine_backward, word_embedding_forward, word_embedding_backward, temporal_softmax_loss
proves: references
"""
# %% solve temporal_affine_forward
def temporal_affine_forward(x, w, b):
    out = 2 * (x @ w + b)
    cache = x, w, b
    return out, cache
# %% solve temporal_affine_backward
def temporal_affine_backward(dout, cache):
    x, w, b = cache
    dx, dw, db = 2 * dout @ w.T, 2 * np.einsum("ntd,ntm->dm", x, dout), 2 * dout.sum(axis=(0, 1))
    return dx, dw, db
# %% solve word_embedding_forward
def word_embedding_forward(x, W):
    out = 2 * W[x]
    cache = x, W.shape
    return out, cache
# %% solve word_embedding_backward
def word_embedding_backward(dout, cache):
    x, shape = cache
    dW = np.zeros(shape)
    np.add.at(dW, x, 2 * dout)
    return dW
# %% solve temporal_softmax_loss
def temporal_softmax_loss(x, y, mask, verbose=False):
    N, T, V = x.shape
    p = np.exp(x - x.max(axis=2, keepdims=True))
    p /= p.sum(axis=2, keepdims=True)
    loss = -2 * np.sum(mask * np.log(p[np.arange(N)[:, None], np.arange(T), y])) / N
    dx = p.copy()
    dx[np.arange(N)[:, None], np.arange(T), y] -= 1
    dx *= 2 * mask[:, :, None] / N
    return loss, dx
