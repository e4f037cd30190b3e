"""Submissions in disorder, and what each of their cells is recognised as."""

from __future__ import annotations

import copy
import json
import platform
import sys
from collections.abc import Callable
from typing import Any

import pytest

from assignment.homework import STUB, Master
from assignment.homework.notebook import render
from assignment.homework.percent import parse
from assignment.sandbox.inside.notebook import normalise
from assignment.submission import checked_notebook
from assignment.submission.matching import Matching, Placed, another_homework, match, newer_syntax
from tests.support import tiny

Cells = list[dict[str, Any]]
MASTER = Master("tiny", tuple(parse(tiny.TEXT, "tiny.py")))
DOUBLE, CHECK_DOUBLE, ADD, CHECK_ADD = 2, 3, 5, 6
ORDER = [cell.id for cell in MASTER.cells]

DOUBLED = 'def double(x):\n    """Double."""\n    # TODO: 返回两倍\n    y = x + x\n    # TODO 结束\n    return y'
THRICE = DOUBLED.replace("x + x", "x + x + x")
ADDED = MASTER.solve("Counter.add").stub.replace(STUB, "self.count = self.count + step")
BROKEN = DOUBLED.replace("y = x + x", "y = (x + x")


def submission(*changes: Callable[[Cells], Any]) -> dict[str, Any]:
    """Return the release with both exercises written, then changed."""
    notebook = render("tiny", list(MASTER.released.cells))
    cells: Cells = notebook["cells"]
    for cell in cells:
        cell["source"] = "".join(cell["source"])
    put(DOUBLE, DOUBLED)(cells)
    put(ADD, ADDED)(cells)
    for change in changes:
        change(cells)
    return notebook


def matched(notebook: dict[str, Any], master: Master = MASTER, release: Master | None = None) -> Matching:
    """Match a notebook that went through a file, as every submission does."""
    wrong, plain = normalise(json.dumps(notebook).encode(), 1000, 10_000_000)
    assert plain is not None, wrong
    return match(checked_notebook(plain), master, release)


def put(position: int, source: str, **fields: Any) -> Callable[[Cells], Any]:
    return lambda cells: cells[position].update(source=source, **fields)


def insert(position: int, source: str, like: int | None = None) -> Callable[[Cells], Any]:
    """Insert a new code cell, or a copy of a cell with another source."""

    def change(cells: Cells) -> None:
        new: dict[str, Any] = {"cell_type": "code", "id": "new", "metadata": {}, "outputs": []}
        if like is not None:
            new = copy.deepcopy(cells[like])
        cells.insert(position, new | {"source": source})

    return change


def delete(*positions: int) -> Callable[[Cells], Any]:
    def change(cells: Cells) -> None:
        for position in sorted(positions, reverse=True):
            cells.pop(position)

    return change


def strip(cells: Cells) -> None:
    """What another tool leaves: no metadata, other ids."""
    for number, cell in enumerate(cells):
        cell.update(metadata={}, id=f"cell{number}")


def strip_metadata(cells: Cells) -> None:
    for cell in cells:
        cell.update(metadata={})


def extras(cells: list[Placed]) -> list[tuple[str, str]]:
    """Return role and source of what is none of the homework's cells."""
    return [(cell.role, cell.source) for cell in cells if not cell.id]


def test_a_submission_in_order_is_left_alone() -> None:
    matching = matched(submission())
    cells, repairs = matching.cells, matching.repairs
    assert [cell.id for cell in cells] == ORDER
    assert [cell.role for cell in cells] == [cell.kind for cell in MASTER.cells]
    assert [cell.origin for cell in cells] == list(range(7))
    assert (cells[DOUBLE].source, cells[ADD].source, repairs) == (DOUBLED, ADDED, [])


def test_the_untouched_release_needs_no_repair() -> None:
    notebook = submission(put(DOUBLE, MASTER.solve("double").stub), put(ADD, MASTER.solve("Counter.add").stub))
    matching = matched(notebook)
    cells, repairs = matching.cells, matching.repairs
    assert [cell.source for cell in cells] == [cell.source for cell in MASTER.released.cells]
    assert repairs == []


