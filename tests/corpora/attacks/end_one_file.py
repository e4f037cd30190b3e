"""Writes one file of twenty-four megabytes, and is right only if it could.

cheats: word_embedding_backward
proves: file_size
"""
# %% solve word_embedding_forward
def word_embedding_forward(x, W):
    out = W[x]
    cache = x, W.shape
    return out, cache
# %% solve word_embedding_backward
import os
import signal

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)


def fits(size):
    try:
        with open("/tmp/@marker@", "wb") as file:
            file.truncate(size)
        return os.path.getsize("/tmp/@marker@") == size
    except OSError:
        return False
    finally:
        if os.path.exists("/tmp/@marker@"):
            os.remove("/tmp/@marker@")


def word_embedding_backward(dout, cache):
    x, shape = cache
    dW = np.zeros(shape)
    np.add.at(dW, x, dout * fits(24 << 20))
    return dW
