"""Variables, helpers and keys in Chinese and Greek."""
# %% solve rnn_step_forward
def 激活(α):
    """双曲正切。"""
    return np.tanh(α)


def rnn_step_forward(x, prev_h, Wx, Wh, b):
    预激活 = x @ Wx + prev_h @ Wh + b
    next_h = 激活(预激活)
    cache = {"输入": x, "上一步": prev_h, "Wx": Wx, "Wh": Wh, "输出": next_h}
    return next_h, cache
# %% solve rnn_step_backward
def rnn_step_backward(dnext_h, cache):
    δ = dnext_h * (1 - cache["输出"] ** 2)
    dx, dprev_h = δ @ cache["Wx"].T, δ @ cache["Wh"].T
    dWx, dWh, db = cache["输入"].T @ δ, cache["上一步"].T @ δ, δ.sum(0)
    return dx, dprev_h, dWx, dWh, db
