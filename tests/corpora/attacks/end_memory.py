"""Takes two gigabytes, touching every page, and is right only if it got them.

cheats: word_embedding_backward
"""
# %% solve word_embedding_forward
def word_embedding_forward(x, W):
    out = W[x]
    cache = x, W.shape
    return out, cache
# %% solve word_embedding_backward
import mmap


def word_embedding_backward(dout, cache):
    held = []
    for _ in range(32):
        block = mmap.mmap(-1, 1 << 26)
        for page in range(0, 1 << 26, 4096):
            block[page] = 1
        held.append(block)
    for block in held:
        block.close()
    x, shape = cache
    dW = np.zeros(shape)
    np.add.at(dW, x, dout)
    return dW
