"""The notebooks of a homework: cells as their JSON, what one edited in Jupyter says, and the releases given out.

Of releases: every one that there was, which of them a submission was made from, and the proof that none leaks.
"""

import ast
import base64
import copy
import hashlib
import json
import re
import zlib
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from assignment.course import Course, replace_file
from assignment.errors import AssignmentError
from assignment.homework import HIDDEN, KINDS, SOLUTION, Cell, Master, load_master, regions, source_of, within
from assignment.homework.percent import LOOKS_LIKE_A_MARKER, title_of
from assignment.syntax import bare, parsed

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


def render(name: str, cells: list[Cell], time_axis: int | None = None) -> CellJson:
    """Return the notebook (as JSON) of these cells, with all nbgrader metadata and no outputs."""
    assignment = {"name": name, "built": digest(contents(cells)), "header": {"time_axis": time_axis}}
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


TRYING = ("check", "play")  # cells that try what students write
TELLING = 8  # characters from which on a line says something
NOTEBOOK_METADATA = {"kernelspec", "language_info", "assignment"}
CELL_METADATA = {"assignment", "nbgrader", "editable", "deletable", "tags", "cellView", "jupyter"}


def keep(course: Course, name: str) -> Path:
    """Copy the release to published/NAME/HASH.ipynb and return that path; older releases stay."""
    master = load_master(course.release(name))
    path = course.published(name) / f"{master.release}.ipynb"
    replace_file(path, course.release(name).read_text(encoding="utf-8"))
    return path


def releases(course: Course, name: str) -> dict[str, Master]:
    """Return every release a submission may be made from, by hash; the current one is the last."""
    files = sorted(course.published(name).glob("*.ipynb"))
    current = course.release(name)
    masters = [load_master(file) for file in [*files, *([current] if current.exists() else [])]]
    known: dict[str, Master] = {}
    for master in masters:
        known.pop(master.release, None)
        known[master.release] = master
    if not known:
        raise AssignmentError(f"published/{name}: no release yet; make one with: assignment release")
    return known


def made_from(named: str, sources: Iterable[str], known: dict[str, Master]) -> tuple[Master, str]:
    """Return the release a submission was made from, and a sentence if that had to be found by its content.

    named: the release that its metadata name; sources: those of its cells.
    """
    if named in known:
        return known[named], ""
    squeezed = {bare(source) for source in sources}
    newest_first = list(reversed(known.values()))
    found = max(newest_first, key=lambda master: sum(bare(cell.source) in squeezed for cell in master.cells))
    said = f"names the unknown release {named[:16]!r}" if named else "names no release"
    if len(known) == 1:
        return found, f"the notebook {said}: taken for {found.release}, the only one"
    return found, f"the notebook {said}: taken for {found.release}, which it is most like"


def prove(master: Master, release: NotebookJson, mistakes: str = "") -> None:
    """Raise AssignmentError naming the cell unless the release (a notebook's JSON) holds what is given, and no more.

    mistakes: the list of named mistakes, no line of which may be in what the release carries of them.
    """
    extra = sorted(set(release["metadata"]) - NOTEBOOK_METADATA)
    if extra:
        raise AssignmentError(f"release of {master.name}: notebook metadata {extra} would go out; remove it")
    ids = [raw.get("id") for raw in release["cells"]]
    if ids != [cell.id for cell in master.cells]:
        raise AssignmentError(f"release of {master.name}: its cells are not the master's; build again")
    hidden = {cell: within(cell.source, SOLUTION) + within(cell.source, HIDDEN) for cell in master.cells}
    secrets = [(cell, secret) for cell, lines in hidden.items() if (secret := _significant(lines))]
    shown = [(cell.kind in TRYING, bare(line)) for cell in master.cells for line in _code_lines(cell)]
    given, tried = ({line for trying, line in shown if trying == kind} for kind in (False, True))
    lines = [(cell, bare(line)) for cell, secret in secrets for line in secret if len(line) >= TELLING]
    lines = [(cell, line) for cell, line in lines if line not in given]
    telling = [(cell, line) for cell, line in lines if cell.kind == "solve" or line not in tried]
    for cell, raw in zip(master.cells, release["cells"], strict=True):
        leak = _leak(cell, raw) or _copied(raw, secrets) or _told(cell, telling) or _packed(raw, secrets, mistakes)
        if leak:
            raise AssignmentError(f"release of {master.name}: cell {cell.id} {leak}")


