"""Saved in the format 4.4, which has no cell ids, and with new random ids when it came back."""
# %% edit
def edit(notebook):
    for cell in notebook["cells"]:
        del cell["id"]
    notebook["nbformat_minor"] = 4
