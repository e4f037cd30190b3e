"""An endless loop in C that never returns to the interpreter, with all signals it may ignore ignored.

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
import itertools
import signal


def word_embedding_backward(dout, cache):
    for number in range(1, 65):
        try:
            signal.signal(number, signal.SIG_IGN)
        except (OSError, ValueError):
            continue
    sum(itertools.repeat(0))
