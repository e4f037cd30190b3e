"""A zip bomb under the name of a notebook: a hundred megabytes in a hundred kilobytes.

cheats: nothing
keeps: nothing
verdict: unreadable
"""
# %% edit
import io
import zipfile


def edit(notebook):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("rnn.ipynb", b" " * 100_000_000)
    return file.getvalue()
