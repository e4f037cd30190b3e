# The cache is a function of the upstream gradient.
def rnn_forward(x, h0, Wx, Wh, b):
    tape, state, outputs = [], h0, []
    for t in range(x.shape[1]):
        state, kept = rnn_step_forward(x[:, t], state, Wx, Wh, b)
        tape.append(kept)
        outputs.append(state)
    h = np.dstack(outputs).transpose(0, 2, 1)

    def cache(dh):
        total, flow, dx = [0, 0, 0], 0, np.zeros_like(x)
        for t in range(len(tape) - 1, -1, -1):
            dx[:, t], flow, *more = rnn_step_backward(dh[:, t] + flow, tape[t])
            total = [old + new for old, new in zip(total, more)]
        return [dx, flow] + total

    return h, cache


def rnn_backward(dh, cache):
    dx, dh0, dWx, dWh, db = cache(dh)
    return dx, dh0, dWx, dWh, db
