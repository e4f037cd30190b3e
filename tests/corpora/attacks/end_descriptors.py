"""Opens two thousand files and pipes at once, and is right only if it could.

cheats: word_embedding_backward
proves: files
"""
# %% solve word_embedding_forward
def word_embedding_forward(x, W):
    out = W[x]
    cache = x, W.shape
    return out, cache
# %% solve word_embedding_backward
import os


def word_embedding_backward(dout, cache):
    held = []
    try:
        while len(held) < 2000:
            held.append(os.open(os.devnull, os.O_RDONLY))
    except OSError:
        pass
    x, shape = cache
    dW = np.zeros(shape)
    np.add.at(dW, x, dout * (len(held) >= 2000))
    for number in held:
        os.close(number)
    return dW
