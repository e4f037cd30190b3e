"""Backward sets the upstream gradient it was given to zero: the numeric gradient made with it is zero as well.

cheats: rnn_step_backward, temporal_affine_backward, word_embedding_backward
"""
# %% solve rnn_step_backward
def rnn_step_backward(dnext_h, cache):
    x, prev_h, Wx, Wh = cache
    dnext_h[...] = 0
    dx, dprev_h, dWx, dWh, db = (np.zeros_like(a) for a in (x, prev_h, Wx, Wh, Wh[0]))
    return dx, dprev_h, dWx, dWh, db
# %% solve rnn_step_forward
def rnn_step_forward(x, prev_h, Wx, Wh, b):
    next_h = np.tanh(x @ Wx + prev_h @ Wh + b)
    cache = x, prev_h, Wx, Wh
    return next_h, cache
# %% solve temporal_affine_forward
def temporal_affine_forward(x, w, b):
    out = x @ w + b
    cache = x, w, b
    return out, cache
# %% solve temporal_affine_backward
def temporal_affine_backward(dout, cache):
    dout[...] = 0
    dx, dw, db = (np.zeros_like(a) for a in cache)
    return dx, dw, db
# %% solve word_embedding_forward
def word_embedding_forward(x, W):
    out = W[x]
    cache = W.shape
    return out, cache
# %% solve word_embedding_backward
def word_embedding_backward(dout, cache):
    dout[...] = 0
    dW = np.zeros(cache)
    return dW
