"""Check cells copied to play with, one of them emptied, with the ids of the originals."""
# %% edit
import copy


def edit(notebook):
    checks = [c for c in notebook["cells"] if c["metadata"].get("assignment", {}).get("kind") == "check"]
    for number, cell in enumerate(checks[:4]):
        twin = copy.deepcopy(cell)
        if number % 2:
            twin["source"] = "rel_error(np.ones(3), np.ones(3))"
        notebook["cells"].insert(notebook["cells"].index(cell) + 1, twin)
