"""JSON nested a hundred thousand times.

cheats: nothing
keeps: nothing
verdict: unreadable
proves: reader
"""
# %% edit
def edit(notebook):
    return b'{"cells": [], "nbformat": 4, "nbformat_minor": 5, "metadata": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"
