"""A solve cell copied for safety before it was changed: the copy with the same id still holds the stub."""
# %% edit
import copy


def edit(notebook):
    for place, cell in enumerate(notebook["cells"]):
        if cell["id"] == "solve-rnn_step_forward":
            old = copy.deepcopy(cell)
            old["source"] = "def rnn_step_forward(x, prev_h, Wx, Wh, b):\n    raise NotImplementedError"
            notebook["cells"].insert(place, old)
            break
