# Only the rows that count are computed at all.
def temporal_softmax_loss(x, y, mask, verbose=False):
    N = len(x)
    mask = mask.astype(bool)
    rows, words = x[mask], y[mask]
    e = np.exp(rows - rows.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    loss = np.log(p[np.arange(len(words)), words]).sum() / -N
    p[np.arange(len(words)), words] -= 1
    dx = np.zeros(x.shape)
    dx[mask] = p / N
    return loss, dx
