# A dictionary keyed by time; the upstream gradient copied and changed in place.
def rnn_forward(x, h0, Wx, Wh, b):
    h, cache = {}, {}
    h[-1] = h0
    T = x.shape[1]
    for t in range(T):
        h[t], cache[t] = rnn_step_forward(x[:, t, :], h[t - 1], Wx, Wh, b)
    h = np.concatenate([h[t][:, np.newaxis, :] for t in range(T)], axis=1)
    return h, cache


def rnn_backward(dh, cache):
    dh = dh.copy()
    T = dh.shape[1]
    dx = []
    for t in range(T - 1, -1, -1):
        dx_t, dh0, gx, gh, gb = rnn_step_backward(dh[:, t], cache[t])
        dx = [dx_t] + dx
        if t == T - 1:
            dWx, dWh, db = gx.copy(), gh.copy(), gb.copy()
        else:
            dWx += gx
            dWh += gh
            db += gb
        if t:
            dh[:, t - 1] += dh0
    dx = np.stack(dx, axis=1)
    return dx, dh0, dWx, dWh, db
