"""White space at every line's end, blank lines between all lines, comments everywhere."""
# %% edit
def edit(notebook):
    for cell in notebook["cells"]:
        if cell["metadata"].get("assignment", {}).get("kind") == "solve":
            lines = "".join(cell["source"]).split("\n")
            cell["source"] = "\n\n# 我的笔记\n\n" + "   \n".join(lines) + "\n\n   \n# 完\n\n"
