"""Starts two hundred processes that sleep, and is right only if they all started.

cheats: word_embedding_backward
proves: processes+seccomp
"""
# %% solve word_embedding_forward
def word_embedding_forward(x, W):
    out = W[x]
    cache = x, W.shape
    return out, cache
# %% solve word_embedding_backward
import os
import time

STARTED = []


def start():
    for _ in range(200):
        try:
            child = os.fork()
        except OSError:
            continue
        if child == 0:
            try:
                os.closerange(0, 256)
                time.sleep(20)
            finally:
                os._exit(0)
        STARTED.append(child)


def word_embedding_backward(dout, cache):
    if not STARTED:
        start()
    x, shape = cache
    dW = np.zeros(shape)
    np.add.at(dW, x, dout * (len(STARTED) >= 200))
    return dW
