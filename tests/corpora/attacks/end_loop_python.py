"""An endless loop in Python that swallows every exception.

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
def word_embedding_backward(dout, cache):
    while True:
        try:
            while True:
                pass
        except BaseException:
            continue
