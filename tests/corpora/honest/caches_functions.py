"""The cache is a function that already knows everything: backward only calls it."""
# %% solve rnn_step_forward
def rnn_step_forward(x, prev_h, Wx, Wh, b):
    next_h = np.tanh(x @ Wx + prev_h @ Wh + b)

    def back(upstream):
        da = upstream * (1 - next_h**2)
        return da @ Wx.T, da @ Wh.T, x.T @ da, prev_h.T @ da, da.sum(axis=0)

    cache = back
    return next_h, cache
# %% solve rnn_step_backward
def rnn_step_backward(dnext_h, cache):
    dx, dprev_h, dWx, dWh, db = cache(dnext_h)
    return dx, dprev_h, dWx, dWh, db
# %% solve temporal_affine_forward
def temporal_affine_forward(x, w, b):
    out = x @ w + b
    cache = lambda g: (g @ w.T, np.einsum("ntd,ntm->dm", x, g), g.sum(axis=(0, 1)))
    return out, cache
# %% solve temporal_affine_backward
def temporal_affine_backward(dout, cache):
    dx, dw, db = cache(dout)
    return dx, dw, db
# %% solve word_embedding_forward
def word_embedding_forward(x, W):
    out = W[x]
    cache = x.__copy__, W.shape.__iter__
    return out, cache
# %% solve word_embedding_backward
def word_embedding_backward(dout, cache):
    dW = np.zeros(tuple(cache[1]()))
    np.add.at(dW, cache[0](), dout)
    return dW
