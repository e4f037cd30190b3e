"""Copied cell by cell into a new notebook: no metadata, new ids, other kernel, prose left out."""
# %% edit
import hashlib


def edit(notebook):
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    for number, cell in enumerate(cells):
        cell["metadata"] = {}
        cell["id"] = hashlib.md5(str(number).encode()).hexdigest()[:8]
    kernel = {"name": "homework", "display_name": "Python (homework)", "language": "python"}
    return {"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}
