"""Adds 1e-12 inside the logarithm and does not shift the exponent: as many right solutions do."""
# %% solve temporal_softmax_loss
def temporal_softmax_loss(x, y, mask, verbose=False):
    N, T, V = x.shape
    flat, words, kept = x.reshape(N * T, V), y.reshape(N * T), mask.reshape(N * T)
    p = np.exp(flat) / np.sum(np.exp(flat), axis=1, keepdims=True)
    loss = -np.sum(kept * np.log(p[np.arange(N * T), words] + 1e-12)) / N
    dflat = p.copy()
    dflat[np.arange(N * T), words] -= 1
    dflat = dflat / N * kept[:, None]
    if verbose:
        print("dflat:", dflat.shape)
    dx = dflat.reshape(N, T, V)
    return loss, dx
