# Shifted by the largest score of the whole array.
def temporal_softmax_loss(x, y, mask, verbose=False):
    N, T, V = x.shape
    p = np.exp(x - np.max(x))
    p = np.transpose(p.transpose(2, 0, 1) / p.sum(axis=2), (1, 2, 0))
    flat = p.reshape(-1)
    places = np.arange(N * T) * V + y.reshape(-1)
    loss = float(np.sum(-np.log(flat[places]) * mask.reshape(-1)) / N)
    flat = flat.copy()
    flat[places] = flat[places] - 1
    dx = flat.reshape(x.shape) * np.repeat(mask[:, :, np.newaxis], V, axis=2) / N
    return loss, dx
