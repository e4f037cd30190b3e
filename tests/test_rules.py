"""The three rules: notebook variants and exactly what is found in each, false alarms and misses alike."""

from __future__ import annotations

import ast
import copy
import json
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import black
import nbformat
import pytest
from jupyter_server.services.contents.largefilemanager import LargeFileManager

from assignment.course import Course
from assignment.errors import AssignmentError
from assignment.grading.result import CheckResult, Part
from assignment.homework import STUB, Cell, Master, load_master
from assignment.homework.notebook import render
from assignment.homework.percent import parse
from assignment.rules import Finding, Policy, findings
from assignment.sandbox.inside.notebook import normalise
from assignment.submission import checked_notebook
from assignment.syntax import walk
from tests.support import tiny

Notebook = dict[str, Any]
Change = Callable[[Notebook], Any]
Expected = set[tuple[str, bool, str]]  # (rule, breach, cell)

MASTER = Master("tiny", tuple(parse(tiny.TEXT, "tiny.py")))
RELEASE = MASTER.released
GIVEN, DOUBLE, CHECK_DOUBLE, ADD, CHECK_ADD = 1, 2, 3, 5, 6
TOP = 'def double(x):\n    """Double an array. x (N,) -> (N,)."""\n'
MARKED = TOP + "    # TODO: 返回两倍\n{}\n    # TODO 结束\n    return y"
DONE = MARKED.format("    y = x + x")
ADDED = RELEASE.solve("Counter.add").source.replace(STUB, "self.count = self.count + step")
PRINTED = {GIVEN: "准备好了\n", CHECK_DOUBLE: "double True\n", CHECK_ADD: "add 3\n"}
ERROR = {"output_type": "error", "ename": "AssertionError", "evalue": ""}
NOTHING: Expected = set()


def handed_in(*changes: Change) -> Notebook:
    """Return a finished submission as JupyterLab saves it, then changed."""
    notebook = render("tiny", list(RELEASE.cells))
    notebook["metadata"]["assignment"] = {"name": "tiny", "release": RELEASE.release}
    for position, raw in enumerate(notebook["cells"]):
        raw["source"] = "".join(raw["source"])
        if raw["cell_type"] == "code":
            raw["execution_count"] = position + 1
            raw["outputs"] = [stream(PRINTED[position])] if position in PRINTED else []
    notebook["cells"][DOUBLE]["source"] = DONE
    notebook["cells"][ADD]["source"] = ADDED
    for change in changes:
        change(notebook)
    return notebook


def stream(text: str) -> dict[str, Any]:
    return {"output_type": "stream", "name": "stdout", "text": text}


def found(notebook: Notebook, release: Master = RELEASE, master: Master = MASTER, **options: Any) -> list[Finding]:
    """Return the findings in a notebook that went through a file, as every submission does."""
    wrong, plain = normalise(json.dumps(notebook).encode(), 1000, 10_000_000)
    assert plain is not None, wrong
    policy = options.pop("policy", Policy())
    return findings(checked_notebook(plain), release, master, policy, **options)


def told(found: list[Finding]) -> Expected:
    return {(one.rule, one.breach, one.cell) for one in found}


# --- ways to change a notebook ---------------------------------------------------------------------------------------


def source(position: int, text: str) -> Change:
    return lambda nb: nb["cells"][position].update(source=text)


def swap(position: int, old: str, new: str) -> Change:
    def change(nb: Notebook) -> None:
        assert old in nb["cells"][position]["source"]
        nb["cells"][position]["source"] = nb["cells"][position]["source"].replace(old, new)

    return change


def body(*lines: str) -> Change:
    """Write these lines in the TODO region of double."""
    return source(DOUBLE, MARKED.format("\n".join("    " + line for line in lines)))


def insert(position: int, text: str, count: int | None = 99, cell_type: str = "code") -> Change:
    raw: dict[str, Any] = {"cell_type": cell_type, "metadata": {}, "source": text, "id": "fresh"}
    if cell_type == "code":
        raw |= {"execution_count": count, "outputs": [stream("1")] if "print" in text else []}
    return lambda nb: nb["cells"].insert(position, raw)


def extra(text: str) -> Change:
    return insert(3, text)


def delete(position: int) -> Change:
    return lambda nb: nb["cells"].pop(position)


def move(position: int, to: int) -> Change:
    return lambda nb: nb["cells"].insert(to, nb["cells"].pop(position))


def twice(position: int) -> Change:
    return lambda nb: nb["cells"].append(copy.deepcopy(nb["cells"][position]))


def cell(position: int, **fields: Any) -> Change:
    return lambda nb: nb["cells"][position].update(fields)


def every(**fields: Any) -> Change:
    """Update every code cell."""
    return lambda nb: [raw.update(fields) for raw in nb["cells"] if raw["cell_type"] == "code"]


def split(position: int, before: str, *, keep: bool = False) -> Change:
    """Split a cell before some text; keep: the new cell has the old one's metadata, as some editors do it."""

    def change(nb: Notebook) -> None:
        raw = nb["cells"][position]
        at = raw["source"].index(before)
        second = copy.deepcopy(raw) | {"id": f"split{position}", "source": raw["source"][at:]}
        if not keep:
            second["metadata"] = {}
        raw["source"] = raw["source"][:at].rstrip("\n")
        raw["outputs"] = raw["outputs"] if "print(" in raw["source"] else []
        nb["cells"].insert(position + 1, second)

    return change


def join(position: int, *, count: int = 2, keep: int = 0) -> Change:
    """Join neighbouring code cells, text between them left out; keep: whose id and metadata the new one has."""

    def change(nb: Notebook) -> None:
        cells = nb["cells"][position : position + count]
        code = [raw for raw in cells if raw["cell_type"] == "code"]
        joined = copy.deepcopy(code[keep])
        joined["source"] = "\n\n".join(raw["source"] for raw in code)
        joined["outputs"] = [output for raw in code for output in raw["outputs"]]
        nb["cells"][position : position + count] = [raw for raw in cells if raw["cell_type"] != "code"] + [joined]

    return change


def rewritten(tool: Callable[[str], str]) -> Change:
    """Put every code cell through a formatter."""

    def change(nb: Notebook) -> None:
        for raw in nb["cells"]:
            if raw["cell_type"] == "code":
                raw["source"] = tool(raw["source"])

    return change


