"""Metadata of every wrong type: lists for objects, numbers for text, deep objects, nulls, keys that clash.

cheats: nothing
keeps: nothing
verdict: graded, unreadable
"""
# %% edit
def edit(notebook):
    wrong = [None, 7, [], "text", {"nbgrader": None}, {"nbgrader": {"grade_id": ["x"]}}, {"assignment": 3}, {"tags": 5}]
    for number, cell in enumerate(notebook["cells"]):
        cell["metadata"] = wrong[number % len(wrong)]
    notebook["metadata"] = {"kernelspec": 3, "language_info": [], "assignment": {"name": None, "release": {"a": 1}}}
