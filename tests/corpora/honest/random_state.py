"""Uses and reseeds the global random numbers inside the exercises."""
# %% solve rnn_step_forward
def rnn_step_forward(x, prev_h, Wx, Wh, b):
    np.random.seed(len(x))
    noise = np.random.randn(*b.shape) * 0
    next_h = np.tanh(x @ Wx + prev_h @ Wh + b + noise)
    cache = x, prev_h, Wx, Wh, next_h
    return next_h, cache
# %% solve rnn_step_backward
def rnn_step_backward(dnext_h, cache):
    np.random.rand()
    x, prev_h, Wx, Wh, next_h = cache
    da = dnext_h * (1 - next_h**2)
    dx, dprev_h, dWx, dWh, db = da @ Wx.T, da @ Wh.T, x.T @ da, prev_h.T @ da, da.sum(axis=0)
    return dx, dprev_h, dWx, dWh, db