def blackened(text: str) -> str:
    return black.format_str(text, mode=black.Mode(line_length=60, magic_trailing_comma=False)).rstrip("\n")


def single_quoted(text: str) -> str:
    """What a formatter with quote-style = "single" and tabs makes of it."""
    return text.replace('"""', "'''").replace('"', "'").replace("    ", "\t")


def jupyterlab(nb: Notebook) -> None:
    nb["metadata"]["language_info"] |= {"version": "3.12.1", "codemirror_mode": {"name": "ipython", "version": 3}}
    nb["metadata"]["widgets"] = {"application/vnd.jupyter.widget-state+json": {"state": {}, "version_major": 2}}
    for number, raw in enumerate(nb["cells"]):
        raw["metadata"] |= {"trusted": True, "collapsed": True, "jupyter": {"source_hidden": number % 2 == 0}}
        raw["source"] = raw["source"].splitlines(keepends=True)


def vscode(nb: Notebook) -> None:
    nb["metadata"]["kernelspec"] = {"display_name": ".venv", "language": "python", "name": "python3"}
    nb["metadata"]["vscode"] = {"interpreter": {"hash": "31f2aee4e71d21fbe5cf8b01ff0e069b"}}
    for number, raw in enumerate(nb["cells"]):
        raw["id"] = f"{number:08x}"
        raw["metadata"]["vscode"] = {"languageId": "python"}


def colab(nb: Notebook) -> None:
    nb["nbformat_minor"] = 0
    nb["metadata"] |= {"colab": {"provenance": [], "toc_visible": True}, "accelerator": "GPU"}
    for number, raw in enumerate(nb["cells"]):
        del raw["id"]
        raw["metadata"] |= {"id": f"aB{number}", "colab": {"base_uri": "https://localhost:8080/"}, "outputId": "x"}
        raw["source"] = raw["source"].splitlines(keepends=True)


def stripped(nb: Notebook) -> None:
    """Copied cell by cell into a new notebook."""
    nb["metadata"] = {}
    for number, raw in enumerate(nb["cells"]):
        raw |= {"metadata": {}, "id": f"n{number}"}


def version(number: int) -> Change:
    """Saved in another version of the notebook format, and upgraded again."""

    def change(nb: Notebook) -> None:
        older = nbformat.convert(nbformat.from_dict(copy.deepcopy(nb)), number)
        newer = json.loads(json.dumps(nbformat.convert(older, 4)))
        nb.clear()
        nb.update(newer)

    return change


def dropped_counts(nb: Notebook) -> None:
    every(execution_count=None)(nb)


def cleared(nb: Notebook) -> None:
    every(execution_count=None, outputs=[])(nb)


# --- the table -------------------------------------------------------------------------------------------------------

TODO, NOTED = ("todo", True), ("todo", False)
HELPER = "def half(x):\n    return x / 2\n\n\n"
CLEAN: dict[str, list[Change]] = {
    "as it was handed in": [],
    "saved by JupyterLab": [jupyterlab],
    "saved by VS Code": [vscode],
    "saved by Colab": [colab],
    "upgraded from format 3": [version(3)],
    "formatted by black": [rewritten(blackened)],
    "single quotes and tabs": [rewritten(single_quoted)],
    "windows line ends": [rewritten(lambda text: text.replace("\n", "\r\n"))],
    "old Mac line ends": [rewritten(lambda text: text.replace("\n", "\r"))],
    "a byte order mark": [rewritten(lambda text: "\ufeff" + text)],
    "trailing blanks": [rewritten(lambda text: text.replace("\n", "  \n") + "\n\n")],
    "run twice": [every(execution_count=40)],
    "run in another order": [lambda nb: [raw.update(execution_count=50 - n) for n, raw in enumerate(nb["cells"][1:4])]],
    "an empty cell at the end": [insert(7, "", count=None)],
    "a cell of comments, not run": [insert(7, "# 完成", count=None, cell_type="code"), delete(7)],
    "comments around the region": [
        swap(DOUBLE, "    # TODO: 返", "    # 我的想法\n    # TODO: 返"),
        swap(DOUBLE, "return y", "return y  # 好"),
    ],
    "the docstring rewritten": [swap(DOUBLE, "Double an array. x (N,) -> (N,).", "乘二")],
    "annotations added": [swap(DOUBLE, "def double(x):", "def double(x: np.ndarray) -> np.ndarray:")],
    "a left-over pass": [body("pass", "y = x + x"), swap(DOUBLE, "    return y", "    pass\n    return y")],
    "brackets and semicolons": [swap(DOUBLE, "return y", "return (y);")],
    "imports sorted": [swap(GIVEN, "import json\n\nimport numpy as np", "import numpy as np\nimport json")],
    "loops and conditions in the region": [
        body("y = 0 * x", "for i in range(len(x)):", "    if True:", "        y[i] = 2 * x[i]")
    ],
    "a TODO of one's own in a helper is no mark": [
        source(DOUBLE, DONE.replace("    # TODO: 返", "    # 见下\n    # TODO: 返")),
        swap(DOUBLE, "def double", "# TODO: 以后再想\ndef double"),
    ],
    "a TODO of one's own below the region": [swap(DOUBLE, "    return y", "    # TODO: 以后再想\n    return y")],
    "code and text at the margin of the region": [
        body("y = x + x"),
        swap(DOUBLE, "    y = x + x", '#    y = x\n    text = """\n乘二\n"""\n    y = x + x'),
    ],
    "another TODO in the region": [body("# TODO 想一想", "y = x + x")],
    "a function in the region": [body("def twice(a):", "    return 2 * a", "y = twice(x)")],
    "an early return": [body("if len(x) == 0:", "    return x", "y = x + x")],
    "the exercise left out": [
        body(STUB),
        cell(CHECK_DOUBLE, outputs=[{"output_type": "error", "ename": "N", "evalue": ""}]),
    ],
    "broken in the region": [body("y = (x +")],
    "broken, the marks gone": [
        source(DOUBLE, 'def double(x):\n    """Double an array. x (N,) -> (N,)."""\n    y = (x +\n    return y')
    ],
    "numpy again": [
        body("import numpy", "import numpy as other", "from numpy import add", "import numpy.linalg", "y = x + x")
    ],
    "what the notebook gives": [body("import json", "y = x + x")],
    "an import in a comment or text": [body("# import torch", 's = "import torch"', "y = x + x")],
    "methods with telling names": [
        body("self = type('E', (), {'eval': len, 'system': len})", "self.eval('import torch')", "y = x + x")
    ],
    "a function of that name of one's own": [body("def import_module(a):", "    return a", "y = import_module(x) * 2")],
    "counts dropped by a tool": [dropped_counts],
    "an output without a count": [cell(CHECK_DOUBLE, execution_count=None)],
    "no output where nothing prints": [cell(DOUBLE, outputs=[])],
    "an exercise without a run count": [cell(DOUBLE, execution_count=None)],
    "run counts of an earlier session, set to null by Colab": [
        cell(DOUBLE, execution_count=None),
        cell(ADD, execution_count=None),
        cell(CHECK_DOUBLE, execution_count=None),
    ],
    "private outputs, which are all there": [lambda nb: nb["metadata"].update(colab={"private_outputs": True})],
    "an exercise that ends in None": [swap(DOUBLE, "    return y", "    return y\n\n\nNone")],
    "a failed check": [cell(CHECK_DOUBLE, outputs=[ERROR])],
}

