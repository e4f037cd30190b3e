"""Cells as notebook JSON, and what a notebook edited in Jupyter says."""

from __future__ import annotations

import base64
import copy
import hashlib
import json
import re
import zlib
from dataclasses import asdict, replace
from typing import Any

from assignment.errors import AssignmentError
from assignment.homework.master import KINDS, Cell, Header, Master, regions, source_of
from assignment.homework.percent import title_of

NotebookJson = dict[str, Any]  # a notebook as nbformat 4 has it
CellJson = dict[str, Any]  # one of its cells, or an output
_NOTEBOOK = {  # no version numbers: the same bytes on every machine
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {
        "file_extension": ".py",
        "mimetype": "text/x-python",
        "name": "python",
        "nbconvert_exporter": "python",
        "pygments_lexer": "ipython3",
    },
}
FOLDED = re.compile(r"^# @title ")  # Colab shows such a cell as a form
EMPTY = 'Check.learn("")'  # in the text; `build` fills in what the named mistakes give
FILLED = re.compile(r'Check\.learn\("([A-Za-z0-9+/=]+)"\)')
FACTS = re.compile(r"(<!-- facts -->).*")  # in prose; behind it, on its line, stands what the course says of itself
Content = list[tuple[str, str, str]]  # (title, cell type, source): what makes two notebooks the same homework


def render(name: str, cells: list[Cell], header: Header | None = None) -> CellJson:
    """Return the notebook (as JSON) of these cells, with all nbgrader metadata and no outputs."""
    assignment = {"name": name, "built": digest(contents(cells)), "header": asdict(header or Header())}
    return {
        "cells": [notebook_cell(cell) for cell in cells],
        "metadata": notebook_metadata(assignment),
        "nbformat": 4,
        "nbformat_minor": 5,
    }


def notebook_metadata(assignment: CellJson) -> CellJson:
    """Return the metadata of a notebook of ours, with what is said of the assignment; nothing in it is shared."""
    return copy.deepcopy(_NOTEBOOK) | {"assignment": assignment}


def dumps(notebook: NotebookJson) -> str:
    """Return the notebook's file as Jupyter itself would write it, with sorted keys."""
    return json.dumps(notebook, ensure_ascii=False, indent=1, sort_keys=True) + "\n"


def contents_of(notebook: NotebookJson, file: str) -> Content:
    """Return what a notebook edited in Jupyter says: titles (new cells get one), types and sources."""
    content: Content = []
    taken: set[str] = set()
    for number, raw in enumerate(notebook["cells"], 1):
        title = _title(raw, number, taken)
        if raw.get("attachments"):
            raise AssignmentError(
                f"{file}: cell '{title}' holds a pasted picture, which text cannot hold; "
                "write it as SVG or a data: link and remove the attachment"
            )
        taken.add(title)
        content.append((title, raw["cell_type"], _source(raw)))
    return content


def metadata(cell: Cell) -> CellJson:
    """Return the notebook metadata that a cell of this kind carries (nbgrader's schema 3, and ours)."""
    ours: CellJson = {"assignment": {"kind": cell.kind, "name": cell.name}}
    if cell.kind == "prose":
        return ours
    nbgrader: CellJson = {
        "grade": cell.kind == "check",
        "grade_id": cell.id,
        "locked": cell.kind != "solve",
        "schema_version": 3,
        "solution": cell.kind == "solve",
        "task": False,
    }
    if cell.kind == "check":
        points = cell.points or 0.0
        nbgrader |= {"cell_type": "code", "points": int(points) if points.is_integer() else points}
        ours["tags"] = ["raises-exception"]  # a check without our checker may raise: Run All goes on
    if FOLDED.match(cell.source):
        ours |= {"cellView": "form", "jupyter": {"source_hidden": True}}  # Colab's name for it, and Jupyter's
    return ours | {"nbgrader": nbgrader}


def contents(cells: list[Cell]) -> Content:
    """Return the content of parsed cells."""
    return [(title_of(cell), cell.cell_type, bare_source(cell.source)) for cell in cells]


def bare_source(source: str) -> str:
    """Return a cell's source without what `build` fills in: it is no edit."""
    return FACTS.sub(r"\1", FILLED.sub(EMPTY, source))


def with_facts(master: Master, facts: str) -> Master:
    """Return the master with a line on the course (deadline, links) where its prose asks for it."""
    cells = [
        replace(cell, source=FACTS.sub(lambda match: match[1] + facts, cell.source)) if cell.kind == "prose" else cell
        for cell in master.cells
    ]
    return replace(master, cells=tuple(cells))


def packed_text(source: str) -> str:
    """Return what a cell carries of named mistakes as readable text, "" if nothing."""
    found = FILLED.search(source)
    return zlib.decompress(base64.b64decode(found[1])).decode() if found else ""


def digest(content: Content) -> str:
    """Return the hash that the built notebook carries, to see later whether it was edited."""
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:16]


def stamp(notebook: NotebookJson) -> str:
    """Return the hash that the notebook was built with."""
    return str(notebook.get("metadata", {}).get("assignment", {}).get("built", ""))


def notebook_cell(cell: Cell) -> CellJson:
    """Return one cell as notebook JSON."""
    raw: CellJson = {
        "cell_type": cell.cell_type,
        "id": cell.id,
        "metadata": metadata(cell),
        "source": cell.source.splitlines(keepends=True),
    }
    if cell.cell_type == "code":
        raw |= {"execution_count": None, "outputs": []}
    return raw


def _title(raw: CellJson, number: int, taken: set[str]) -> str:
    """Return the title a cell has by its metadata, or one made up for a cell that is new or a copy."""
    ours = raw.get("metadata", {}).get("assignment", {})
    nbgrader = raw.get("metadata", {}).get("nbgrader", {})
    kind, name = ours.get("kind"), ours.get("name")
    if kind not in KINDS or not name:
        kind = _kind(raw, nbgrader)
        name = (_exercise(_source(raw)) if kind == "solve" else nbgrader.get("grade_id")) or f"new-{number}"
    for candidate in (name, f"new-{number}"):
        title = f"{kind} {candidate}" + (f" {float(nbgrader.get('points') or 0):g}" if kind == "check" else "")
        if title not in taken:
            break
    return title


def _kind(raw: CellJson, nbgrader: CellJson) -> str:
    """Return the kind of a cell that was made in Jupyter, from nbgrader's toolbar or its content."""
    if raw["cell_type"] != "code":
        return "prose"
    if nbgrader.get("solution") or (not nbgrader and regions(_source(raw))):
        return "solve"
    return "check" if nbgrader.get("grade") else "given"


def _exercise(source: str) -> str:
    """Return the name of the function or method that a new cell leaves to students, "" if there is none."""
    try:
        defined = Cell("solve", "new", "new", "code", source).defines
    except SyntaxError:
        return ""
    return next((name for name in reversed(defined) if "." in name), defined[0] if defined else "")


def _source(raw: CellJson) -> str:
    """Return a cell's source without blank lines at its ends: percent text cannot tell them from spacing."""
    return bare_source(source_of(raw)).strip("\n")
