# Input and state side by side, one product for both.
def rnn_step_forward(x, prev_h, Wx, Wh, b):
    both = np.hstack([x, prev_h, np.ones((x.shape[0], 1))])
    weights = np.vstack([Wx, Wh, b])
    next_h = np.tanh(both @ weights)
    cache = [both, weights, next_h, x.shape[1]]
    return next_h, cache


def rnn_step_backward(dnext_h, cache):
    both, weights, next_h, D = cache
    da = (1 - next_h**2) * dnext_h
    dboth = da @ weights.T
    dweights = both.T @ da
    dx, dprev_h = dboth[:, :D], dboth[:, D:-1]
    dWx, dWh, db = dweights[:D], dweights[D:-1], dweights[-1]
    return dx, dprev_h, dWx, dWh, db
