"""A web page saved under the notebook's name.

cheats: nothing
keeps: nothing
verdict: unreadable
"""
# %% edit


def edit(notebook):
    return b"<!DOCTYPE html><html><body>Canvas: your session has expired</body></html>"
