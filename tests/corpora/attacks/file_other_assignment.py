"""Says that it is another assignment, in another language, for another kernel, made by a nbformat of the future.

cheats: nothing
keeps: nothing
verdict: graded, unreadable
"""
# %% edit
def edit(notebook):
    notebook["metadata"]["assignment"] = {"name": "../../other", "release": "0" * 16}
    notebook["metadata"]["kernelspec"] = {"name": "bash", "display_name": "Bash", "language": "bash", "argv": ["rm"]}
    notebook["metadata"]["language_info"] = {"name": "bash", "file_extension": ".sh"}
    notebook["nbformat"], notebook["nbformat_minor"] = 5, 10**6
