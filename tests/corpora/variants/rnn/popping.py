# Step caches on a stack, popped off on the way back.
def rnn_forward(x, h0, Wx, Wh, b):
    cache = [x.shape]
    h = np.zeros((x.shape[0], x.shape[1], h0.shape[1]))
    for t in range(x.shape[1]):
        h[:, t], kept = rnn_step_forward(x[:, t], h[:, t - 1] if t > 0 else h0, Wx, Wh, b)
        cache += [kept]
    return h, cache


def rnn_backward(dh, cache):
    N, T, H = dh.shape
    D = cache[0][2]
    dx, dh0 = np.zeros((N, T, D)), np.zeros((N, H))
    dWx, dWh, db = np.zeros((D, H)), np.zeros((H, H)), np.zeros((H,))
    t = T
    while len(cache) > 1:
        t -= 1
        dx[:, t], dh0, gx, gh, gb = rnn_step_backward(dh0 + dh[:, t], cache.pop())
        dWx, dWh, db = dWx + gx, dWh + gh, db + gb
    return dx, dh0, dWx, dWh, db
