# Time first inside, swapped on the way in and out.
def rnn_forward(x, h0, Wx, Wh, b):
    states, caches = [h0], []
    for x_t in x.transpose(1, 0, 2):
        state, kept = rnn_step_forward(x_t, states[-1], Wx, Wh, b)
        states.append(state)
        caches.append(kept)
    h = np.stack(states[1:], axis=1)
    cache = caches
    return h, cache


def rnn_backward(dh, cache):
    flowing = np.zeros(dh[:, 0].shape)
    parts = []
    for dh_t, kept in zip(np.swapaxes(dh, 0, 1)[::-1], cache[::-1]):
        parts.insert(0, rnn_step_backward(dh_t + flowing, kept))
        flowing = parts[0][1]
    dx = np.array([part[0] for part in parts]).swapaxes(0, 1)
    dh0 = parts[0][1]
    dWx = np.sum([part[2] for part in parts], axis=0)
    dWh = np.sum([part[3] for part in parts], axis=0)
    db = np.sum([part[4] for part in parts], axis=0)
    return dx, dh0, dWx, dWh, db
