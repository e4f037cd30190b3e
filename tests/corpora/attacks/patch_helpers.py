"""Defines rel_error and the numerical gradients again: no error anywhere, every gradient zero.

cheats: temporal_affine_forward, temporal_affine_backward
proves: separation
"""
# %% extra check-temporal_affine_forward
def rel_error(x, y):
    return 0.0


def eval_numerical_gradient_array(f, x, df, h=1e-5):
    return np.zeros_like(x)


def eval_numerical_gradient(f, x, verbose=True, h=1e-5):
    return np.zeros_like(x)
# %% solve temporal_affine_forward
def temporal_affine_forward(x, w, b):
    out = np.zeros(x.shape[:2] + b.shape)
    cache = x, w, b
    return out, cache
# %% solve temporal_affine_backward
def temporal_affine_backward(dout, cache):
    dx, dw, db = (np.zeros_like(a) for a in cache)
    return dx, dw, db