FOUND: dict[str, tuple[list[Change], Expected]] = {
    # rule 1: changes outside the regions
    "the marks are gone": (
        [source(DOUBLE, "def double(x):\n    y = x + x\n    return y")],
        {(*NOTED, "solve-double")},
    ),
    "the end mark moved below the return": (
        [swap(DOUBLE, "    # TODO 结束\n    return y", "    return y\n    # TODO 结束")],
        {(*NOTED, "solve-double")},
    ),
    "the end mark moved below the return, written behind it": (
        [swap(DOUBLE, "    # TODO 结束\n    return y", "    return y\n    # TODO 结束\n    y = 1")],
        {(*TODO, "solve-double")},
    ),
    "one mark is gone": ([swap(DOUBLE, "\n    # TODO 结束", "")], {(*NOTED, "solve-double")}),
    "the marks are gone, written around the return": (
        [source(DOUBLE, "def double(x):\n    y = x + x\n    return y\n    y = 1")],
        {(*TODO, "solve-double")},
    ),
    "the marks are gone, and the return with them": (
        [source(DOUBLE, "def double(x):\n    return x + x")],
        {(*TODO, "solve-double")},
    ),
    "a second version beside, the marks gone in one": (
        [source(DOUBLE, DONE + "\n\n\ndef double(x):\n    y = 2 * x\n    return y")],
        {(*NOTED, "solve-double")},
    ),
    "an indented region with comments only": (
        [source(ADD, ADDED.replace("        self.count = self.count + step", "    # 还没有写\n"))],
        NOTHING,
    ),
    "a given function edited": ([swap(GIVEN, "1e-9", "1e-1")], {(*TODO, "given-imports")}),
    "a given line added": ([swap(GIVEN, 'print("准备好了")', 'print("准备好了")\nx = 1')], {(*TODO, "given-imports")}),
    "a given cell deleted": ([delete(GIVEN)], {(*TODO, "given-imports")}),
    "a given cell emptied": ([source(GIVEN, "")], {(*TODO, "given-imports")}),
    "a given cell broken": ([swap(GIVEN, "def near(", "def near((")], {(*TODO, "given-imports")}),
    "a check edited": ([swap(CHECK_DOUBLE, "[0, 2, 4]", "double(x)")], {(*TODO, "check-double")}),
    "a check's points line gone": (
        [swap(CHECK_ADD, "assert Counter(1)", "Counter(1)")],
        {(*TODO, "check-Counter-add")},
    ),
    "a check deleted": ([delete(CHECK_ADD)], {(*TODO, "check-Counter-add")}),
    "a check turned into text": (
        [cell(CHECK_ADD, cell_type="markdown")],
        {(*NOTED, "check-Counter-add"), ("outputs", True, "check-Counter-add")},
    ),
    "a parameter added": ([swap(DOUBLE, "double(x)", "double(x, y=0)")], {(*TODO, "solve-double")}),
    "a decorator": ([swap(DOUBLE, "def double", "@np.vectorize\ndef double")], {(*TODO, "solve-double")}),
    "the given return changed": ([swap(DOUBLE, "return y", "return 1 * y")], {(*TODO, "solve-double")}),
    "the given return taken out": ([swap(DOUBLE, "    return y", "")], {(*TODO, "solve-double")}),
    "the return moved into the region": (
        [body("return x + x"), swap(DOUBLE, "    return y", "")],
        {(*TODO, "solve-double")},
    ),
    "the given return under a condition": (
        [swap(DOUBLE, "    return y", "    if True:\n        return y")],
        {(*TODO, "solve-double")},
    ),
    "written below the end mark": (
        [swap(DOUBLE, "    return y", "    y = 1 * y\n    return y")],
        {(*TODO, "solve-double")},
    ),
    "written above the mark": (
        [swap(DOUBLE, "    # TODO: 返", "    n = 1\n    # TODO: 返")],
        {(*TODO, "solve-double")},
    ),
    "the function renamed": (
        [source(DOUBLE, DONE.replace("double(", "dbl("))],
        {(*TODO, "solve-double")},
    ),
    "another method edited": ([swap(ADD, "self.count = start", "self.count = 7")], {(*TODO, "solve-Counter-add")}),
    "a class attribute beside": (
        [swap(ADD, "    def add", "    step = 1\n\n    def add")],
        {(*NOTED, "solve-Counter-add")},
    ),
    "a method beside": (
        [swap(ADD, "    def add", "    def twice(self):\n        return 2\n\n    def add")],
        {(*NOTED, "solve-Counter-add")},
    ),
    "a given method defined again": (
        [swap(ADD, "    def add", "    def __init__(self):\n        self.count = 7\n\n    def add")],
        {(*TODO, "solve-Counter-add")},
    ),
    "a given method replaced from outside": (
        [
            swap(
                ADD,
                "        return self.count",
                "        return self.count\n\n\nCounter.__init__ = lambda self, start=0: None",
            )
        ],
        {(*TODO, "solve-Counter-add")},
    ),
    "broken outside the region": ([swap(DOUBLE, "return y", "return (y")], {(*NOTED, "solve-double")}),
    "broken, and the signature changed": (
        [body("y = (x +"), swap(DOUBLE, "double(x)", "double(x, y)")],
        {(*TODO, "solve-double")},
    ),
    "a helper beside": ([source(DOUBLE, HELPER + DONE)], {(*NOTED, "solve-double")}),
    "a constant beside": ([source(DOUBLE, "TWO = 2\n\n\n" + DONE)], {(*NOTED, "solve-double")}),
    "an attribute of the own function": ([source(DOUBLE, DONE + "\n\n\ndouble.calls = 0")], {(*NOTED, "solve-double")}),
    "a helper with a TODO of its own": (
        [source(DOUBLE, "def half(x):\n    # TODO 以后再想\n    return x / 2\n\n\n" + DONE)],
        {(*NOTED, "solve-double")},
    ),
    "a helper with a TODO of its own, and the return changed": (
        [
            source(DOUBLE, "def half(x):\n    # TODO 以后再想\n    return x / 2\n\n\n" + DONE),
            swap(DOUBLE, "return y", "return 1 * y"),
        ],
        {(*TODO, "solve-double")},
    ),
    "a second version beside": (
        [source(DOUBLE, DONE + "\n\n\n" + DONE.replace("x + x", "2 * x"))],
        {(*NOTED, "solve-double")},
    ),
    "a second version with another signature": (
        [source(DOUBLE, DONE + "\n\n\n" + DONE.replace("double(x)", "double(x, z=1)"))],
        {(*TODO, "solve-double")},
    ),
    "a given function defined again": (
        [source(DOUBLE, "def near(a, b):\n    return True\n\n\n" + DONE)],
        {(*TODO, "solve-double")},
    ),
    "a given name assigned": ([source(DOUBLE, "near = max\n\n\n" + DONE)], {(*TODO, "solve-double")}),
    "a given module patched": ([source(DOUBLE, "np.allclose = max\n\n\n" + DONE)], {(*TODO, "solve-double")}),
    "a given module patched at run time": ([body("np.abs = max", "y = x + x")], {(*NOTED, "solve-double")}),
    "a given name as global": ([body("global near", "near = max", "y = x + x")], {(*NOTED, "solve-double")}),
    "an exercise's cell deleted": ([delete(DOUBLE)], {(*NOTED, "solve-double")}),
    "a sheet of one's own": ([extra("print(double(np.ones(3)))")], {(*NOTED, "cell 4")}),
    "a given function redefined in a cell of one's own": (
        [extra("def near(a, b):\n    return True")],
        {(*NOTED, "cell 4")},
    ),
    "text of one's own": ([insert(3, "我的笔记", cell_type="markdown")], {(*NOTED, "cell 4")}),
    "prose edited": ([source(0, "# 我的作业")], {(*NOTED, "prose-intro")}),
    "prose deleted": ([delete(0)], {(*NOTED, "prose-intro")}),
    "a cell moved": ([move(CHECK_DOUBLE, 6)], {(*NOTED, "notebook")}),
    "a check copied": ([twice(CHECK_DOUBLE)], {(*NOTED, "cell 8")}),
    "copied into a new notebook": ([stripped], NOTHING),
    "copied into a new notebook, a check edited": (
        [stripped, swap(CHECK_DOUBLE, "[0, 2, 4]", "x * 2")],
        {(*TODO, "check-double")},
    ),
    # rule 1: locked cells split or joined, not a character changed
    "a given cell split": ([split(GIVEN, "def near")], {(*NOTED, "given-imports")}),
    "a given cell split, both with its metadata": (
        [split(GIVEN, "def near", keep=True)],
        {(*NOTED, "given-imports")},
    ),
    "a given cell split in three": (
        [split(GIVEN, "print"), split(GIVEN, "import numpy")],
        {(*NOTED, "given-imports")},
    ),
    "a given cell split, and copied into a new notebook": (
        [split(GIVEN, "def near"), stripped],
        {(*NOTED, "given-imports")},
    ),
    "a check split": ([split(CHECK_DOUBLE, "assert")], {(*NOTED, "check-double")}),
    "a check split, a cell of one's own between": (
        [split(CHECK_DOUBLE, "assert"), insert(4, "z = 2")],
        {(*NOTED, "check-double"), (*NOTED, "cell 5")},
    ),
    "a check split, one part edited": (
        [split(CHECK_DOUBLE, "assert"), swap(4, "[0, 2, 4]", "2 * x")],
        {(*TODO, "check-double"), (*NOTED, "cell 5")},
    ),
    "a check split, one part deleted": (
        [split(CHECK_DOUBLE, "assert"), delete(4)],
        {(*TODO, "check-double")},
    ),
    "a check split, its parts swapped": (
        [split(CHECK_DOUBLE, "assert"), move(3, 4)],
        {(*TODO, "check-double"), (*NOTED, "cell 4")},
    ),
    "an exercise joined with its check": ([join(DOUBLE)], {(*NOTED, "check-double")}),
    "an exercise joined with its check, under the check's id": (
        [join(DOUBLE, keep=1)],
        {(*NOTED, "check-double")},
    ),
    "a given cell joined with an exercise": (
        [join(GIVEN)],
        {(*NOTED, "given-imports")},
    ),
    "a given cell joined with an exercise, under the exercise's id": (
        [join(GIVEN, keep=1)],
        {(*NOTED, "given-imports")},
    ),
    "given, exercise and check in one": (
        [join(GIVEN, count=3)],
        {(*NOTED, "given-imports"), (*NOTED, "check-double")},
    ),
    "everything in one cell": (
        [join(GIVEN, count=6)],
        {(*NOTED, id) for id in ("given-imports", "check-double", "check-Counter-add", "notebook")},
    ),
    "joined, and a line added": (
        [join(GIVEN), swap(GIVEN, "def near", "y = 1\n\n\ndef near")],
        {(*NOTED, "given-imports"), (*NOTED, "solve-double")},
    ),
    "joined, and the given function edited": (
        [join(GIVEN), swap(GIVEN, "1e-9", "1e-1")],
        {(*TODO, "given-imports"), (*TODO, "solve-double"), (*NOTED, "solve-double")},
    ),
    "joined under the exercise's id, the given function edited": (
        [join(GIVEN, keep=1), swap(GIVEN, "1e-9", "1e-1")],
        {(*TODO, "given-imports"), (*TODO, "solve-double"), (*NOTED, "solve-double")},
    ),
    "a given cell edited, the original in a cell of one's own": (
        [lambda nb: extra(nb["cells"][GIVEN]["source"])(nb), swap(GIVEN, "1e-9", "1e-1")],
        {(*NOTED, "cell 2"), (*NOTED, "notebook")},
    ),
    # rule 3: outputs
    "all outputs cleared": (
        [cleared],
        {("outputs", True, id) for id in ("given-imports", "check-double", "check-Counter-add")},
    ),
    "counts and some outputs cleared": (
        [dropped_counts, cell(CHECK_ADD, outputs=[])],
        {("outputs", True, "check-Counter-add")},
    ),
    "a check not run": ([cell(CHECK_ADD, execution_count=None, outputs=[])], {("outputs", True, "check-Counter-add")}),
    "a check's output deleted": ([cell(CHECK_ADD, outputs=[])], {("outputs", True, "check-Counter-add")}),
    "a given cell not run": ([cell(GIVEN, execution_count=None, outputs=[])], {("outputs", True, "given-imports")}),
    "outputs cleared, counts kept": (
        [every(outputs=[])],
        {("outputs", True, id) for id in ("given-imports", "check-double", "check-Counter-add")},
    ),
    "a cell of one's own without its output": (
        [insert(3, "x = 1\n[x]")],
        {(*NOTED, "cell 4"), ("outputs", False, "cell 4")},
    ),
    "Colab leaves all outputs out": (
        [cleared, lambda nb: nb["metadata"].update(colab={"private_outputs": True})],
        {("outputs", True, "notebook")},
    ),
    # two rules at once
    "an import in a given cell": (
        [swap(GIVEN, "import json\n", "import json\nimport torch\n")],
        {(*TODO, "given-imports"), ("imports", True, "given-imports")},
    ),
}

