"""Says that it was made from a release whose hash is a path.

cheats: nothing
"""
# %% edit
def edit(notebook):
    notebook["metadata"]["assignment"]["release"] = "../../../../../../etc/passwd\u0000"
