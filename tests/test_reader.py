"""Reading submissions: every way a notebook may be kept gives the same cells, everything else is said in words."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from assignment.sandbox import MIB, Limits
from assignment.sandbox.zygote import Sandbox
from assignment.submission import (
    Notebook,
    Output,
    SubmittedCell,
    Unreadable,
    checked_notebook,
    newer_python,
    read_notebook,
)

LIMITS = Limits(memory=512 * MIB, notebook_bytes=64 * MIB, notebook_cells=50, source_bytes=100_000)
CODE = {"cell_type": "code", "id": "a", "source": "x = 1\nx", "execution_count": 3, "metadata": {}, "outputs": []}
PLAIN: dict[str, Any] = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [CODE]}
PNG = "iVBORw0KGgo="


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(LIMITS) as made:
        yield made


def read(sandbox: Sandbox, data: bytes) -> Notebook:
    with sandbox.open() as session:
        return read_notebook(session, data, sandbox.limits)


def notebook(*cells: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {**PLAIN, "cells": [{**CODE, **cell} for cell in cells], **changes}


WANT = SubmittedCell(0, "code", "a", "x = 1\nx")
SAME = {
    "as Jupyter saves it": json.dumps(PLAIN, indent=1).encode(),
    "source as lines": json.dumps(notebook({"source": ["x = 1\n", "x"]})).encode(),
    "Windows line ends": json.dumps(notebook({"source": "x = 1\r\nx"})).encode(),
    "old Mac line ends": json.dumps(notebook({"source": "x = 1\rx"})).encode(),
    "byte order mark": b"\xef\xbb\xbf" + json.dumps(PLAIN).encode(),
    "UTF-16": json.dumps(PLAIN).encode("utf-16"),
    "UTF-16 without a mark": json.dumps(PLAIN).encode("utf-16-le"),
    "UTF-32": json.dumps(PLAIN).encode("utf-32"),
    "unknown keys": json.dumps(notebook({"colab": {"x": [1]}, "attachments": {}}, widgets={"y": {}})).encode(),
    "no numbers of the format": json.dumps({"cells": [CODE]}).encode(),
    "metadata of another kind": json.dumps(notebook({"metadata": [1]}, metadata=3)).encode(),
}


@pytest.mark.parametrize("name", SAME)
def test_same_cells_however_kept(name: str, sandbox: Sandbox) -> None:
    assert read(sandbox, SAME[name]).cells == (WANT,)


NO_NOTEBOOK = {
    "empty": (b"", "it is empty"),
    "white space": (b" \n ", "it is empty"),
    "text": (b"hello", "it is not JSON"),
    "a page": (b"<!DOCTYPE html><html>", "it is not JSON"),
    "a PDF": (b"%PDF-1.7\x00\xff\xfe", "it is not JSON"),
    "cut off": (json.dumps(PLAIN).encode()[:-20], "it is not JSON"),
    "two notebooks": (json.dumps(PLAIN).encode() * 2, "it is not JSON"),
    "a list": (b"[]", "it is JSON, but not a notebook"),
    "a number": (b"1", "it is JSON, but not a notebook"),
    "no cells": (b"{}", "it is JSON, but has no cells"),
    "the format of 2012": (b'{"nbformat": 3, "worksheets": [{"cells": []}]}', "it is JSON, but has no cells"),
    "cells that are no list": (b'{"cells": {}}', "it is JSON, but has no cells"),
    "a cell that is none": (b'{"cells": [1]}', "its cell 1 is no cell"),
    "source of numbers": (
        b'{"cells": [{"cell_type": "code", "source": [1]}]}',
        "its cell 1 has a source that is no text",
    ),
    "nested deeply": (b'{"cells": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "it is nested too deeply"),
    "nested deeply in metadata": (
        b'{"cells": [], "metadata": ' + b'{"a":' * 50_000 + b"1" + b"}" * 50_001,
        "too deeply",
    ),
    "too many cells": (json.dumps(notebook(*[{}] * 51)).encode(), "it has 51 cells; 50 are read at most"),
    "too much source": (json.dumps(notebook({"source": "x" * 100_001})).encode(), "its source is too long"),
    "too large a file": (bytes(65 * MIB), "it is 65 MiB large; 64 MiB are read at most"),
    "more than the memory": (b'{"cells": [' + b"[]," * (20 * MIB) + b"[]]}", "within the"),
}


@pytest.mark.parametrize("name", NO_NOTEBOOK)
def test_what_is_no_notebook_is_said_in_words(name: str, sandbox: Sandbox) -> None:
    data, words = NO_NOTEBOOK[name]
    with pytest.raises(Unreadable, match=words):
        read(sandbox, data)


def test_reading_that_does_not_end_in_time() -> None:
    with Sandbox(replace(LIMITS, cell_seconds=0.05)) as hasty, pytest.raises(Unreadable, match=r"longer than 0\.05 s"):
        read(hasty, b'{"cells": [' + b"1," * (16 * MIB) + b"1]}")


def test_what_is_kept_of_a_notebook(sandbox: Sandbox) -> None:
    metadata = {
        "nbgrader": {
            "grade_id": "solve-f",
            "points": 8.0,
            "solution": True,
            "task": None,
            "deep": {"a": 1},
            "nan": 1e999,
        },
        "assignment": {"kind": "solve", "name": "f"},
        "tags": ["raises-exception", 3],
        "collapsed": True,
    }
    outputs = [
        {"output_type": "stream", "name": "stdout", "text": ["a\n", "b"]},
        {"output_type": "execute_result", "execution_count": 3, "data": {"text/plain": "1", "text/html": "<b>"}},
        {"output_type": "display_data", "data": {"image/png": PNG, "image/svg+xml": "<svg>"}},
        {"output_type": "error", "ename": "ValueError", "evalue": "x", "traceback": ["\x1b[31m"]},
        {"output_type": "update_display_data", "data": {}},
        "nonsense",
    ]
    given = notebook(
        {"metadata": metadata, "outputs": outputs},
        {"cell_type": "markdown", "source": "# <script>", "execution_count": 7},
        {"cell_type": None, "id": 3, "source": "x", "execution_count": "1"},
        metadata={
            "kernelspec": {"name": "python3"},
            "assignment": {"name": "rnn", "release": "0" * 16},
            "language_info": {"name": "python", "version": "3.10.2"},
            "colab": {"private_outputs": True, "provenance": []},
            "widgets": {},
        },
    )
    got = read(sandbox, json.dumps(given).encode())
    assert (got.assignment, got.release, got.kernel) == ("rnn", "0" * 16, "python3")
    assert (got.python, got.private_outputs) == ("3.10.2", True)
    first, markdown, strange = got.cells
    assert (first.grade_id, first.kind, first.name) == ("solve-f", "solve", "f")
    assert first.outputs == (
        Output("stream", "a\nb"),
        Output("execute_result", "1"),
        Output("display_data", picture=True),
        Output("error", "ValueError: x"),
        Output("display_data"),
    )
    assert (markdown.cell_type, markdown.source) == ("markdown", "# <script>")
    assert (strange.cell_type, strange.id) == ("raw", "")


def test_large_outputs_are_cut_and_the_source_is_kept(sandbox: Sandbox) -> None:
    outputs = [{"output_type": "stream", "name": "stdout", "text": "x" * MIB}] * 50
    (cell,) = read(sandbox, json.dumps(notebook({"outputs": outputs})).encode()).cells
    assert cell.source == CODE["source"]
    assert 0 < sum(len(output.text) for output in cell.outputs) < LIMITS.source_bytes


def test_cells_that_are_there_twice_are_kept_twice(sandbox: Sandbox) -> None:
    assert len(read(sandbox, json.dumps(notebook({}, {})).encode()).cells) == 2


def test_text_that_is_no_unicode_is_replaced(sandbox: Sandbox) -> None:
    (cell,) = read(sandbox, b'{"cells": [{"cell_type": "code", "source": "a = \'\\ud800\'"}]}').cells
    assert cell.source == "a = '?'"


HANDED: dict[str, Any] = {  # a cell as the sandbox hands it over
    "cell_type": "code",
    "id": "a",
    "source": "x = 1\nx",
    "outputs": [],
    **dict.fromkeys(("grade_id", "kind", "name"), ""),
}


@pytest.mark.parametrize(
    "change",
    [
        {"kernel": ["python3"]},
        {"private_outputs": 1},
        {"cells": [{**HANDED, "source": b"x"}]},
        {"cells": [{**HANDED, "source": None}]},
        {"cells": [{**HANDED, "cell_type": "script"}]},
        {"cells": [{**HANDED, "id": 3}]},
        {"cells": [{**HANDED, "grade_id": None}]},
        {"cells": [{**HANDED, "outputs": [["stream", ["x"], False]]}]},
        {"cells": [{**HANDED, "outputs": [["display_data", "", 1]]}]},
        {"cells": [{**HANDED, "outputs": [["update", "", False]]}]},
        {"cells": [{**HANDED, "outputs": [["stream", "x"]]}]},
        {"cells": [[]]},
        {"cells": {}},
    ],
)
def test_what_is_handed_over_is_checked(change: dict[str, Any]) -> None:
    texts = dict.fromkeys(("assignment", "release", "kernel", "python"), "")
    good = {"private_outputs": False, "cells": [HANDED], **texts}
    assert checked_notebook(good) == Notebook((WANT,))
    with pytest.raises(Unreadable, match="protocol"):
        checked_notebook({**good, **change})


def test_a_newer_python_is_recognised() -> None:
    here = sys.version_info.minor
    table = [
        (f"3.{here + 1}.0", f"3.{here + 1}.0"),
        (f"3.{here + 1}.0rc1", f"3.{here + 1}.0rc1"),
        (f"3.{here}.99", ""),
        ("3.7.1", ""),
        ("2.7.18", ""),
        ("", ""),
        ("3." + "9" * 5000, ""),
        ("julia", ""),
    ]
    for version, expected in table:
        assert newer_python(Notebook((), python=version)) == expected
