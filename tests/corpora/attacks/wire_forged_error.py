"""Raises errors with forged classes and messages: an exception that claims to be the examiner's own.

cheats: word_embedding_backward, temporal_affine_backward
"""
# %% solve word_embedding_forward
def word_embedding_forward(x, W):
    out = W[x]
    cache = x, W.shape
    return out, cache
# %% solve word_embedding_backward
@protocol@


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
