"""Backward pops the cache empty: it survives one call, and one call is what it gets."""
# %% solve rnn_forward
def rnn_forward(x, h0, Wx, Wh, b):
    N, T, D = x.shape
    h = np.zeros((N, T, h0.shape[1]))
    cache = []
    state = h0
    for t in range(T):
        state, one = rnn_step_forward(x[:, t, :], state, Wx, Wh, b)
        h[:, t, :] = state
        cache.append(one)
    cache.append(D)
    return h, cache
# %% solve rnn_backward
def rnn_backward(dh, cache):
    N, T, H = dh.shape
    D = cache.pop()
    dx = np.zeros((N, T, D))
    dWx, dWh, db, dh0 = np.zeros((D, H)), np.zeros((H, H)), np.zeros(H), np.zeros((N, H))
    while cache:
        t = len(cache) - 1
        dx[:, t], dh0, dWx_t, dWh_t, db_t = rnn_step_backward(dh[:, t] + dh0, cache.pop())
        dWx += dWx_t
        dWh += dWh_t
        db += db_t
    return dx, dh0, dWx, dWh, db
# %% solve temporal_affine_forward
def temporal_affine_forward(x, w, b):
    out = x @ w + b
    cache = {"x": x, "w": w}
    return out, cache
# %% solve temporal_affine_backward
def temporal_affine_backward(dout, cache):
    x, w = cache.pop("x"), cache.pop("w")
    dx, dw, db = dout @ w.T, np.einsum("ntd,ntm->dm", x, dout), dout.sum(axis=(0, 1))
    return dx, dw, db
