"""Line ends of Windows, in the file and inside every source."""
# %% edit
import json


def edit(notebook):
    for cell in notebook["cells"]:
        cell["source"] = "".join(cell["source"]).replace("\n", "\r\n")
    return json.dumps(notebook, ensure_ascii=False, indent=1).replace("\n", "\r\n").encode()