BREACH, NOTE = True, False
IMPORTS: list[tuple[str, bool | None]] = [
    # code in the region of double -> breach, note, or None for nothing found
    ("import torch", BREACH),
    ("import scipy.special as sp", BREACH),
    ("from torch import nn", BREACH),
    ("import math, torch", BREACH),
    ("try:\n    import torch\nexcept ImportError:\n    pass", BREACH),
    ("if False:\n    import torch", BREACH),
    ("import rnn_solution", BREACH),
    ("import math", NOTE),
    ("from itertools import product", NOTE),
    ("from . import solution", NOTE),
    ("__import__('torch')", BREACH),
    ("__import__('tor' + 'ch')", NOTE),
    ("__import__(''.join(['to', 'rch']))", NOTE),
    ("__import__('hcrot'[::-1])", NOTE),
    ("__import__(f'{\"tor\"}ch')", NOTE),
    ("name = 'torch'\n__import__(name)", NOTE),
    ("__import__(chr(116) + 'orch')", NOTE),
    ("__import__('numpy')", None),
    ("__import__('math')", NOTE),
    ("__import__(input())", NOTE),
    ("load = __import__\nload('torch')", NOTE),
    ("list(map(__import__, ['torch']))", NOTE),
    ("import functools\nfunctools.partial(__import__, 'torch')()", NOTE),
    ("f = [__import__]", NOTE),
    ("getattr(__builtins__, '__import__')('torch')", NOTE),
    ("__builtins__['__import__']('torch')", NOTE),
    ("__builtins__.__dict__['__imp' + 'ort__']('torch')", NOTE),
    ("globals()['__builtins__']['__import__']('torch')", NOTE),
    ("import builtins\nbuiltins.__import__('torch')", BREACH),
    ("import importlib\nimportlib.import_module('torch')", BREACH),
    ("from importlib import import_module as im\nim('torch.nn')", NOTE),
    ("import importlib as i\ngetattr(i, 'import_' + 'module')('torch')", NOTE),
    ("__import__('importlib').import_module('torch')", NOTE),
    ("import runpy\nrunpy.run_module('torch')", NOTE),
    ("exec('import torch')", BREACH),
    ("eval('__import__(\"torch\")')", BREACH),
    ("exec(compile('import torch', 'a', 'exec'))", NOTE),
    ("exec('exec(\"import torch\")')", NOTE),
    ("code = 'import torch'\nexec(code)", NOTE),
    ("exec('y = 1')", None),
    ("exec(open('a.py').read())", NOTE),
    ("import sys\nsys.modules['torch']", NOTE),
    ("import sys\nsys.modules.get('torch')", NOTE),
    ("import sys\nm = sys.modules\nm['tor' 'ch'].nn", NOTE),
    ("import sys\nsys.modules[name]", NOTE),
    ("import sys\nfor k, v in sys.modules.items():\n    k", NOTE),
    ("np.f2py.compile('')", NOTE),
    ("from numpy import f2py", BREACH),
    ("import numpy.f2py", BREACH),
    ("np.ctypeslib.load_library('a', '.')", NOTE),
    ("getattr(np, 'f2' + 'py')", NOTE),
    ("np.lib.utils.sys.modules['torch']", NOTE),
    ("np.os.system('pip install torch')", NOTE),
    ("np.random.rand(3), np.linalg.norm(x), np.array(x), np.trace(x), np.copy(x)", None),
    ("().__class__.__base__.__subclasses__()", NOTE),
    ("import os\nos.system('pip install torch')", NOTE),
    ("import os\nos.system('ls')", NOTE),
    ("import subprocess\nsubprocess.run(['pip', 'install', 'torch'])", NOTE),
    ("import subprocess\nsubprocess.run(['python', '-c', 'import torch'])", NOTE),
    ("get_ipython().system('pip install torch')", BREACH),
    ("get_ipython().run_line_magic('pip', 'install torch')", BREACH),
    ("get_ipython().run_cell('import torch')", BREACH),
    ("from IPython.display import display", BREACH),
    ("from __future__ import annotations", None),
    ("np.load('a.npy').dump('b')", None),
    ("np.random.__reduce__.__globals__['pickle'].loads(b'')", NOTE),
    ("f = lambda: 0\nf.__globals__['__builtins__']", NOTE),
    ("class Loader:\n    def load_module(self, name):\n        return 1\nLoader().load_module('torch')", None),
    ("self = type('E', (), {'import_module': len})\nself.import_module('torch')", None),
    ("__import__(" + "-" * 3000 + "1)", NOTE),
    ("np.os.path", NOTE),
]
MAGICS: list[tuple[str, bool | None]] = [
    # a cell of the student's own
    ("%pip install torch", BREACH),
    ("%pip list", NOTE),
    ("!pip install torch", BREACH),
    ("!pip3 install -q torch", BREACH),
    ("!python -m pip install torch", BREACH),
    ("%conda install torch", BREACH),
    ("out = !pip install torch", BREACH),
    ("!ls", NOTE),
    ('!python -c "import torch"', NOTE),
    ("%%bash\npip install torch", BREACH),
    ("%%bash\nls", NOTE),
    ("%%python\nimport torch", BREACH),
    ("%%time\nimport torch", BREACH),
    ("%time import torch", BREACH),
    ("%timeit -n 3 double(1)", None),
    ("%load_ext autoreload\n%autoreload 2", None),
    ("%load_ext cython", NOTE),
    ("%pylab inline", NOTE),
    ("%matplotlib inline", NOTE),
    ("%run solution.py", NOTE),
    ("import torch\nx = (", NOTE),
    ("np.mean?", None),
]


