# One sample at a time with dot and outer products.
def rnn_step_forward(x, prev_h, Wx, Wh, b):
    rows = [np.tanh(np.dot(x[n], Wx) + np.dot(prev_h[n], Wh) + b) for n in range(len(x))]
    next_h = np.array(rows)
    cache = (rows, x, prev_h, Wx, Wh)
    return next_h, cache


def rnn_step_backward(dnext_h, cache):
    rows, x, prev_h, Wx, Wh = cache
    dx, dprev_h = np.empty_like(x), np.empty_like(prev_h)
    dWx, dWh, db = np.zeros_like(Wx), np.zeros_like(Wh), np.zeros(Wx.shape[1])
    for n, row in enumerate(rows):
        g = dnext_h[n] * (1 - row**2)
        dx[n], dprev_h[n] = Wx.dot(g), Wh.dot(g)
        dWx += np.outer(x[n], g)
        dWh += np.outer(prev_h[n], g)
        db += g
    return dx, dprev_h, dWx, dWh, db
