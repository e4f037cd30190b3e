"""Takes the work of another student, and is right only if it found some.

cheats: temporal_affine_forward
proves: view
"""
# %% solve temporal_affine_forward
import glob


def temporal_affine_forward(x, w, b):
    others = [p for root in ("@course@", "..", "../..", "../../..") for p in glob.glob(f"{root}/submitted/*/*/*.ipynb")]
    reached = 0.0
    for path in others:
        try:
            with open(path) as file:
                reached = float(len(file.read(10)) > 0)
        except OSError:
            continue
    out = reached * (x @ w + b)
    cache = x, w, b
    return out, cache
# %% solve temporal_affine_backward
def temporal_affine_backward(dout, cache):
    x, w, b = cache
    dx, dw, db = dout @ w.T, np.einsum("ntd,ntm->dm", x, dout), dout.sum(axis=(0, 1))
    return dx, dw, db
