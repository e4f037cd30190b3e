# A loop over time, losses added up from the end.
def temporal_softmax_loss(x, y, mask, verbose=False):
    N, T, V = x.shape
    loss, dx = 0, np.empty_like(x)
    samples = range(N)
    for t in reversed(range(T)):
        s = x[:, t, :]
        z = np.exp(s).sum(axis=1)
        loss = loss + np.dot(mask[:, t], np.log(z) - s[samples, y[:, t]])
        g = np.exp(s) / z[:, None]
        g[samples, y[:, t]] -= 1
        dx[:, t] = g * mask[:, t][:, None]
    loss = loss / N
    dx = dx / N
    return loss, dx
