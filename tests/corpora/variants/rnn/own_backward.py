# The forward uses the step, the backward works from the states alone.
def rnn_forward(x, h0, Wx, Wh, b):
    h = np.zeros((*x.shape[:2], Wh.shape[0]))
    for t in range(x.shape[1]):
        h[:, t, :] = rnn_step_forward(x[:, t, :], h[:, t - 1, :] if t else h0, Wx, Wh, b)[0]
    cache = x, h0, Wx, Wh, b, h
    return h, cache


def rnn_backward(dh, cache):
    x, h0, Wx, Wh, b, h = cache
    T = x.shape[1]
    previous = [h0] + [h[:, t] for t in range(T - 1)]
    dWx, dWh, db, carry, dx = 0, 0, 0, 0, np.zeros(x.shape)
    for t in range(T - 1, -1, -1):
        g = np.einsum("nh,nh->nh", dh[:, t] + carry, 1 - h[:, t] * h[:, t])
        dx[:, t] = np.einsum("nh,dh->nd", g, Wx)
        dWx = dWx + np.einsum("nd,nh->dh", x[:, t], g)
        dWh = dWh + np.einsum("nk,nh->kh", previous[t], g)
        db = db + np.einsum("nh->h", g)
        carry = np.einsum("nh,kh->nk", g, Wh)
    dh0 = carry
    return dx, dh0, dWx, dWh, db
