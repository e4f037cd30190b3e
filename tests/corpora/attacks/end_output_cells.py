"""Four hundred cells, each of which prints as much as one cell may.

cheats: nothing
shows: 8000000
"""
# %% extra last
print("@marker@" * 30_000)
# %% edit
def edit(notebook):
    last = notebook["cells"][-1]
    notebook["cells"] += [{**last, "id": f"more-{number}"} for number in range(399)]