@pytest.mark.parametrize("name", CLEAN)
def test_no_false_alarm(name: str) -> None:
    assert found(handed_in(*CLEAN[name])) == []


@pytest.mark.parametrize("name", FOUND)
def test_exactly_what_is_there_is_found(name: str) -> None:
    changes, expected = FOUND[name]
    findings = found(handed_in(*changes))
    assert told(findings) == expected, findings
    assert all(one.evidence for one in findings)


@pytest.mark.parametrize(("code", "verdict"), IMPORTS)
def test_imports_and_what_only_running_would_show(code: str, verdict: bool | None) -> None:
    judged(handed_in(body(*code.split("\n"), "y = x + x")), "solve-double", verdict)


@pytest.mark.parametrize(("code", "verdict"), MAGICS)
def test_magics(code: str, verdict: bool | None) -> None:
    judged(handed_in(extra(code)), "cell 4", verdict, policy=Policy(scratch_imports="breach"))
    judged(handed_in(extra(code)), "cell 4", verdict and NOTE)  # no exercise uses it


TANH = "import matplotlib.pyplot as plt\nplt.plot(np.tanh(np.linspace(-3, 3)))"
SCRATCH: dict[str, tuple[list[Change], list[tuple[bool, str]]]] = {
    # what is imported where -> (breach, cell) of the findings of rule 2
    "looks at tanh": ([extra(TANH)], [(NOTE, "cell 4")]),
    "looks at tanh twice": ([extra(TANH), extra(TANH)], [(NOTE, "cell 4"), (NOTE, "cell 5")]),
    "installs and imports": ([extra("!pip install torch\nimport torch")], [(NOTE, "cell 4")] * 2),
    "compares with another package": ([extra("import torch\nprint(torch.tanh(double(x)))")], [(NOTE, "cell 4")]),
    "an exercise uses it": (
        [extra("import torch"), body("y = torch.add(x, x)")],
        [(BREACH, "cell 4")],
    ),
    "an exercise uses it under another name": (
        [extra("from torch import add as plus"), body("y = plus(x, x)")],
        [(BREACH, "cell 4")],
    ),
    "an exercise uses it through a function of one's own": (
        [extra("import torch\ndef plus(a, b):\n    return torch.add(a, b)"), body("y = plus(x, x)")],
        [(BREACH, "cell 4")],
    ),
    "an exercise uses it through two cells": (
        [extra("plus = torch.add"), extra("import torch"), body("y = plus(x, x)")],
        [(BREACH, "cell 4")],
    ),
    "an exercise uses a module of the same parent": (
        [extra("import torch.nn, scipy"), body("y = scipy.add(x, x)")],
        [(BREACH, "cell 4")] * 2,
    ),
    "an exercise has a name of its own like it": ([extra(TANH), body("pltt = x", "y = pltt + x")], [(NOTE, "cell 4")]),
    "the exercise imports it": (
        [extra(TANH), body("import torch", "y = x + x")],
        [(BREACH, "solve-double"), (NOTE, "cell 4")],
    ),
    "a given cell imports it": (
        [swap(GIVEN, "import json\n", "import json\nimport matplotlib\n")],
        [(BREACH, "given-imports")],
    ),
}


