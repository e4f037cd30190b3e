"""Asks the kernel for more: root, a new user namespace, mounts, higher limits, another root folder.

cheats: temporal_affine_forward
proves: namespaces+seccomp, capabilities+seccomp
"""
# %% solve temporal_affine_forward
import ctypes
import os
import resource


def temporal_affine_forward(x, w, b):
    libc = ctypes.CDLL(None, use_errno=True)
    granted = []

    def attempt(what, action):
        try:
            if action() in (None, 0):
                granted.append(what)
        except (OSError, ValueError, PermissionError):
            pass

    attempt("user namespace", lambda: libc.unshare(0x10000000))
    attempt("mount", lambda: libc.mount(b"none", b"/tmp", b"tmpfs", 0, None))
    attempt("chroot", lambda: os.chroot("/"))
    attempt("setuid", lambda: os.setuid(0) if os.getuid() else 1)
    attempt("limit", lambda: resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY)))
    out = float(bool(granted)) * (x @ w + b)
    cache = x, w, b
    return out, cache
# %% solve temporal_affine_backward
def temporal_affine_backward(dout, cache):
    x, w, b = cache
    dx, dw, db = dout @ w.T, np.einsum("ntd,ntm->dm", x, dout), dout.sum(axis=(0, 1))
    return dx, dw, db
