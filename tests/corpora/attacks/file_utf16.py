"""The notebook in UTF-16.

cheats: nothing
keeps: nothing
verdict: graded, unreadable
"""
# %% edit
import json


def edit(notebook):
    return json.dumps(notebook).encode("utf-16")
