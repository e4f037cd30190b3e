# The chain rule in full: for every row the Jacobian of the softmax, times the slope of minus the logarithm.
def temporal_softmax_loss(x, y, mask, verbose=False):
    N, T, V = x.shape
    loss = 0.0
    dx = np.zeros_like(x)
    for n in range(N):
        for t in range(T):
            if not mask[n, t]:
                continue
            p = np.exp(x[n, t] - x[n, t].max())
            p /= p.sum()
            loss -= np.log(p[y[n, t]]) / N
            dp = np.zeros(V)
            dp[y[n, t]] = -1 / p[y[n, t]] / N
            jacobian = np.diag(p) - np.outer(p, p)
            dx[n, t] = jacobian @ dp
    return loss, dx
