"""Fills the disk with 256 megabytes in one file and many, and is right only if they fitted.

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
import tempfile

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)


def word_embedding_backward(dout, cache):
    written, block = 0, b"x" * (1 << 20)
    for folder in (tempfile.gettempdir(), os.getcwd(), "/dev/shm"):
        for size in (256, 8):
            for number in range(1 if size == 256 else 32):
                path = os.path.join(folder, f"@marker@-{size}-{number}")
                try:
                    with open(path, "wb", buffering=0) as file:
                        for _ in range(size):
                            written += file.write(block)
                except OSError:
                    continue
                finally:
                    if os.path.exists(path) and written >= 256 << 20:
                        os.remove(path)
    x, shape = cache
    dW = np.zeros(shape)
    np.add.at(dW, x, dout * (written >= 256 << 20))
    return dW
