# The cache is an object of a class of its own.
def rnn_step_forward(x, prev_h, Wx, Wh, b):
    class Kept:
        pass

    cache = Kept()
    cache.x, cache.prev_h, cache.Wx, cache.Wh = x, prev_h, Wx, Wh
    cache.next_h = next_h = np.tanh(np.matmul(x, Wx) + np.matmul(prev_h, Wh) + b.reshape(1, -1))
    return next_h, cache


def rnn_step_backward(dnext_h, cache):
    dtanh = dnext_h * (1.0 - np.square(cache.next_h))
    dx = np.matmul(dtanh, np.transpose(cache.Wx))
    dprev_h = np.matmul(dtanh, np.transpose(cache.Wh))
    dWx = np.matmul(np.transpose(cache.x), dtanh)
    dWh = np.matmul(np.transpose(cache.prev_h), dtanh)
    db = np.ones(len(dtanh)) @ dtanh
    return dx, dprev_h, dWx, dWh, db
