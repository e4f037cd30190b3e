"""Magics and commands above an exercise in its own cell, which fail where neither packages nor programs are."""
# %% edit
ABOVE = ("%matplotlib inline", "%load_ext nb_black", "!ls", "files = !ls", "%autoreload 2", "%config X.y = 1", "%cd data")


def edit(notebook):
    solves = [cell for cell in notebook["cells"] if cell["metadata"]["assignment"]["kind"] == "solve"]
    for line, cell in zip(ABOVE, solves):
        cell["source"] = f"{line}\n{''.join(cell['source'])}"
