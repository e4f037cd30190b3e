"""Opened again in Colab, which sets the run counts of the earlier session to null; one more cell was run."""
# %% edit
def edit(notebook):
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    for cell in code[:-1]:
        cell["execution_count"] = None
    notebook["metadata"] |= {"colab": {"provenance": [], "private_outputs": False}}