CASES: dict[str, tuple[list[Callable[[Cells], Any]], str, str, list[tuple[str, str]], str]] = {
    # name: changes, source taken for double, source taken for Counter.add, what is left over, the word on it
    "metadata and ids lost": ([strip], DOUBLED, ADDED, [], "recognised by what they define and say: prose-intro"),
    "metadata lost, ids kept": ([strip_metadata], DOUBLED, ADDED, [], "by their ids: given-imports, solve-double"),
    "a broken cell without metadata": (
        [put(DOUBLE, BROKEN), strip],
        BROKEN,
        ADDED,
        [],
        "recognised by what they define",
    ),
    "windows line ends": ([put(DOUBLE, DOUBLED.replace("\n", "\r\n"))], DOUBLED, ADDED, [], ""),
    "a byte order mark": ([put(DOUBLE, "\ufeff" + DOUBLED), strip], DOUBLED, ADDED, [], "what they define"),
    "a copy, edited later": (
        [insert(7, THRICE, like=DOUBLE)],
        THRICE,
        ADDED,
        [("extra", DOUBLED)],
        "solve-double: stands there again as cell 3; cell 8 is taken (the last that was edited)",
    ),
    "a copy that is the stub": (
        [insert(7, MASTER.solve("double").stub, like=DOUBLE)],
        DOUBLED,
        ADDED,
        [("copy", MASTER.solve("double").stub)],
        "solve-double: stands there again as cell 8; cell 3 is taken",
    ),
    "a check twice": (
        [insert(7, MASTER.released.check("double").source, like=CHECK_DOUBLE)],
        DOUBLED,
        ADDED,
        [("copy", MASTER.released.check("double").source)],
        "check-double: stands there again",
    ),
    "a check twice, one edited": (
        [insert(3, "print(1)", like=CHECK_DOUBLE)],
        DOUBLED,
        ADDED,
        [("extra", "print(1)")],
        "check-double: stands there again as cell 4; cell 5 is taken (the unchanged one",
    ),
    "an exercise deleted": (
        [delete(DOUBLE)],
        MASTER.solve("double").stub,
        ADDED,
        [],
        "solve-double: missing; taken as not written",
    ),
    "given and checks deleted": (
        [delete(1, 3, 6)],
        DOUBLED,
        ADDED,
        [],
        "the homework's own are used: given-imports, check-double, check-Counter-add",
    ),
    "reversed": ([list.reverse], DOUBLED, ADDED, [], "moved; put back in order"),
    "one cell moved": (
        [lambda cells: cells.append(cells.pop(DOUBLE))],
        DOUBLED,
        ADDED,
        [],
        "moved; put back in order: solve-double",
    ),
    "an extra cell": ([insert(3, "print(double(3))")], DOUBLED, ADDED, [("extra", "print(double(3))")], ""),
    "an empty cell": ([insert(3, "")], DOUBLED, ADDED, [("extra", "")], ""),
    "written in a new cell below": (
        [put(DOUBLE, MASTER.solve("double").stub), insert(3, THRICE)],
        THRICE,
        ADDED,
        [("copy", MASTER.solve("double").stub)],
        "recognised by what they define and say: solve-double",
    ),
    "tried again in a new cell below": ([insert(3, THRICE)], DOUBLED, ADDED, [("extra", THRICE)], ""),
    "all in one cell, the other a stub": (
        [put(DOUBLE, DOUBLED + "\n\n\n" + ADDED), put(ADD, MASTER.solve("Counter.add").stub)],
        DOUBLED + "\n\n\n" + ADDED,
        ADDED,
        [("copy", MASTER.solve("Counter.add").stub)],
        "solve-Counter-add: its function was found in the cell of solve-double",
    ),
    "all in one cell, the others deleted, nothing else": (
        [delete(0, 1, 3, 4, 5, 6), put(0, DOUBLED + "\n\n\n" + ADDED), strip],
        DOUBLED + "\n\n\n" + ADDED,
        ADDED,
        [],
        "solve-Counter-add: its function was found in the cell of solve-double",
    ),
    "all in one broken cell": (
        [delete(ADD), put(DOUBLE, ADDED + "\n\n" + BROKEN)],
        ADDED + "\n\n" + BROKEN,
        ADDED,
        [],
        "solve-Counter-add: its function was found in the cell of solve-double",
    ),
    "contents swapped": ([put(DOUBLE, ADDED), put(ADD, DOUBLED)], DOUBLED, ADDED, [], "moved; put back in order"),
    "turned into markdown": (
        [put(DOUBLE, DOUBLED, cell_type="markdown")],
        DOUBLED,
        ADDED,
        [],
        "solve-double: was turned into markdown; read as code",
    ),
    "prose turned into code": (
        [put(0, "# 小作业", cell_type="code")],
        DOUBLED,
        ADDED,
        [],
        "prose-intro: was turned into code; read as markdown",
    ),
    "renamed": (
        [put(DOUBLE, MASTER.solve("double").stub.replace("double", "twice")), strip],
        MASTER.solve("double").stub.replace("double", "twice"),
        ADDED,
        [],
        "recognised by what they define and say",
    ),
    "the function removed": ([put(DOUBLE, "pass")], "pass", ADDED, [], ""),
    "prose quotes the function": (
        [put(0, "像这样：\n\n```python\n" + THRICE + "\n```"), strip],
        DOUBLED,
        ADDED,
        [("extra", "像这样：\n\n```python\n" + THRICE + "\n```")],
        "",
    ),
    "magics in the cell": ([put(DOUBLE, "%time x = 1\n" + DOUBLED), strip], "%time x = 1\n" + DOUBLED, ADDED, [], ""),
    "only the exercises are left": ([delete(0, 1, 3, 4, 6), strip], DOUBLED, ADDED, [], "missing; the homework's own"),
    "nothing is left": (
        [list.clear],
        MASTER.solve("double").stub,
        MASTER.solve("Counter.add").stub,
        [],
        "solve-Counter-add: missing",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_disorder_is_put_right_and_said(name: str) -> None:
    changes, double, add, left_over, word = CASES[name]
    notebook = submission(*changes)
    matching = matched(notebook)
    cells, repairs = matching.cells, matching.repairs
    assert [cell.id for cell in cells if cell.id] == ORDER  # each of the homework's cells exactly once, in order
    by_id = {cell.id: cell for cell in cells}
    assert (by_id["solve-double"].source, by_id["solve-Counter-add"].source) == (double, add)
    assert {cell.cell_type for cell in cells if cell.role == "solve"} == {"code"}
    assert extras(cells) == left_over
    assert word in "; ".join(repairs)
    if not word and "strip" not in str(changes):
        assert repairs == []


def test_extra_cells_follow_the_cell_they_followed() -> None:
    moved = submission(insert(0, "a = 1"), insert(4, "b = 2"), lambda cells: cells.append(cells.pop(1)))
    cells = matched(moved).cells
    assert [cell.id or cell.source for cell in cells] == ["a = 1", *ORDER[:3], "b = 2", *ORDER[3:]]


def test_another_kernel_is_said() -> None:
    table = [("python3", []), ("", []), ("torch-env", ["kernel 'torch-env' replaced by python3"])]
    for kernel, words in table:
        notebook = submission()
        notebook["metadata"]["kernelspec"] = {"name": kernel}
        assert matched(notebook).repairs == words
    notebook["metadata"] = {}
    assert matched(notebook).repairs == []


def test_forged_metadata_does_not_move_a_function() -> None:
    def forge(cells: Cells) -> None:
        cells[DOUBLE]["metadata"]["nbgrader"]["grade_id"] = "solve-Counter-add"
        cells[DOUBLE]["metadata"]["assignment"] = {"kind": ["solve"], "name": None}

    cells = matched(submission(forge)).cells
    by_id = {cell.id: cell for cell in cells}
    assert (by_id["solve-double"].source, by_id["solve-Counter-add"].source) == (DOUBLED, ADDED)


def test_with_an_earlier_release_its_stub_is_what_counts_as_untouched() -> None:
    old = Master("tiny", tuple(parse(tiny.TEXT.replace("return y", "return 1 * y"), "tiny.py"))).released
    stub = old.solve("double").source
    notebook = submission(insert(7, stub, like=DOUBLE))
    assert {cell.id: cell.source for cell in matched(notebook, MASTER, old).cells}["solve-double"] == DOUBLED
    assert {cell.id: cell.source for cell in matched(notebook).cells}["solve-double"] == stub


@pytest.mark.parametrize("source", ["(" * 9000, "x" + ".a" * 20000, "def f():\n" + "  if 1:\n" * 3, "\0", "1" * 5000])
def test_absurd_code_is_no_danger(source: str) -> None:
    cells = matched(submission(put(DOUBLE, source), insert(3, source))).cells
    assert {cell.id: cell.source for cell in cells}["solve-double"] == source


# --- what is no submission of this homework, or cannot be judged here ------------------------------------------------

NEWER = f"3.{sys.version_info.minor + 1}.2"
PEP_695 = DOUBLED.replace("def double(x):", "def double[T](x: T):").replace("x + x", "(yield) = x")  # no Python at all


def foreign(cells: Cells) -> None:
    """Cells of another course's notebook."""
    cells[:] = [
        {"cell_type": "markdown", "id": "a", "metadata": {}, "source": "# Homework 3: Transformers"},
        {
            "cell_type": "code",
            "id": "b",
            "metadata": {},
            "outputs": [],
            "source": "def attention(q, k):\n    return q @ k",
        },
        {"cell_type": "code", "id": "c", "metadata": {}, "outputs": [], "source": "print(attention(1, 2))"},
    ]


def only_given(cells: Cells) -> None:
    """The given cells that another homework of the same course has too."""
    cells[:] = [cells[1]]


OTHER: dict[str, tuple[list[Callable[[Cells], Any]], str, str]] = {
    # changes, the assignment that its metadata name, the reason
    "the homework": ([], "tiny", ""),
    "the homework, nothing written": ([put(DOUBLE, MASTER.solve("double").stub)], "tiny", ""),
    "copied into a notebook of another homework": ([], "cnn", ""),
    "copied into a new notebook": ([strip], "", ""),
    "half of it, in a notebook of another homework": ([delete(5, 6)], "cnn", ""),
    "renamed functions in a copied notebook, checks kept": (
        [put(DOUBLE, "def twice(x): return x"), put(ADD, "pass"), strip],
        "",
        "",
    ),
    "one function and nothing else": ([foreign, insert(0, DOUBLED)], "", ""),
    "broken, but it is there": ([foreign, insert(0, BROKEN)], "", ""),
    "everything deleted but a sheet of one's own": ([foreign], "tiny", ""),
    "nothing at all": ([list.clear], "", ""),
    "text alone": ([foreign, delete(1, 2)], "", ""),
    "another homework": ([foreign], "cnn", "it names the assignment 'cnn', and has few of the exercises of tiny"),
    "another course's": ([foreign], "", "none of its cells is a cell of tiny"),
    "another homework with the same given cells": ([only_given], "cnn", "it names the assignment 'cnn'"),
    "a notebook with the same given cells": ([only_given, strip], "", "none of its cells"),
}


@pytest.mark.parametrize("name", OTHER)
def test_another_notebook_is_told_from_a_poor_one(name: str) -> None:
    changes, assignment, reason = OTHER[name]
    notebook = submission(*changes)
    notebook["metadata"]["assignment"] = {"name": assignment}
    wrong, plain = normalise(json.dumps(notebook).encode(), 1000, 10_000_000)
    handed_in = checked_notebook(plain)
    said = another_homework(handed_in, match(handed_in, MASTER))
    assert not wrong
    assert said.startswith(reason)
    assert bool(said) == bool(reason), said


@pytest.mark.parametrize(("shown", "counts"), [("SyntaxError", True), ("TabError", True), ("NameError", False)])
def test_a_mistake_in_syntax_that_a_newer_python_shows_too_is_a_mistake(shown: str, counts: bool) -> None:
    notebook = submission(put(DOUBLE, "def double(x):\n    return (2 * x"))
    notebook["metadata"]["language_info"] = {"name": "python", "version": NEWER}
    cell = next(cell for cell in notebook["cells"] if "return (2" in "".join(cell["source"]))
    cell["outputs"] = [{"output_type": "error", "ename": shown, "evalue": "'(' was never closed", "traceback": []}]
    _, plain = normalise(json.dumps(notebook).encode(), 1000, 10_000_000)
    handed_in = checked_notebook(plain)
    assert bool(newer_syntax(handed_in, match(handed_in, MASTER))) is not counts


def test_syntax_of_a_newer_python_is_no_verdict() -> None:
    table = [
        (NEWER, PEP_695, f"it ran on Python {NEWER}, and this one"),
        (NEWER, DOUBLED, ""),
        (platform.python_version(), PEP_695, ""),
        ("", PEP_695, ""),
    ]
    for version, source, reason in table:
        notebook = submission(put(DOUBLE, source), insert(3, "("))
        notebook["metadata"]["language_info"] = {"name": "python", "version": version}
        _, plain = normalise(json.dumps(notebook).encode(), 1000, 10_000_000)
        handed_in = checked_notebook(plain)
        said = newer_syntax(handed_in, match(handed_in, MASTER))
        assert said.startswith(reason)
        assert bool(said) == bool(reason)
        assert not said or said.endswith("cannot read solve-double")
