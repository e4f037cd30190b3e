"""Cells with eight megabytes of source: one long line, one deep expression, one million statements.

cheats: nothing
keeps: nothing
verdict: graded, unreadable, memory
"""
# %% edit
def edit(notebook):
    for place, text in ((3, "x = '" + "a" * 3_000_000 + "'"), (5, "y = " + "-" * 2_000_000 + "1"), (7, "z = 1\n" * 500_000)):
        cell = {"cell_type": "code", "id": f"huge-{place}", "metadata": {}, "source": text, "outputs": [], "execution_count": 1}
        notebook["cells"].insert(place, cell)
