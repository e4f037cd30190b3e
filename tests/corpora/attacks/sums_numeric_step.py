"""Backward of the step by central differences of its own forward.

cheats: rnn_step_backward
proves: cost
"""
# %% solve rnn_step_forward
def rnn_step_forward(x, prev_h, Wx, Wh, b):
    next_h = np.tanh(x @ Wx + prev_h @ Wh + b)
    cache = x, prev_h, Wx, Wh, b
    return next_h, cache
# %% solve rnn_step_backward
def differences(f, a, upstream, h=1e-5):
    grad = np.zeros_like(a)
    for i in np.ndindex(a.shape):
        old = a[i]
        a[i] = old + h
        up = f()
        a[i] = old - h
        grad[i] = np.sum((up - f()) * upstream) / (2 * h)
        a[i] = old
    return grad


def rnn_step_backward(dnext_h, cache):
    x, prev_h, Wx, Wh, b = args = [np.array(a, dtype=float) for a in cache]
    dx, dprev_h, dWx, dWh, db = (differences(lambda: rnn_step_forward(*args)[0], a, dnext_h) for a in args)
    return dx, dprev_h, dWx, dWh, db
