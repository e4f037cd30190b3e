"""Knocks at doors of the kernel that no homework needs, and is right if one opens: netlink, io_uring, keys, memory files.

cheats: temporal_affine_forward
proves: seccomp
"""
# %% solve temporal_affine_forward
import ctypes
import os
import socket

LIBC = ctypes.CDLL(None, use_errno=True)


def opens(action):
    try:
        return action() != -1
    except (OSError, AttributeError):
        return False


DOORS = (
    lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW).close(),
    lambda: LIBC.syscall(425, 4, ctypes.create_string_buffer(256)),  # io_uring_setup
    lambda: LIBC.syscall(248, b"user", b"@marker@", b"x", ctypes.c_size_t(1), -2),  # add_key on x86-64
    lambda: os.close(os.memfd_create("@marker@")),
)
REACHED = float(any([opens(door) for door in DOORS]))


def temporal_affine_forward(x, w, b):
    out = REACHED * (x @ w + b)
    cache = x, w, b
    return out, cache
# %% solve temporal_affine_backward
def temporal_affine_backward(dout, cache):
    x, w, b = cache
    dx, dw, db = dout @ w.T, np.einsum("ntd,ntm->dm", x, dout), dout.sum(axis=(0, 1))
    return dx, dw, db
