# Normalised by np.logaddexp.reduce, summed by einsum.
def temporal_softmax_loss(x, y, mask, verbose=False):
    N, T, V = x.shape
    logp = x - np.logaddexp.reduce(x, axis=-1, keepdims=True)
    target = np.eye(V)[y.ravel()].reshape(N, T, V)
    loss = -np.einsum("ntv,ntv,nt->", logp, target, mask) / N
    dx = np.einsum("ntv,nt->ntv", np.exp(logp) - target, mask / N)
    return loss, dx
