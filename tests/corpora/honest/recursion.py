"""The sequence by recursion: forward over the first step and the rest, backward the same way."""
# %% solve rnn_forward
def rnn_forward(x, h0, Wx, Wh, b):
    def run(t, state):
        if t == x.shape[1]:
            return []
        state, step = rnn_step_forward(x[:, t], state, Wx, Wh, b)
        return [(state, step)] + run(t + 1, state)

    states, cache = zip(*run(0, h0))
    h = np.stack(states, axis=1)
    return h, cache
# %% solve rnn_backward
def rnn_backward(dh, cache):
    def run(t):
        if t == len(cache):
            return [], 0.0, 0.0, 0.0, 0.0
        dxs, dnext, a, c, d = run(t + 1)
        dx, dprev, a_t, c_t, d_t = rnn_step_backward(dh[:, t] + dnext, cache[t])
        return [dx] + dxs, dprev, a + a_t, c + c_t, d + d_t

    dxs, dh0, dWx, dWh, db = run(0)
    dx = np.stack(dxs, axis=1)
    return dx, dh0, dWx, dWh, db
