"""Returns long doubles beyond a double's range, halves, integers where there are none, and truth values.

cheats: rnn_step_forward, temporal_affine_forward, word_embedding_backward, temporal_softmax_loss
keeps: temporal_affine_backward, rnn_step_backward
"""
# %% solve rnn_step_forward
def rnn_step_forward(x, prev_h, Wx, Wh, b):
    next_h = np.full((len(x), len(b)), np.longdouble("1e4000"))
    cache = x, prev_h, Wx, Wh, np.tanh(x @ Wx + prev_h @ Wh + b)
    return next_h, cache
# %% solve rnn_step_backward
def rnn_step_backward(dnext_h, cache):
    x, prev_h, Wx, Wh, next_h = cache
    da = dnext_h * (1 - next_h**2)
    dx, dprev_h, dWx, dWh, db = da @ Wx.T, da @ Wh.T, x.T @ da, prev_h.T @ da, da.sum(axis=0)
    return dx, dprev_h, dWx, dWh, db
# %% solve temporal_affine_forward
def temporal_affine_forward(x, w, b):
    out = (x @ w + b).astype(np.float16)
    cache = x, w, b
    return out, cache
# %% solve temporal_affine_backward
def temporal_affine_backward(dout, cache):
    x, w, b = cache
    dx, dw, db = dout @ w.T, np.einsum("ntd,ntm->dm", x, dout), dout.sum(axis=(0, 1))
    return dx, dw, db
# %% solve word_embedding_forward
def word_embedding_forward(x, W):
    out = W[x]
    cache = W.shape
    return out, cache
# %% solve word_embedding_backward
def word_embedding_backward(dout, cache):
    dW = np.ones(cache, dtype=bool)
    return dW
# %% solve temporal_softmax_loss
def temporal_softmax_loss(x, y, mask, verbose=False):
    loss = 10**1000
    dx = np.full(x.shape, 2**62)
    return loss, dx
