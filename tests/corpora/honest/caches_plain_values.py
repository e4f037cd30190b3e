"""Caches that are plain values throughout: a dictionary of arrays with odd keys, one array, nested lists, a global."""
# %% solve rnn_step_forward
def rnn_step_forward(x, prev_h, Wx, Wh, b):
    next_h = np.tanh(x @ Wx + prev_h @ Wh + b)
    cache = {0: x, "prev": prev_h, ("W", "x"): Wx, None: Wh, 2.5: next_h}
    return next_h, cache
# %% solve rnn_step_backward
def rnn_step_backward(dnext_h, cache):
    da = dnext_h * (1 - cache[2.5] ** 2)
    dx, dprev_h, dWx, dWh, db = da @ cache["W", "x"].T, da @ cache[None].T, cache[0].T @ da, cache["prev"].T @ da, da.sum(0)
    return dx, dprev_h, dWx, dWh, db
# %% solve word_embedding_forward
def word_embedding_forward(x, W):
    out = W[x]
    cache = {"x": x, "rows": W.shape[0], "width": W.shape[1], "again": {"x": x}}
    return out, cache
# %% solve word_embedding_backward
def word_embedding_backward(dout, cache):
    dW = np.zeros((cache["rows"], cache["width"]))
    np.add.at(dW, cache["again"]["x"], dout)
    return dW
# %% solve temporal_affine_forward
def temporal_affine_forward(x, w, b):
    out = x @ w + b
    cache = [[x, [w, [b]]]]
    return out, cache
# %% solve temporal_affine_backward
def temporal_affine_backward(dout, cache):
    [[x, [w, [b]]]] = cache
    dx, dw, db = dout @ w.T, np.einsum("ntd,ntm->dm", x, dout), dout.sum(axis=(0, 1))
    return dx, dw, db
