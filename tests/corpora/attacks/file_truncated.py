"""A file that ends in the middle, as a broken upload does.

cheats: nothing
keeps: nothing
verdict: unreadable
"""
# %% edit
import json


def edit(notebook):
    return json.dumps(notebook).encode()[:20_000]
