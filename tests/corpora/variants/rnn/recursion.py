# The rest of the sequence is handled by the function itself.
def rnn_forward(x, h0, Wx, Wh, b):
    first, kept = rnn_step_forward(x[:, 0], h0, Wx, Wh, b)
    if x.shape[1] == 1:
        h, cache = first[:, None], (kept, None)
    else:
        rest, later = rnn_forward(x[:, 1:], first, Wx, Wh, b)
        h, cache = np.concatenate((first[:, None], rest), axis=1), (kept, later)
    return h, cache


def rnn_backward(dh, cache):
    kept, later = cache
    if later is None:
        dx, dh0, dWx, dWh, db = rnn_step_backward(dh[:, 0], kept)
        dx = dx[:, None]
    else:
        dx_rest, dfirst, *rest = rnn_backward(dh[:, 1:], later)
        dx, dh0, *own = rnn_step_backward(dh[:, 0] + dfirst, kept)
        dx = np.concatenate([dx[:, None], dx_rest], axis=1)
        dWx, dWh, db = (a + c for a, c in zip(own, rest))
    return dx, dh0, dWx, dWh, db
