"""Changes its upstream gradient in place, as three of three thousand right solutions do: the argument is its own copy."""
# %% solve rnn_step_forward
def rnn_step_forward(x, prev_h, Wx, Wh, b):
    next_h = np.tanh(x @ Wx + prev_h @ Wh + b)
    cache = x, prev_h, Wx, Wh, next_h
    return next_h, cache
# %% solve rnn_step_backward
def rnn_step_backward(dnext_h, cache):
    x, prev_h, Wx, Wh, next_h = cache
    dnext_h *= 1 - next_h**2
    dx, dprev_h, dWx, dWh, db = dnext_h @ Wx.T, dnext_h @ Wh.T, x.T @ dnext_h, prev_h.T @ dnext_h, dnext_h.sum(0)
    return dx, dprev_h, dWx, dWh, db
# %% solve rnn_backward
def rnn_backward(dh, cache):
    N, T, H = dh.shape
    dx, dWx, dWh, db = [], 0, 0, 0
    dh0 = np.zeros((N, H))
    for t in range(T - 1, -1, -1):
        dh[:, t] += dh0
        step, dh0, a, c, d = rnn_step_backward(dh[:, t], cache[t])
        dx.insert(0, step)
        dWx, dWh, db = dWx + a, dWh + c, db + d
    dx = np.stack(dx, axis=1)
    return dx, dh0, dWx, dWh, db
# %% solve rnn_forward
def rnn_forward(x, h0, Wx, Wh, b):
    h, cache, prev = [], [], h0
    for t in range(x.shape[1]):
        prev, step = rnn_step_forward(x[:, t], prev, Wx, Wh, b)
        h.append(prev)
        cache.append(step)
    h = np.stack(h, axis=1)
    return h, cache
