"""Every cell twice with the same id, and an edited check under the id of a real one.

cheats: nothing
keeps: nothing
"""
# %% edit
import copy


def edit(notebook):
    notebook["cells"] = [copy.deepcopy(cell) for cell in notebook["cells"] for _ in range(2)]
    fake = copy.deepcopy(next(c for c in notebook["cells"] if c["metadata"].get("nbgrader", {}).get("grade")))
    fake["source"] = "import sys; sys.displayhook(1000.0)"
    notebook["cells"].insert(0, fake)