@pytest.mark.parametrize("name", SCRATCH)
def test_imports_in_cells_of_ones_own(name: str) -> None:
    changes, expected = SCRATCH[name]
    notebook = handed_in(*changes)
    strict = found(notebook, policy=Policy(scratch_imports="breach"))
    seen = [one for one in found(notebook) if one.rule == "imports"]
    assert [(one.breach, one.cell) for one in seen] == expected, seen
    assert [one.cell for one in strict if one.rule == "imports" and one.breach] == [cell for _, cell in expected]


def test_cells_to_play_with_are_played_with() -> None:
    text = tiny.TEXT + "\n\n# %% play pictures\nprint(double(np.arange(3)))\n"
    release = Master("tiny", tuple(parse(text, "tiny.py"))).released
    raw = {"cell_type": "code", "id": "play-pictures", "execution_count": 1}
    raw |= {"metadata": {"assignment": {"kind": "play", "name": "pictures"}}}
    untouched = release.cell("play-pictures").source
    table: list[tuple[str, list[Any], set[str]]] = [
        (untouched, [stream("[0 2 4]")], set()),
        (untouched, [ERROR], set()),
        (untouched, [], {"outputs"}),
        (f"import torch\n{untouched}", [stream("[0 2 4]")], {"todo", "imports"}),
        ("", [], {"todo"}),
    ]

    def added(cell: dict[str, Any], nb: Notebook) -> None:
        nb["cells"].append(cell)

    for source_, outputs, rules in table:
        findings = found(
            handed_in(partial(added, {**raw, "source": source_, "outputs": outputs})),
            release,
            release,
        )
        assert {one.rule for one in findings} == rules, findings
        assert {(one.breach, one.cell) for one in findings} <= {(False, "play-pictures")}, findings


def judged(notebook: Notebook, where: str, verdict: bool | None, **options: Any) -> None:
    findings = [one for one in found(notebook, **options) if one.rule == "imports"]
    assert {one.cell for one in findings} == (set() if verdict is None else {where}), findings
    assert any(one.breach for one in findings) == bool(verdict), findings


def test_there_are_enough_variants() -> None:
    assert len(CLEAN) + len(FOUND) >= 60


