"""Returns matrices, subclasses, Fortran order, negative strides, views, big-endian and read-only arrays of right values."""
# %% solve rnn_step_backward
class Named(np.ndarray):
    """An array with a name."""


def rnn_step_backward(dnext_h, cache):
    x, prev_h, Wx, Wh, next_h = cache
    da = dnext_h * (1 - next_h**2)
    dx = np.matrix(da) * np.matrix(Wx).T
    dprev_h = (da @ Wh.T).view(Named)
    dWx = np.asfortranarray(x.T @ da)
    dWh = (prev_h.T @ da)[::-1].copy()[::-1].astype(">f8")
    db = np.ones(len(da)) @ da
    db.flags.writeable = False
    return dx, dprev_h, dWx, dWh, db
# %% solve rnn_step_forward
def rnn_step_forward(x, prev_h, Wx, Wh, b):
    next_h = np.asarray(np.tanh(x @ Wx + prev_h @ Wh + b), order="F")
    cache = x, prev_h, Wx, Wh, next_h
    return next_h, cache
# %% solve rnn_backward
def rnn_backward(dh, cache):
    N, T, H = dh.shape
    dx, dWx, dWh, db = [None] * T, 0, 0, 0
    dh0 = np.zeros((N, H))
    for t in reversed(range(T)):
        step, dh0, a, c, d = (np.asarray(v, dtype=float) for v in rnn_step_backward(dh[:, t] + dh0, cache[t]))
        dx[t] = step
        dWx, dWh, db = dWx + a, dWh + c, db + d
    dx = np.array(dx).transpose(1, 0, 2)
    return dx, dh0, dWx, dWh, db
# %% solve rnn_forward
def rnn_forward(x, h0, Wx, Wh, b):
    h, cache, prev = np.zeros((x.shape[0], x.shape[1], len(b))), [], h0
    for t in range(x.shape[1]):
        prev, step = rnn_step_forward(x[:, t], prev, Wx, Wh, b)
        h[:, t] = prev
        cache.append(step)
    return h, cache
