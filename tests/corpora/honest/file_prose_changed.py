"""Notes written into the prose, prose deleted, headings added, pictures attached."""
# %% edit
def edit(notebook):
    prose = [cell for cell in notebook["cells"] if cell["cell_type"] == "markdown"]
    prose[0]["source"] = "".join(prose[0]["source"]) + "\n\n我的笔记：![图](attachment:a.png)"
    prose[0]["attachments"] = {"a.png": {"image/png": "iVBORw0KGgo="}}
    notebook["cells"].remove(prose[1])
    prose[2]["source"] = ""
    notebook["cells"].insert(0, {"cell_type": "markdown", "id": "mine", "metadata": {}, "source": "# 张三的作业"})
    notebook["cells"].append({"cell_type": "raw", "id": "raw", "metadata": {}, "source": "不是代码"})