def test_the_evidence_is_a_small_diff() -> None:
    table = [
        ([swap(GIVEN, "1e-9", "1e-1")], "-    return bool(np.max(np.abs(np.asarray(got) - np.asarray(want))) < 1e-9)"),
        ([swap(DOUBLE, "return y", "return 3 * y")], "-    return y\n+    return 3 * y"),
        ([swap(DOUBLE, "    return y", "    y = 1 * y\n    return y")], "+    y = 1 * y"),
        ([body("import torch", "y = x + x")], "你的 double 单元格（第 3 个）第 4 行：用到了 torch\n+import torch"),
        (
            [swap(ADD, "self.count = start", "self.count = 7")],
            "你的 Counter.add 单元格（第 6 个）第 5 行：TODO 以外的代码",
        ),
        ([swap(DOUBLE, "return y", "return (y")], "没有找到给定的这一行\n-    return y"),
        ([delete(CHECK_ADD)], "Counter.add 检查单元格：被删除了"),
    ]
    for changes, words in table:
        (one,) = found(handed_in(*changes))
        assert words in one.evidence
        assert "x + x" not in one.evidence
    (long,) = found(handed_in(source(CHECK_DOUBLE, "\n".join(f"y{n} = {'9' * 500}" for n in range(500)))))
    assert len(long.evidence) < 4000


PRINTS: list[tuple[str, bool]] = [
    # a cell -> whether it surely shows something
    ("print(x)", True),
    ("display(x)", True),
    ("check.report()", True),
    ("y = 1\n3", True),
    ("(1, 2)", True),
    ("f'{y}'", True),
    ("x == y", True),
    ("print()", True),
    ("print('')  # 空行", True),
    ("None", False),
    ("y", False),
    ("y.T", False),
    ("y + z", False),
    ("f(x)", False),
    ("3;", False),
    ("3 ;  # 不显示", False),
    ("(3\n)  ;", False),
    ("'一段说明'", True),
    ("print(end='')", False),
    ("print(x, file=log)", False),
    ("print(*rows, sep='')", False),
    ("display()", False),
    ("display(*pictures)", False),
    ("if x:\n    print(x)", False),
    ("for x in y:\n    print(x)", False),
    ("with redirect_stdout(log):\n    print(x)", False),
    ("def f():\n    print(x)", False),
    ("%%capture\nprint(x)", False),
    ("%%capture out\n3", False),
    ("x = (", False),
]


@pytest.mark.parametrize(("code", "shows"), PRINTS)
def test_only_what_surely_shows_something_must_have_kept_it(code: str, shows: bool) -> None:
    cleared = found(handed_in(insert(3, code), cell(3, outputs=[])))
    assert any(one.rule == "outputs" for one in cleared) == shows


ROWS = "dx        误差 1.00e-09 < 1e-08  通过\ndw        误差 1.00e-01 ≥ 1e-08  未通过  符号相反\n"
PASSED, FAILED, HIDDEN = (True, False), (False, False), (False, True)  # passed, failed in hidden rows alone
CONTRADICTIONS: list[tuple[str, list[dict[str, Any]], dict[str, tuple[bool, bool]], dict[str, Any], list[str]]] = [
    # what is kept, what the examiner saw of the parts, how the check went, the parts with a note
    ("the same", [stream(ROWS)], {"dx": PASSED, "dw": FAILED}, {}, []),
    ("it says passed", [stream(ROWS)], {"dx": FAILED, "dw": FAILED}, {}, ["dx"]),
    ("it says failed, but the examiner is lenient", [stream(ROWS)], {"dx": PASSED, "dw": PASSED}, {}, []),
    ("only hidden rows failed", [stream(ROWS)], {"dx": HIDDEN, "dw": FAILED}, {}, []),
    ("cut short", [stream(ROWS)], {"dx": FAILED}, {"ended": "timeout"}, []),
    ("judged with the reference's functions", [stream(ROWS)], {"dx": FAILED}, {"premise": ["double"]}, []),
    ("it says nothing", [stream("double True")], {"double": FAILED}, {}, []),
    ("a row of another part", [stream(ROWS)], {"db": FAILED}, {}, []),
    ("an error is all there is", [stream("double"), ERROR], {"double": FAILED}, {}, []),
    ("an error, and it passes now", [stream("double"), ERROR], {"double": PASSED}, {}, []),
]


@pytest.mark.parametrize("case", CONTRADICTIONS, ids=[case[0] for case in CONTRADICTIONS])
def test_outputs_that_contradict_the_examiner_are_noted(case: Any) -> None:
    _, outputs, parts, check, expected = case
    judged = tuple(Part(name, 1.0, passed=passed, hidden=hidden) for name, (passed, hidden) in parts.items())
    failed = {"double": CheckResult("double", 1.0, parts=judged, **check).failed_in_sight}
    findings = found(handed_in(cell(CHECK_DOUBLE, outputs=outputs)), failed=failed)
    end = "保留的输出写着通过，重新运行的结果是未通过"
    assert [one.evidence for one in findings] == [
        f"你的 double 检查单元格（第 4 个）：{part}：{end}" for part in expected
    ]
    assert not any(one.breach for one in findings)


def test_the_release_compared_with_is_the_students_own() -> None:
    corrected = Master(
        "tiny", tuple(parse(tiny.TEXT.replace("1e-9", "1e-8").replace("    return y", "    return +y"), "t"))
    )
    assert found(handed_in(), RELEASE, corrected) == []  # made from the earlier release
    by_hand = [swap(GIVEN, "1e-9", "1e-8"), swap(DOUBLE, "return y", "return +y")]
    assert found(handed_in(*by_hand), RELEASE, corrected) == []  # the correction taken over by hand
    assert told(found(handed_in(*by_hand), RELEASE, MASTER)) == {(*TODO, "given-imports"), (*TODO, "solve-double")}


def test_what_a_newer_python_may_read_is_no_breach() -> None:
    newer = f"3.{sys.version_info.minor + 1}.0"
    table: list[tuple[str, list[Change], bool]] = [
        (newer, [body("y = (yield) = x"), swap(DOUBLE, "double(x)", "double[T](x: T)")], False),
        (newer, [swap(DOUBLE, "return y", "return (y")], False),
        (newer, [swap(GIVEN, "def near(", "def near[T](")], False),
        (newer, [swap(GIVEN, "1e-9", "1e-1")], True),  # it parses here too
        ("3.8.1", [swap(GIVEN, "def near(", "def near[T](")], True),
    ]
    for version, changes, breach in table:
        notebook = handed_in(*changes)
        notebook["metadata"]["language_info"]["version"] = version
        assert any(one.breach for one in found(notebook)) == breach, found(notebook)


