"""A solve cell split into two: a helper stands in a cell of its own, without metadata, in front."""
# %% edit
def edit(notebook):
    for place, cell in enumerate(notebook["cells"]):
        if cell["id"] == "solve-word_embedding_backward":
            helper = {"cell_type": "code", "id": "helper", "metadata": {}, "execution_count": 50, "outputs": []}
            helper["source"] = "def add_rows(dW, x, dout):\n    np.add.at(dW, x, dout)"
            notebook["cells"].insert(place, helper)
            break