def _code_lines(cell: Cell) -> list[str]:
    """Return the lines of code that students get."""
    return cell.stub.split("\n") if cell.cell_type == "code" else []


def _leak(cell: Cell, raw: CellJson) -> str:
    """Return what the released cell holds beyond what is given, "" if nothing."""
    if raw.get("outputs") or raw.get("execution_count") is not None or raw.get("attachments"):
        return "holds outputs or attachments; build the master again"
    extra = sorted(set(raw["metadata"]) - CELL_METADATA)
    if extra:
        return f"carries metadata {extra}; remove it"
    source = source_of(raw)
    for line in source.split("\n"):
        if LOOKS_LIKE_A_MARKER.match(line):
            return f"still holds a marker, {line.strip()!r}; spell it as nbgrader does"
    given = set(cell.stub.split("\n"))
    for line in source.split("\n"):
        if line not in given:
            return f"holds the line {line.strip()!r}, which is not given; see its markers"
    if source != cell.stub:
        return "is not what the master gives; see its markers, and ClearSolutions.code_stub in nbgrader_config.py"
    return ""


def _copied(raw: CellJson, secrets: list[tuple[Cell, list[str]]]) -> str:
    """Return which whole solution or hidden test stands in the released cell, "" if none."""
    lines = _significant(source_of(raw).split("\n"))
    for cell, secret in secrets:
        if any(lines[start : start + len(secret)] == secret for start in range(len(lines))):
            return f"repeats what is hidden in {cell.id}: {secret[0]!r} …; take it out"
    return ""


def _told(cell: Cell, secrets: list[tuple[Cell, str]]) -> str:
    """Return which line of a solution or hidden test stands, however spaced, in prose, a comment or a string.

    One of a solution, which is the way to write the exercise, is none that a check may show as code.
    """
    code = cell.cell_type == "code"
    texts = [line.partition("#")[2] if code else line for line in cell.stub.split("\n")]
    solved = {line for other, line in secrets if other.kind == "solve"}
    texts += [line for line in _code_lines(cell) if cell.kind in TRYING and bare(line) in solved]
    tree = parsed(cell.stub) if code else None
    for node in ast.walk(tree) if tree is not None else ():
        if isinstance(node, ast.Constant) and isinstance(node.value, str):  # docstrings too
            texts += node.value.split("\n")
    for text in texts:
        squeezed = bare(text)
        for other, secret in secrets:
            if secret in squeezed:
                return f"tells what is hidden in {other.id}: {text.strip()[:200]!r}; take it out"
    return ""


def _packed(raw: CellJson, secrets: list[tuple[Cell, list[str]]], mistakes: str) -> str:
    """Return which line of a solution, hidden test or mistake stands in what a cell carries packed, "" if none."""
    text = packed_text(source_of(raw))
    if not text:
        return ""
    functions = [node for node in ast.parse(mistakes).body if isinstance(node, ast.FunctionDef)]
    bodies = [line for node in functions for line in mistakes.split("\n")[node.lineno - 1 : node.end_lineno]]
    lines = [line for _, secret in secrets for line in secret] + _significant(bodies)
    line = next((line for line in lines if len(line) >= TELLING and line in text), "")
    return f"carries the line {line!r} in what it knows of mistakes; take it out of the hint" if line else ""


def _significant(lines: list[str]) -> list[str]:
    """Return the lines stripped, without blank ones and comments."""
    return [line.strip() for line in lines if line.strip() and not line.strip().startswith("#")]
