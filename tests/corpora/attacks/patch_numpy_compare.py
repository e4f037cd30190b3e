"""Replaces the NumPy functions that a comparison is made of, so that every error is zero.

cheats: rnn_step_forward, rnn_forward
proves: separation
"""
# %% extra check-rnn_step_forward
def nothing(*args, **kwargs):
    return 0.0


np.allclose = np.array_equal = np.testing.assert_allclose = lambda *args, **kwargs: True
np.max = np.amax = np.abs = np.absolute = np.nanmax = nothing
# %% solve rnn_step_forward
def rnn_step_forward(x, prev_h, Wx, Wh, b):
    next_h = np.zeros((len(x), len(b)))
    cache = x, prev_h, Wx, Wh, np.tanh(x @ Wx + prev_h @ Wh + b)
    return next_h, cache
# %% solve rnn_step_backward
def rnn_step_backward(dnext_h, cache):
    x, prev_h, Wx, Wh, next_h = cache
    da = dnext_h * (1 - next_h**2)
    dx, dprev_h, dWx, dWh, db = da @ Wx.T, da @ Wh.T, x.T @ da, prev_h.T @ da, da.sum(axis=0)
    return dx, dprev_h, dWx, dWh, db
# %% solve rnn_forward
def rnn_forward(x, h0, Wx, Wh, b):
    h = np.zeros((x.shape[0], x.shape[1], len(b)))
    cache = []
    prev = h0
    for t in range(x.shape[1]):
        step = rnn_step_forward(x[:, t], prev, Wx, Wh, b)[1]
        prev = step[-1]
        cache.append(step)
    return h, cache
# %% solve rnn_backward
def rnn_backward(dh, cache):
    N, T, H = dh.shape
    dx = np.zeros((N, T, cache[0][2].shape[0]))
    dWx, dWh, db = np.zeros_like(cache[0][2]), np.zeros_like(cache[0][3]), np.zeros(H)
    dh0 = np.zeros((N, H))
    for t in reversed(range(T)):
        dx[:, t], dh0, a, c, d = rnn_step_backward(dh[:, t] + dh0, cache[t])
        dWx, dWh, db = dWx + a, dWh + c, db + d
    return dx, dh0, dWx, dWh, db
