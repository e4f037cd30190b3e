"""A cell without its tanh, forward and backward alike: consistent, and another network.

cheats: rnn_step_forward, rnn_step_backward
proves: references
"""
# %% solve rnn_step_forward
def rnn_step_forward(x, prev_h, Wx, Wh, b):
    next_h = x @ Wx + prev_h @ Wh + b
    cache = x, prev_h, Wx, Wh
    return next_h, cache
# %% solve rnn_step_backward
def rnn_step_backward(dnext_h, cache):
    x, prev_h, Wx, Wh = cache
    da = dnext_h
    dx, dprev_h, dWx, dWh, db = da @ Wx.T, da @ Wh.T, x.T @ da, prev_h.T @ da, da.sum(axis=0)
    return dx, dprev_h, dWx, dWh, db
