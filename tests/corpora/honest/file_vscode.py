"""As VS Code saves it: its own metadata, language by cell, the kernel's path, widgets' state."""
# %% edit
def edit(notebook):
    for cell in notebook["cells"]:
        cell["metadata"] |= {"vscode": {"languageId": "python"}, "jupyter": {"outputs_hidden": True}, "collapsed": True}
    kernel = {"name": "python3", "display_name": ".venv (3.11.7)", "language": "python"}
    state = {"application/vnd.jupyter.widget-state+json": {"state": {}, "version_major": 2, "version_minor": 0}}
    notebook["metadata"] |= {"kernelspec": kernel, "widgets": state, "orig_nbformat": 4}
