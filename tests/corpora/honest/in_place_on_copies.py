"""Works in place, on copies of its own, with out= and augmented assignments everywhere."""
# %% solve rnn_step_forward
def rnn_step_forward(x, prev_h, Wx, Wh, b):
    next_h = np.dot(x, Wx)
    next_h += prev_h.dot(Wh)
    next_h += b
    np.tanh(next_h, out=next_h)
    cache = (x.copy(), prev_h.copy(), Wx.copy(), Wh.copy(), next_h.copy())
    return next_h, cache
# %% solve rnn_step_backward
def rnn_step_backward(dnext_h, cache):
    x, prev_h, Wx, Wh, next_h = cache
    da = dnext_h.copy()
    np.multiply(next_h, next_h, out=next_h)
    np.subtract(1, next_h, out=next_h)
    da *= next_h
    dx, dprev_h, dWx, dWh, db = da.dot(Wx.T), da.dot(Wh.T), x.T.dot(da), prev_h.T.dot(da), np.add.reduce(da)
    return dx, dprev_h, dWx, dWh, db
# %% solve temporal_softmax_loss
def temporal_softmax_loss(x, y, mask, verbose=False):
    N, T, V = x.shape
    p = x.copy()
    p -= p.max(axis=2, keepdims=True)
    np.exp(p, out=p)
    p /= p.sum(axis=2, keepdims=True)
    rows = p.reshape(N * T, V)
    where = np.arange(N * T), y.ravel()
    loss = -(np.log(rows[where]) * mask.ravel()).sum() / N
    rows[where] -= 1
    rows *= mask.reshape(-1, 1)
    rows /= N
    dx = rows.reshape(N, T, V)
    return loss, dx
