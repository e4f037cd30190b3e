"""A byte order mark in front of the file, as some editors write, and one in front of a source."""
# %% edit
import json


def edit(notebook):
    return b"\xef\xbb\xbf" + json.dumps(notebook, ensure_ascii=False).encode()
