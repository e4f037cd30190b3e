"""Ten megabytes of output left over from an experiment that printed in a loop."""
# %% edit
def edit(notebook):
    text = [f"loss {step}\n" for step in range(700_000)]
    output = {"output_type": "stream", "name": "stdout", "text": text}
    cell = {"cell_type": "code", "id": "mine", "metadata": {}, "source": "print('loss')", "execution_count": 9, "outputs": [output]}
    notebook["cells"].append(cell)
