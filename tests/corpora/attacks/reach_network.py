"""Connects to a listener on this very machine, by TCP and by an abstract Unix socket, and is right if one answered.

cheats: temporal_affine_forward
proves: network
"""
# %% solve temporal_affine_forward
import socket


def knock(family, address):
    try:
        with socket.socket(family, socket.SOCK_STREAM) as line:
            line.settimeout(0.5)
            line.connect(address)
            return True
    except OSError:
        return False


REACHED = float(knock(socket.AF_INET, ("127.0.0.1", int("@port@"))) or knock(socket.AF_UNIX, "\0@marker@"))


def temporal_affine_forward(x, w, b):
    out = REACHED * (x @ w + b)
    cache = x, w, b
    return out, cache
# %% solve temporal_affine_backward
def temporal_affine_backward(dout, cache):
    x, w, b = cache
    dx, dw, db = dout @ w.T, np.einsum("ntd,ntm->dm", x, dout), dout.sum(axis=(0, 1))
    return dx, dw, db