def test_the_loop_variables_of_given_cells_are_nobodys_names() -> None:
    text = tiny.TEXT.replace('print("准备好了")', 'for row in "ab":\n    print(row)\nlast = row')
    release = Master("tiny", tuple(parse(text, "tiny.py"))).released
    table = [("row = 1", False), ("last = 1", True)]
    for line, breach in table:
        notebook = handed_in(source(GIVEN, release.given[0].source), source(DOUBLE, f"{line}\n\n\n{DONE}"))
        assert told(found(notebook, release)) == {("todo", breach, "solve-double")}


@pytest.mark.parametrize(
    "code", ["y = " + "-" * 900 + "1", "y = x" + ".a" * 900, "y = " + "+".join("x" * 2000), "y = '\\d'"]
)
def test_deep_code_in_the_region_is_no_breach(code: str) -> None:
    assert not any(one.breach for one in found(handed_in(body(code))))
    assert any(one.breach for one in found(handed_in(swap(DOUBLE, "def double", f"@({code[4:]})\ndef double"))))


def test_the_policy_chooses_the_consequence() -> None:
    notebook = handed_in(delete(CHECK_ADD), body("import torch", "y = x + x"), cell(CHECK_DOUBLE, outputs=[]))
    table = [
        (Policy(), (), ["todo", "imports", "outputs"]),
        (Policy(), ("imports", "outputs"), ["todo"]),
        (Policy(todo="off", imports="flag"), (), ["outputs"]),
        (Policy("flag", "flag", "flag"), (), []),
    ]
    for policy, waived, zeroed in table:
        findings = found(notebook, policy=policy)
        assert policy.zeroes(findings, waived) == zeroed
    assert {one.rule for one in found(notebook, policy=Policy(todo="off", outputs="off"))} == {"imports"}
    assert found(notebook, policy=Policy("off", "off", "off")) == []


def test_the_policy_is_read_from_the_config() -> None:
    assert Policy.from_config({}) == Policy()
    assert Policy.from_config({"Rules": {"outputs": "flag"}}) == Policy(outputs="flag")
    for rules, word in [({"output": "off"}, "no such rule"), ({"todo": "maybe"}, "choose one of zero, flag, off")]:
        with pytest.raises(AssignmentError, match=word):
            Policy.from_config({"Rules": rules})


EDITORS: list[Change] = [jupyterlab, vscode, colab, version(3), rewritten(blackened), stripped]


def test_the_untouched_release_and_the_reference_break_no_rule(checkout: Course, tmp_path: Path) -> None:
    """The recurrent networks themselves, run, and saved by every editor and formatter."""
    master = load_master(checkout.source("rnn"))
    for cells in (master.released.cells, tuple(_solved(master))):
        notebook = render("rnn", list(cells))
        for raw in notebook["cells"]:
            raw["source"] = "".join(raw["source"])
            if raw["cell_type"] == "code":
                raw |= {"execution_count": 1, "outputs": [stream("x")]}
        for change in (*EDITORS, saved_by_the_server(tmp_path), formatted_by_ruff(tmp_path)):
            changed = copy.deepcopy(notebook)
            change(changed)
            assert found(changed, master.released, master) == []


def saved_by_the_server(folder: Path) -> Change:
    """Opened and saved through the contents API that JupyterLab and Notebook use."""

    def change(nb: Notebook) -> None:
        tiny.write(folder / "lab.ipynb", nb)
        manager = LargeFileManager(root_dir=str(folder))
        manager.save(manager.get("lab.ipynb"), "lab.ipynb")  # type: ignore[no-untyped-call]
        nb.update(tiny.read(folder / "lab.ipynb"))

    return change


def formatted_by_ruff(folder: Path) -> Change:
    """Formatted as a notebook by ruff, its imports sorted."""

    def change(nb: Notebook) -> None:
        path = folder / "ruff.ipynb"
        tiny.write(path, nb)
        ruff = str(Path(sysconfig.get_path("scripts")) / "ruff")
        for command in (["check", "--isolated", "--select", "I", "--fix"], ["format", "--isolated"]):
            subprocess.run([ruff, *command, "--line-length", "72", str(path)], check=True, capture_output=True)
        assert tiny.read(path)["cells"] != nb["cells"]
        nb.update(tiny.read(path))

    return change


def _solved(master: Master) -> Iterator[Cell]:
    """Yield the release's cells with the master's solutions in the regions."""
    for released, cell in zip(master.released.cells, master.cells, strict=True):
        lines = [line for line in cell.source.split("\n") if "SOLUTION" not in line]
        yield replace(released, source="\n".join(lines)) if cell.kind == "solve" else released


GIANTS = {
    "statements": "a\n" * 5000,
    "definitions": "def double(x):\n    return y\n" * 500,
    "imports": "".join(f"import torch{number}\n" for number in range(1000)),
    "strings": "x = " + "'a' + " * 5000 + "'a'",
    "text that runs": "exec('import torch')\n" * 500,
    "blank lines": "\n" * 60_000 + "%x",
    "blanks": " " * 400_000 + "%",
    "commands": "!" + "pip " * 20_000,
    "shell lines": "!ls\n" * 3000 + "(",
    "marks": "# TODO\n# TODO 结束\n" * 500,
    "brackets": "(" * 40_000,
    "attributes": "x" + ".a" * 20_000,
}


@pytest.mark.parametrize("name", GIANTS)
def test_giants_are_read_in_time_and_give_few_findings(name: str) -> None:
    """One of these once took minutes: a pattern that looks back, a comparison of everything with everything."""
    for change in (source(DOUBLE, GIANTS[name]), source(GIVEN, GIANTS[name]), extra(GIANTS[name])):
        start = time.process_time()
        findings = found(handed_in(change))
        assert len(findings) < 50
        assert sum(len(one.evidence) for one in findings) < 20_000
        assert time.process_time() - start < 10


def test_walk_meets_the_same_nodes_in_the_same_order() -> None:
    tree = ast.parse(Path(__file__).read_text(encoding="utf-8"))
    assert walk(tree) == list(ast.walk(tree))
