"""Prints sixty megabytes, from Python and past it, from every cell and every call; what it computes is right.

cheats: nothing
shows: 4000000
"""
# %% extra last
import os

for _ in range(30):
    print("@marker@" * 130_000)
for _ in range(300):
    os.write(1, b"past Python " * 8_000)
    os.write(2, b"past Python " * 8_000)
# %% solve temporal_affine_forward
def temporal_affine_forward(x, w, b):
    print("called " * 2_000)
    out = x @ w + b
    cache = x, w, b
    return out, cache
# %% solve temporal_affine_backward
def temporal_affine_backward(dout, cache):
    x, w, b = cache
    display(dout)
    dx, dw, db = dout @ w.T, np.einsum("ntd,ntm->dm", x, dout), dout.sum(axis=(0, 1))
    return dx, dw, db
