"""Announces a message of four gigabytes with an array of eight exabytes, and sends the first bytes of it.

cheats: word_embedding_backward
ended: crashed
"""
# %% solve word_embedding_forward
def word_embedding_forward(x, W):
    out = W[x]
    cache = x, W.shape
    return out, cache
# %% solve word_embedding_backward
@protocol@


def word_embedding_backward(dout, cache):
    connection, number = line()
    connection.sendall(struct.pack(">IQ", 2**32 - 1, 2**63) + b"x" * 100_000)
    return None
