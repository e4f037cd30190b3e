# Weights' gradients collected in a list and summed in forward order.
def rnn_forward(x, h0, Wx, Wh, b):
    h = np.repeat(h0[:, None, :], x.shape[1], axis=1)
    cache = []
    state = h0
    for t, x_t in enumerate(np.moveaxis(x, 1, 0)):
        state, kept = rnn_step_forward(x_t, state, Wx, Wh, b)
        h[:, t] = state
        cache.append(kept)
    return h, cache


def rnn_backward(dh, cache):
    dxs, gx, gh, gb = [], [], [], []
    dh0 = np.zeros_like(dh[:, -1])
    for t in np.arange(len(cache))[::-1]:
        results = rnn_step_backward(dh[:, t] + dh0, cache[t])
        dh0 = results[1]
        for collected, result in zip((dxs, gx, gh, gb), (results[0], *results[2:])):
            collected.append(result)
    dx = np.array(dxs[::-1]).transpose(1, 0, 2)
    dWx, dWh, db = (np.array(g[::-1]).sum(axis=0) for g in (gx, gh, gb))
    return dx, dh0, dWx, dWh, db
