"""A tiny homework, and courses that hold it: what the tests of build, release, repair and rules work on."""

from __future__ import annotations

import json
import shutil
from itertools import cycle
from pathlib import Path
from typing import Any

from assignment.course import Course
from assignment.workflow.build import build
from assignment.workflow.release import release
from tests import ROOT
from tests.support import corpus

TEXT = '''\
# ---
# jupyter:
#   kernelspec:
#     name: python3
# ---

# %% prose intro [markdown]
# # 小作业
#
# 写出两倍 $y = 2x$。

# %% given imports
import json

import numpy as np


def near(got, want):
    """Tell whether two arrays agree."""
    return bool(np.max(np.abs(np.asarray(got) - np.asarray(want))) < 1e-9)


print("准备好了")

# %% solve double
def double(x):
    """Double an array. x (N,) -> (N,)."""
    # TODO: 返回两倍
    ### BEGIN SOLUTION
    two = 2
    y = two * x
    ### END SOLUTION
    # TODO 结束
    return y

# %% check double 4
# 检查 double
x = np.arange(3.0)
print("double", near(double(x), [0, 2, 4]))
assert near(double(x), [0, 2, 4])
### BEGIN HIDDEN TESTS
assert near(double(np.array([-7.5])), [-15])
### END HIDDEN TESTS

# %% prose counter [markdown]
# 再写一个类的方法。

# %% solve Counter.add
class Counter:
    """Count things."""

    def __init__(self, start=0):
        self.count = start

    def add(self, step):
        """Add a step and return the count."""
        # TODO: 加上 step
        ### BEGIN SOLUTION
        self.count += step
        ### END SOLUTION
        # TODO 结束
        return self.count


# %% check Counter.add 2.5
print("add", Counter(1).add(2))
assert Counter(1).add(2) == 3
'''

CONFIG = (ROOT / "nbgrader_config.py").read_text(encoding="utf-8")


def course(root: Path, **texts: str) -> Course:
    """Make a course folder with these master texts, NAME=TEXT, and build them; the tiny one if none is named."""
    (root / "source").mkdir(parents=True)
    (root / "nbgrader_config.py").write_text(CONFIG, encoding="utf-8")
    made = Course.find(root)
    for name, text in (texts or {"tiny": TEXT}).items():
        made.source_text(name).write_text(text, encoding="utf-8")
        if "](figures/" in text and not (root / "source" / "figures").exists():
            shutil.copytree(ROOT / "source" / "figures", root / "source" / "figures")
        if name == "rnn":
            shutil.copy(ROOT / "source" / "rnn_mistakes.py", root / "source")
        build(made, name)
    return made


def klass(root: Path, size: int) -> Course:
    """Make a course whose students "1", "2" ... handed in right work, half, none, half, a breach, no notebook."""
    made = course(root)
    release(made, "tiny")
    notebook, right = read(made.release("tiny")), corpus.reference(read(made.source("tiny")))
    parts: list[dict[str, str]] = [right, {"double": right["double"]}, {}, {"Counter.add": right["Counter.add"]}]
    kinds = [corpus.submission(notebook, part) for part in parts]
    kinds += [corpus.submission(notebook, right | {"double": "import scipy\n" + right["double"]}), b"no notebook"]
    for number, data in zip(range(1, size + 1), cycle(kinds), strict=False):
        hand_in(made, str(number), data)
    return made


def hand_in(course: Course, student: str, data: bytes) -> None:
    """Put a student's notebook into submitted/."""
    path = course.submitted(student, "tiny")
    path.parent.mkdir(parents=True)
    path.write_bytes(data)


def copy_of(course: Course, root: Path) -> Course:
    """Return a copy of the course, for a test that changes it."""
    shutil.copytree(course.root, root)
    return Course.find(root)


def read(path: Path) -> dict[str, Any]:
    """Return a notebook file as JSON."""
    notebook: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return notebook


def write(path: Path, notebook: dict[str, Any]) -> None:
    """Write a notebook file as Jupyter would."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(notebook, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
