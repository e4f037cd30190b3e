"""Decorates an inner function: timing, memory of results, error state."""
# %% solve rnn_step_forward
import functools
import time

SPENT = {}


def timed(function):
    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        start = time.perf_counter()
        try:
            return function(*args, **kwargs)
        finally:
            SPENT[function.__name__] = SPENT.get(function.__name__, 0.0) + time.perf_counter() - start

    return wrapper


def rnn_step_forward(x, prev_h, Wx, Wh, b):
    @timed
    @functools.lru_cache(maxsize=None)
    def activation():
        with np.errstate(all="raise", under="ignore"):
            return np.tanh(x @ Wx + prev_h @ Wh + b)

    activation()
    next_h = activation()
    cache = x, prev_h, Wx, Wh, next_h
    return next_h, cache
# %% solve rnn_step_backward
def rnn_step_backward(dnext_h, cache):
    x, prev_h, Wx, Wh, next_h = cache
    da = dnext_h * (1 - next_h**2)
    dx, dprev_h, dWx, dWh, db = da @ Wx.T, da @ Wh.T, x.T @ da, prev_h.T @ da, da.sum(axis=0)
    return dx, dprev_h, dWx, dWh, db
