# log(p + 1e-12), as many people write it.
def temporal_softmax_loss(x, y, mask, verbose=False):
    N, T, V = x.shape
    shifted = x - x.max(axis=-1, keepdims=True)
    p = np.exp(shifted) / np.exp(shifted).sum(axis=-1, keepdims=True)
    onehot = np.eye(V)[y]
    loss = np.sum(-np.log(np.sum(p * onehot, axis=-1) + 1e-12) * mask) / N
    dx = (p - onehot) * mask[..., None] / N
    return loss, dx
