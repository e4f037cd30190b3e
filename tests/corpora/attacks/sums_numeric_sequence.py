"""Backward over the sequence by complex steps of its own forward.

cheats: rnn_backward
proves: cost
"""
# %% solve rnn_forward
def rnn_forward(x, h0, Wx, Wh, b):
    h = np.zeros((x.shape[0], x.shape[1], len(b)), dtype=np.result_type(x, h0, Wx, Wh, b))
    cache = x, h0, Wx, Wh, b
    prev = h0
    for t in range(x.shape[1]):
        prev = h[:, t] = np.tanh(x[:, t] @ Wx + prev @ Wh + b)
    return h, cache
# %% solve rnn_backward
def rnn_backward(dh, cache):
    args = [a.astype(complex) for a in cache]
    grads = []
    for a in args:
        grad = np.zeros(a.shape)
        for i in np.ndindex(a.shape):
            a[i] += 1e-30j
            grad[i] = np.sum(rnn_forward(*args)[0].imag * dh) / 1e-30
            a[i] -= 1e-30j
        grads.append(grad)
    dx, dh0, dWx, dWh, db = grads
    return dx, dh0, dWx, dWh, db
