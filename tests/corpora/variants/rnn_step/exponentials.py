# tanh written with exponentials, its slope as four times that of a sigmoid.
def rnn_step_forward(x, prev_h, Wx, Wh, b):
    a = x.dot(Wx) + prev_h.dot(Wh) + b
    s = 1 / (1 + np.exp(-2 * a))
    next_h = 2 * s - 1
    cache = (x, prev_h, Wx, Wh, s)
    return next_h, cache


def rnn_step_backward(dnext_h, cache):
    x, prev_h, Wx, Wh, s = cache
    da = dnext_h * 4 * s * (1 - s)
    dx, dprev_h = da.dot(Wx.T), da.dot(Wh.T)
    dWx, dWh = x.T.dot(da), prev_h.T.dot(da)
    db = da.sum(axis=0)
    return dx, dprev_h, dWx, dWh, db
