"""An empty file.

cheats: nothing
keeps: nothing
verdict: unreadable
"""
# %% edit


def edit(notebook):
    return b""
