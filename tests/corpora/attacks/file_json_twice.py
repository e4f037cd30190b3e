"""Every key twice: a right notebook for a reader that takes the first, a wrong one for a reader that takes the last.

cheats: nothing
keeps: nothing
verdict: graded, unreadable
"""
# %% edit
import json


def edit(notebook):
    text = json.dumps(notebook)
    return (text[:-1] + ', "cells": [], "nbformat": 4}').encode()
