# A dictionary keeps the pre-activation; the slope is 1 / cosh squared.
def rnn_step_forward(x, prev_h, Wx, Wh, b):
    a = b + np.dot(prev_h, Wh) + np.dot(x, Wx)
    next_h = np.tanh(a)
    cache = {"x": x, "h": prev_h, "Wx": Wx, "Wh": Wh, "a": a}
    return next_h, cache


def rnn_step_backward(dnext_h, cache):
    da = dnext_h / np.cosh(cache["a"]) ** 2
    dx = np.dot(da, cache["Wx"].T)
    dprev_h = np.dot(da, cache["Wh"].T)
    dWx = np.dot(cache["x"].T, da)
    dWh = np.dot(cache["h"].T, da)
    db = np.sum(da, axis=0)
    return dx, dprev_h, dWx, dWh, db
