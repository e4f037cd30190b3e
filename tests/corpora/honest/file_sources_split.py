"""Sources as lists of lines in some cells and one string in others, outputs alike."""
# %% edit
def edit(notebook):
    for number, cell in enumerate(notebook["cells"]):
        text = "".join(cell["source"])
        cell["source"] = text.splitlines(keepends=True) if number % 2 else text
        for output in cell.get("outputs", []):
            output["text"] = ["…", "\n"]
