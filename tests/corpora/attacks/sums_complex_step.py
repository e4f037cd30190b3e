"""Backward of the step by complex steps: exact to the last digit, so that no value can tell it from a formula.

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
    args = [a.astype(complex) for a in cache]
    grads = []
    for a in args:
        grad = np.zeros(a.shape)
        for i in np.ndindex(a.shape):
            a[i] += 1e-30j
            grad[i] = np.sum(rnn_step_forward(*args)[0].imag * dnext_h) / 1e-30
            a[i] -= 1e-30j
        grads.append(grad)
    dx, dprev_h, dWx, dWh, db = grads
    return dx, dprev_h, dWx, dWh, db
