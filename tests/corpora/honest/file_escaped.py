"""All Chinese escaped (\\uXXXX), keys sorted, no indentation, a trailing newline."""
# %% edit
import json


def edit(notebook):
    return (json.dumps(notebook, ensure_ascii=True, sort_keys=True, separators=(",", ":")) + "\n\n").encode()
