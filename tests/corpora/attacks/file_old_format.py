"""The format of 2012 (nbformat 3, worksheets), with cells that never were.

cheats: nothing
keeps: nothing
verdict: graded, unreadable
"""
# %% edit
def edit(notebook):
    cells = [{"cell_type": "code", "language": "python", "input": "def rnn_forward(): pass", "outputs": [], "collapsed": False}]
    return {"nbformat": 3, "nbformat_minor": 0, "metadata": {"name": ""}, "worksheets": [{"cells": cells, "metadata": {}}] * 3}
