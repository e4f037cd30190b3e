"""Counts its calls in globals, function attributes and default arguments, and keeps a log of all arguments."""
# %% solve rnn_step_forward
CALLS = 0
LOG = []


def rnn_step_forward(x, prev_h, Wx, Wh, b):
    global CALLS
    CALLS += 1
    if len(LOG) < 1000:
        LOG.append((x, prev_h))
    next_h = np.tanh(x.dot(Wx) + prev_h.dot(Wh) + b)
    cache = x, prev_h, Wx, Wh, next_h
    return next_h, cache
# %% solve temporal_affine_forward
def temporal_affine_forward(x, w, b):
    remember(x)
    out = x @ w + b
    cache = x, w, b
    return out, cache


def remember(x, seen=[]):
    seen.append(x.shape)
    remember.count = len(seen)
# %% solve rnn_step_backward
def rnn_step_backward(dnext_h, cache):
    x, prev_h, Wx, Wh, next_h = cache
    da = dnext_h * (1 - next_h**2)
    dx, dprev_h, dWx, dWh, db = da @ Wx.T, da @ Wh.T, x.T @ da, prev_h.T @ da, da.sum(axis=0)
    return dx, dprev_h, dWx, dWh, db
# %% solve temporal_affine_backward
def temporal_affine_backward(dout, cache):
    x, w, b = cache
    dx, dw, db = dout @ w.T, np.einsum("ntd,ntm->dm", x, dout), dout.sum(axis=(0, 1))
    return dx, dw, db
