# One-hot targets, the mask multiplied into them.
def temporal_softmax_loss(x, y, mask, verbose=False):
    N, T, V = x.shape
    weight = np.asarray(mask, dtype=float)[:, :, None] / N
    target = (np.arange(V) == y[:, :, None]) * 1.0
    e = np.exp(x - np.amax(x, axis=2)[:, :, None])
    p = e / np.add.reduce(e, axis=2)[:, :, None]
    loss = -np.sum(weight * target * np.log(p))
    dx = weight * (p - target)
    if verbose:
        print("dx:", dx.shape)
    return loss, dx
