# One word at a time, masked ones skipped.
def temporal_softmax_loss(x, y, mask, verbose=False):
    N, T, V = x.shape
    loss = 0.0
    dx = np.zeros((N, T, V))
    for n in range(N):
        for t in range(T):
            if not mask[n, t]:
                continue
            e = np.exp(x[n, t] - np.max(x[n, t]))
            p = e / np.sum(e)
            loss += -np.log(p[y[n, t]])
            dx[n, t] = p
            dx[n, t, y[n, t]] -= 1
    loss /= N
    dx /= N
    return loss, dx
