"""Warns at every call, of every kind, on stderr and through logging."""
# %% solve rnn_step_forward
def rnn_step_forward(x, prev_h, Wx, Wh, b):
    np.zeros(1) / np.zeros(1)
    np.log(np.zeros(1))
    np.exp(np.full(3, 1e4))
    sys.stderr.write("rnn_step_forward was called\n")
    a = x @ Wx + prev_h @ Wh + b
    next_h = np.tanh(a)
    cache = x, prev_h, Wx, Wh, next_h
    return next_h, cache
# %% solve rnn_step_backward
def rnn_step_backward(dnext_h, cache):
    x, prev_h, Wx, Wh, next_h = cache
    np.array([1.0]) / 0
    da = dnext_h * (1 - next_h * next_h)
    dx = da @ Wx.T
    dprev_h = da @ Wh.T
    dWx = x.T @ da
    dWh = prev_h.T @ da
    db = da.sum(axis=0)
    return dx, dprev_h, dWx, dWh, db
# %% extra last
import warnings

for kind in (DeprecationWarning, RuntimeWarning, UserWarning, SyntaxWarning, FutureWarning):
    warnings.warn("a warning of this kind", kind)
"\d" == "\\d"
