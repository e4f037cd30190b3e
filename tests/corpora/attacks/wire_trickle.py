"""Sends a message of sixty megabytes at one byte every tenth of a second.

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

@protocol@


def word_embedding_backward(dout, cache):
    connection, number = line()
    connection.sendall(struct.pack(">IQ", 100, 60_000_000))
    while True:
        connection.sendall(b"x")
        time.sleep(0.1)
