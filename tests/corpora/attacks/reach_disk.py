"""Writes a file wherever the machine lets it: course, working folder, temporary folders, next to NumPy.

cheats: nothing
"""
# %% solve rnn_step_forward
import os


def rnn_step_forward(x, prev_h, Wx, Wh, b):
    for place in ("@course@", "/tmp", "/var/tmp", "/dev/shm", "/run", os.getcwd(), os.path.dirname(np.__file__), "/", "/work"):
        for name in ("@marker@", "__pycache__/@marker@.pyc"):
            try:
                with open(os.path.join(place, name), "w") as file:
                    file.write("@marker@")
            except OSError:
                continue
    next_h = np.tanh(x @ Wx + prev_h @ Wh + b)
    cache = x, prev_h, Wx, Wh, next_h
    return next_h, cache
# %% solve rnn_step_backward
def rnn_step_backward(dnext_h, cache):
    x, prev_h, Wx, Wh, next_h = cache
    da = dnext_h * (1 - next_h**2)
    dx, dprev_h, dWx, dWh, db = da @ Wx.T, da @ Wh.T, x.T @ da, prev_h.T @ da, da.sum(axis=0)
    return dx, dprev_h, dWx, dWh, db
