"""Backward of the step by complex steps of all entries at once: one call of forward for each argument.

cheats: rnn_step_backward
proves: cost
"""
# %% solve rnn_step_forward
def rnn_step_forward(x, prev_h, Wx, Wh, b):
    next_h = np.tanh(x @ Wx + prev_h @ Wh + b)
    cache = x, prev_h, Wx, Wh, b
    return next_h, cache
# %% solve rnn_step_backward
def rnn_step_backward(dnext_h, cache):
    grads = []
    for n, a in enumerate(cache):
        steps = 1e-30j * np.eye(a.size).reshape((a.size,) + a.shape)
        args = [c[None].astype(complex) for c in cache]
        args[-1] = args[-1][:, None]
        args[n] = args[n] + steps.reshape((a.size,) + args[n].shape[1:])
        grads.append(np.sum(rnn_step_forward(*args)[0].imag * dnext_h, axis=(1, 2)).reshape(a.shape) / 1e-30)
    dx, dprev_h, dWx, dWh, db = grads
    return dx, dprev_h, dWx, dWh, db
