# In-place work on own copies.
def rnn_step_forward(x, prev_h, Wx, Wh, b):
    next_h = x @ Wx
    next_h += prev_h @ Wh
    next_h += b
    np.tanh(next_h, out=next_h)
    cache = (x, prev_h, Wx, Wh, next_h.copy())
    return next_h, cache


def rnn_step_backward(dnext_h, cache):
    x, prev_h, Wx, Wh, next_h = cache
    next_h *= next_h
    np.subtract(1, next_h, out=next_h)
    next_h *= dnext_h
    dx = next_h @ Wx.T
    dprev_h = next_h @ Wh.T
    dWx = x.T @ next_h
    dWh = prev_h.T @ next_h
    db = next_h.sum(axis=0)
    return dx, dprev_h, dWx, dWh, db
