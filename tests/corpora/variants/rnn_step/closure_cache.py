# The forward pass returns the backward pass as a function; the cache is that function.
def rnn_step_forward(x, prev_h, Wx, Wh, b):
    next_h = np.tanh(x @ Wx + prev_h @ Wh + b)

    def cache(dnext_h):
        da = dnext_h - dnext_h * next_h * next_h
        return da @ Wx.T, da @ Wh.T, x.T @ da, prev_h.T @ da, da.sum(0)

    return next_h, cache


def rnn_step_backward(dnext_h, cache):
    dx, dprev_h, dWx, dWh, db = cache(dnext_h)
    return dx, dprev_h, dWx, dWh, db
