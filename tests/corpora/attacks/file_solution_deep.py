"""An expression nested ninety thousand times inside a solve cell, where everything that compares cells must read it.

cheats: word_embedding_backward
keeps: rnn_step_forward, rnn_step_backward
proves: reader
"""
# %% cell word_embedding_backward
def word_embedding_backward(dout, cache):
    return DEEP
# %% edit
def edit(notebook):
    for cell in notebook["cells"]:
        if "DEEP" in cell["source"]:
            cell["source"] = cell["source"].replace("DEEP", "-" * 90_000 + "1")
