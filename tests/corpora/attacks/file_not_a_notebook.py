"""JSON that is no notebook.

cheats: nothing
keeps: nothing
verdict: unreadable
"""
# %% edit
def edit(notebook):
    return b'["cells", {"cells": []}]'
