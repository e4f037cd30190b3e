"""Expressions and brackets nested until a parser gives up or its stack overflows; the solve cells are right.

cheats: nothing
proves: reader
"""
# %% edit
def edit(notebook):
    for number, text in enumerate(("(" * 9_000 + ")" * 9_000, "-" * 90_000 + "1", "[" * 150, "lambda: " * 5_000 + "0", "x" + ".a" * 90_000)):
        cell = {"cell_type": "code", "id": f"deep-{number}", "metadata": {}, "source": text, "outputs": [], "execution_count": 1}
        notebook["cells"].append(cell)
