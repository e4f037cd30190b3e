"""The comments that mark the TODO regions were deleted on the way."""
# %% edit
def edit(notebook):
    for cell in notebook["cells"]:
        if cell["metadata"].get("assignment", {}).get("kind") == "solve":
            lines = "".join(cell["source"]).split("\n")
            cell["source"] = "\n".join(line for line in lines if not line.strip().startswith("# TODO"))
