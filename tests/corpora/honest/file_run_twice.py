"""Run in the order of mood, some cells often: execution counts are anything but a sequence."""
# %% edit
def edit(notebook):
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    for number, cell in enumerate(code):
        cell["execution_count"] = 200 - 3 * number
