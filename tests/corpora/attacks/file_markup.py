"""Scripts in markdown, outputs, names, messages and displayed objects: none may reach a page unescaped.

cheats: word_embedding_backward
shows: 4000000
"""
# %% extra last
from IPython.display import HTML, SVG, Javascript, display

display(HTML("<script>alert('@marker@')</script>"), Javascript("alert('@marker@')"))
display({"text/html": "<img src=x onerror=alert('@marker@')>", "application/javascript": "alert('@marker@')"}, raw=True)
display({"image/svg+xml": "<svg onload=alert('@marker@')/>", "text/latex": "\\href{javascript:alert(1)}{x}"}, raw=True)
display({"image/png": "<script>alert('@marker@')</script>", "text/markdown": "[x](javascript:alert('@marker@'))"}, raw=True)
print("<script>alert('@marker@')</script>\x1b]8;;javascript:alert(1)\x07link\x1b]8;;\x07\x1b[2J")
# %% solve word_embedding_forward
def word_embedding_forward(x, W):
    out = W[x]
    cache = x, W.shape
    return out, cache
# %% solve word_embedding_backward
def word_embedding_backward(dout, cache):
    raise ValueError("<script>alert('@marker@')</script>")
# %% edit
def edit(notebook):
    script = "<script>alert('@marker@')</script><img src=x onerror=alert(1)>"
    fences = ("", "```\n", "````````\n", "~~~\n", "\n```text\n```\n", " ```\r\n", "</code></pre>", "\u2028```\u2028", "```\x0b```\x0c\n")
    for number, fence in enumerate(fences):
        cell = {"cell_type": "markdown", "id": f"mine-{number}", "metadata": {}, "source": f"{fence}{script}\n{fence}{script}"}
        notebook["cells"].insert(1, cell)
    notebook["cells"].insert(2, {"cell_type": "raw", "id": script, "metadata": {"name": script}, "source": script})
    notebook["metadata"]["title"] = script
