"""Stops itself with SIGSTOP: not dead, not busy, and never to answer.

cheats: word_embedding_backward
proves: clock
"""
# %% solve word_embedding_forward
def word_embedding_forward(x, W):
    out = W[x]
    cache = x, W.shape
    return out, cache
# %% solve word_embedding_backward
import os
import signal


def word_embedding_backward(dout, cache):
    os.kill(os.getpid(), signal.SIGSTOP)
