"""The notebook, compressed.

cheats: nothing
keeps: nothing
verdict: unreadable
"""
# %% edit
import gzip
import json


def edit(notebook):
    return gzip.compress(json.dumps(notebook).encode())
