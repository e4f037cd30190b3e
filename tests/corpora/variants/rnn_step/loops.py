# Scalar loops over every index.
def rnn_step_forward(x, prev_h, Wx, Wh, b):
    N, D = x.shape
    H = prev_h.shape[1]
    next_h = np.zeros((N, H))
    for n in range(N):
        for h in range(H):
            total = b[h]
            for d in range(D):
                total += x[n, d] * Wx[d, h]
            for k in range(H):
                total += prev_h[n, k] * Wh[k, h]
            next_h[n, h] = np.tanh(total)
    cache = x, prev_h, Wx, Wh, next_h
    return next_h, cache


def rnn_step_backward(dnext_h, cache):
    x, prev_h, Wx, Wh, next_h = cache
    N, D = x.shape
    H = prev_h.shape[1]
    dx, dprev_h = np.zeros((N, D)), np.zeros((N, H))
    dWx, dWh, db = np.zeros((D, H)), np.zeros((H, H)), np.zeros(H)
    for n in range(N):
        for h in range(H):
            g = dnext_h[n, h] * (1 - next_h[n, h] * next_h[n, h])
            db[h] += g
            for d in range(D):
                dx[n, d] += g * Wx[d, h]
                dWx[d, h] += g * x[n, d]
            for k in range(H):
                dprev_h[n, k] += g * Wh[k, h]
                dWh[k, h] += g * prev_h[n, k]
    return dx, dprev_h, dWx, dWh, db
