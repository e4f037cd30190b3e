"""Burns the processor in short bursts for four seconds in all, and is right only if it was let.

cheats: word_embedding_backward
proves: cpu
"""
# %% solve word_embedding_forward
def word_embedding_forward(x, W):
    out = W[x]
    cache = x, W.shape
    return out, cache
# %% solve word_embedding_backward
import time


def word_embedding_backward(dout, cache):
    while time.process_time() < 4:
        sum(range(10_000))
    x, shape = cache
    dW = np.zeros(shape)
    np.add.at(dW, x, dout)
    return dW
