"""Waits for an answer at the keyboard.

cheats: word_embedding_backward
"""
# %% solve word_embedding_forward
def word_embedding_forward(x, W):
    out = W[x]
    cache = x, W.shape
    return out, cache
# %% solve word_embedding_backward
import sys


def word_embedding_backward(dout, cache):
    sys.stdin.read()
    return input("marks? ")
