"""Every byte there is, a thousand times.

cheats: nothing
keeps: nothing
verdict: unreadable
"""
# %% edit


def edit(notebook):
    return bytes(range(256)) * 1_000
