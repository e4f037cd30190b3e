"""Numbers that JSON allows and programs do not like: NaN, infinities, a million digits, as counts and versions.

cheats: nothing
keeps: nothing
verdict: graded, unreadable
"""
# %% edit
import json


def edit(notebook):
    text = json.dumps(notebook)
    return text.replace('"execution_count": 2,', '"execution_count": ' + "9" * 1_000_000 + ",").replace(
        '"nbformat_minor": 5', '"nbformat_minor": NaN, "score": Infinity'
    ).encode()
