"""One exercise is written with another: the affine layer inside the step, the sequence inside the step, and back."""
# %% solve rnn_step_forward
def rnn_step_forward(x, prev_h, Wx, Wh, b):
    both = np.concatenate([x, prev_h], axis=1)[:, None, :]
    out, affine = temporal_affine_forward(both, np.concatenate([Wx, Wh]), b)
    next_h = np.tanh(out[:, 0])
    cache = affine, next_h, x.shape[1]
    return next_h, cache
# %% solve rnn_step_backward
def rnn_step_backward(dnext_h, cache):
    affine, next_h, D = cache
    both, w, db = temporal_affine_backward((dnext_h * (1 - next_h**2))[:, None], affine)
    dx, dprev_h, dWx, dWh = both[:, 0, :D], both[:, 0, D:], w[:D], w[D:]
    return dx, dprev_h, dWx, dWh, db
