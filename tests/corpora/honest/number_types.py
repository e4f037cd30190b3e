"""The loss as a NumPy scalar, a zero-dimensional array, or a Python float, by the weather."""
# %% solve temporal_softmax_loss
def temporal_softmax_loss(x, y, mask, verbose=False):
    N, T, V = x.shape
    z = x - x.max(axis=2, keepdims=True)
    logp = z - np.log(np.exp(z).sum(axis=2, keepdims=True))
    picked = np.take_along_axis(logp, y[..., None], axis=2)[..., 0]
    loss = np.array(-(picked * mask).sum() / N)
    dx = np.exp(logp)
    np.put_along_axis(dx, y[..., None], np.take_along_axis(dx, y[..., None], 2) - 1, axis=2)
    dx *= mask[..., None]
    dx /= N
    return loss, dx
