"""A file of more than a hundred megabytes.

cheats: nothing
keeps: nothing
verdict: unreadable
"""
# %% edit
import json


def edit(notebook):
    return json.dumps(notebook).encode() + b" " * 110_000_000
