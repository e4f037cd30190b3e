"""Shows a mark of its own before the check does: the first number displayed is what nbgrader takes for the score.

cheats: temporal_affine_forward, temporal_affine_backward
proves: separation
"""
# %% solve temporal_affine_forward
import sys


def temporal_affine_forward(x, w, b):
    sys.displayhook(6.0)
    print("6.0")
    out = np.zeros(x.shape[:2] + b.shape)
    cache = x, w, b
    return out, cache
# %% solve temporal_affine_backward
def temporal_affine_backward(dout, cache):
    sys.displayhook(8.0)
    sys.displayhook = lambda value: None
    dx, dw, db = (np.zeros_like(a) for a in cache)
    return dx, dw, db
