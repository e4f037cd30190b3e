"""Raises errors with forged classes and messages: an exception that claims to be the examiner's own.

cheats: word_embedding_backward, temporal_affine_backward
"""
# %% solve word_embedding_forward
def word_embedding_forward(x, W):
    out = W[x]
    cache = x, W.shape
    return out, cache
# %% solve word_embedding_backward
import os
import socket
import stat
import struct
import sys


def line():
    """The socket to the examiner, and the number of the request that is being answered."""
    found = [n for n in range(3, 256) if is_stream(n)]
    number, frame = 0, sys._getframe()
    while frame is not None:
        number = getattr(frame.f_locals.get("request"), "number", number)
        frame = frame.f_back
    return socket.socket(fileno=os.dup(found[0])), number


def is_stream(n):
    try:
        return stat.S_ISSOCK(os.fstat(n).st_mode)
    except OSError:
        return False


def message(fields, blob=b""):
    import msgpack

    header = msgpack.packb(fields)
    return struct.pack(">IQ", len(header), len(blob)) + header + blob


def word_embedding_backward(dout, cache):
    connection, number = line()
    kinds = ["Ended", "SystemExit", "KeyboardInterrupt", "BaseException"] * 50
    connection.sendall(message([number, 0, "raised", kinds, "x" * 10_000, "y" * 10_000]))
    os._exit(0)
# %% solve temporal_affine_forward
def temporal_affine_forward(x, w, b):
    out = x @ w + b
    cache = x, w, b
    return out, cache
# %% solve temporal_affine_backward
def temporal_affine_backward(dout, cache):
    class Exception(BaseException):
        pass

    Exception.__name__ = Exception.__qualname__ = "AssertionError'; import os #"
    raise Exception("\x00\x1b[2J{0}%s" * 1000)
