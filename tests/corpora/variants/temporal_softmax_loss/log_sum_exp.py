# The loss from log-sum-exp, the gradient from the exponential of the log-probabilities.
def temporal_softmax_loss(x, y, mask, verbose=False):
    N = x.shape[0]
    top = x.max(axis=2, keepdims=True)
    logp = x - top - np.log(np.exp(x - top).sum(axis=2, keepdims=True))
    chosen = np.take_along_axis(logp, y[..., None], axis=2)[..., 0]
    loss = -(chosen * mask).sum() / N
    target = np.zeros_like(x)
    np.put_along_axis(target, y[..., None], 1.0, axis=2)
    dx = np.where(mask[..., None], (np.exp(logp) - target) / N, 0.0)
    return loss, dx
