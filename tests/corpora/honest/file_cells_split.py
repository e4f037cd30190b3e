"""Given and check cells split in two, as Ctrl-Shift-Minus does; not a character is changed."""
# %% edit
def edit(notebook):
    cells = notebook["cells"]
    for id, before in (("given-helpers", "def eval_numerical_gradient("), ("check-rnn_forward", "check.report()")):
        position = [cell["id"] for cell in cells].index(id)
        source = "".join(cells[position]["source"])
        at = source.rindex(before)
        second = {"cell_type": "code", "id": f"{id}-2", "metadata": {}, "source": source[at:], "execution_count": 90}
        cells[position]["source"] = source[:at].rstrip()
        second["outputs"] = cells[position]["outputs"]
        cells.insert(position + 1, second)
