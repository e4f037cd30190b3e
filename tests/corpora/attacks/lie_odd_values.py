"""Returns what has no place on a wire: recursion, enormous integers, dates, records, generators, text for numbers.

cheats: rnn_step_forward, rnn_step_backward, word_embedding_forward, temporal_affine_forward, temporal_softmax_loss
keeps: nothing
"""
# %% solve rnn_step_forward
def rnn_step_forward(x, prev_h, Wx, Wh, b):
    next_h = []
    next_h.append(next_h)
    cache = x, prev_h, Wx, Wh, b
    return next_h, cache
# %% solve rnn_step_backward
def rnn_step_backward(dnext_h, cache):
    dx, dprev_h = 10**100_000, np.array(["2020-01-01"], dtype="datetime64[D]")
    dWx, dWh, db = np.zeros((3, 3), dtype="f8,i4"), (n for n in iter(int, 1)), "0.5"
    return dx, dprev_h, dWx, dWh, db
# %% solve word_embedding_forward
def word_embedding_forward(x, W):
    out = W[x].astype(np.complex128) * 1j
    cache = {1: 2, (3, 4): {5}, None: b"\xff", "\ud800": float("nan")}
    return out, cache
# %% solve temporal_affine_forward
def temporal_affine_forward(x, w, b):
    out = np.array(["\ud800" * 10])
    cache = b"\x00" * 1000
    return out, cache
# %% solve temporal_softmax_loss
def temporal_softmax_loss(x, y, mask, verbose=False):
    loss = {"loss": {"loss": {"loss": 2.3}}}
    dx = [[0.0] * n for n in range(7)]
    return loss, dx
