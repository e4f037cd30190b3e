"""Fifty megabytes of outputs, in one piece and in many.

cheats: nothing
"""
# %% edit
def edit(notebook):
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    code[0]["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "x" * 25_000_000}]
    piece = {"output_type": "stream", "name": "stdout", "text": ["y" * 1_000] * 10}
    code[1]["outputs"] = [piece] * 2_500
