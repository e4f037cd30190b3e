"""Fifty thousand cells.

cheats: nothing
keeps: nothing
verdict: graded, unreadable
"""
# %% edit
def edit(notebook):
    cell = {"cell_type": "code", "metadata": {}, "source": "1", "outputs": [], "execution_count": 1}
    notebook["cells"] += [{**cell, "id": f"c{n}"} for n in range(50_000)]
