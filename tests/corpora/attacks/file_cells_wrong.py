"""A notebook whose cells are null, numbers, text, and objects without source or type.

cheats: nothing
keeps: nothing
verdict: graded, unreadable
"""
# %% edit
def edit(notebook):
    notebook["cells"] = [None, 3, "cell", {}, {"cell_type": "code"}, {"cell_type": "code", "source": {"a": 1}}, {"source": [1, None]}]
