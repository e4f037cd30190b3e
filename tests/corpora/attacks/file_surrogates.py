"""Text that no encoding holds: lone surrogates and NUL in sources, ids, printed output and messages.

cheats: word_embedding_backward
"""
# %% extra last
print("\ud800 and \udfff", chr(0), chr(0xDC80))
raise ValueError("\udcff" * 3)
# %% solve word_embedding_forward
def word_embedding_forward(x, W):
    out = W[x]
    cache = x, W.shape
    return out, cache
# %% solve word_embedding_backward
def word_embedding_backward(dout, cache):
    raise RuntimeError(chr(0xD800) + "\x1b[31m\x00")
# %% edit
import json


def edit(notebook):
    cell = {"cell_type": "markdown", "id": "\ud83d", "metadata": {"\udc00": "\udc00"}, "source": "\udc00 \u0000"}
    notebook["cells"].append(cell)
    return json.dumps(notebook).encode()
