"""A small course and the files of its class, as the tests of everything Canvas need them."""

import functools
import json
import tempfile
import zipfile
from pathlib import Path

from assignment.course import Course

EXERCISES = ["step_forward", "Model.loss"]
OTHER = json.dumps({"cells": [{"source": ["print(1)"]}]}).encode()  # a notebook, but not the homework


def notebook(text: str = "") -> bytes:
    """Return a notebook that is the homework (it defines its exercises)."""
    return json.dumps({"cells": [{"source": ["def step_forward(x):\n", "class Model:\n", text]}]}).encode()


@functools.cache
def _empty_gradebook() -> bytes:
    """Make an empty gradebook once: nbgrader starts a program of its own for each new one."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "nbgrader_config.py").write_text("c = get_config()\n")
        with Course(Path(folder)).gradebook():
            pass
        return (Path(folder) / "gradebook.db").read_bytes()


def make_course(root: Path) -> Course:
    """Return a new course whose homework `hw` has two exercises, built but without cells to run."""
    cells = [
        {"cell_type": "code", "source": "", "metadata": {"assignment": {"kind": "solve", "name": name}}}
        for name in EXERCISES
    ]
    (root / "source" / "hw").mkdir(parents=True)
    built = {"metadata": {"assignment": {"name": "hw"}}, "cells": cells}
    (root / "source" / "hw" / "hw.ipynb").write_text(json.dumps(built))
    (root / "nbgrader_config.py").write_text("c = get_config()\n")
    (root / "gradebook.db").write_bytes(_empty_gradebook())
    return Course(root)


def pack(path: Path, entries: dict[str, bytes]) -> Path:
    """Write an archive as Canvas does: flat, deflated."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in entries.items():
            file.writestr(name, data)
    return path
