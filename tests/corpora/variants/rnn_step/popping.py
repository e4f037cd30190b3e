# The backward pass empties the list that the forward pass filled.
def rnn_step_forward(x, prev_h, Wx, Wh, b):
    cache = []
    cache.append(x)
    cache.append(prev_h)
    cache.append(Wx)
    cache.append(Wh)
    next_h = np.tanh(prev_h @ Wh + x @ Wx + b)
    cache.append(next_h)
    return next_h, cache


def rnn_step_backward(dnext_h, cache):
    next_h = cache.pop()
    dsum = dnext_h * (1 - next_h * next_h)
    db = dsum.sum(axis=0)
    dprev_h = dsum @ cache.pop().T
    dx = dsum @ cache.pop().T
    dWh = cache.pop().T @ dsum
    dWx = cache.pop().T @ dsum
    return dx, dprev_h, dWx, dWh, db
