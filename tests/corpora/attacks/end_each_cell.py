"""A hundred cells, each of which ends the process; what comes after them is right.

cheats: nothing
"""
# %% extra first
import os

os._exit(0)
# %% edit
import copy


def edit(notebook):
    notebook["cells"][:0] = [copy.deepcopy(notebook["cells"][0]) for _ in range(99)]
