"""Every release that was ever given out, which of them a submission was made from, and the proof that none leaks."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from pathlib import Path

from assignment.course import Course, replace_file
from assignment.errors import AssignmentError
from assignment.homework.master import HIDDEN, SOLUTION, Cell, Master, load_master, source_of, within
from assignment.homework.notebook import CellJson, NotebookJson, packed_text
from assignment.homework.percent import LOOKS_LIKE_A_MARKER
from assignment.syntax import bare, parsed

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
    secrets = [(cell, secret) for cell in master.cells if (secret := _secret(cell))]
    code = (cell for cell in master.cells if cell.cell_type == "code")
    given = {bare(line) for cell in code for line in cell.stub.split("\n")}
    lines = [(cell, bare(line)) for cell, secret in secrets for line in secret if len(line) >= TELLING]
    telling = [(cell, line) for cell, line in lines if line not in given]
    for cell, raw in zip(master.cells, release["cells"], strict=True):
        leak = _leak(cell, raw) or _copied(raw, secrets) or _told(cell, telling) or _packed(raw, secrets, mistakes)
        if leak:
            raise AssignmentError(f"release of {master.name}: cell {cell.id} {leak}")


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
    """Return which line of a solution or hidden test stands, however spaced, in prose, a comment or a string."""
    code = cell.cell_type == "code"
    texts = [line.partition("#")[2] if code else line for line in cell.stub.split("\n")]
    for text in [*texts, *(_strings(cell.stub) if code else ())]:
        squeezed = bare(text)
        for other, secret in secrets:
            if secret in squeezed:
                return f"tells what is hidden in {other.id}: {text.strip()[:200]!r}; take it out"
    return ""


def _strings(source: str) -> list[str]:
    """Return the lines of the strings in a source, docstrings too; none if it is no Python."""
    tree = parsed(source)
    nodes = ast.walk(tree) if tree is not None else ()
    strings = [node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    return [line for string in strings for line in string.split("\n")]


def _packed(raw: CellJson, secrets: list[tuple[Cell, list[str]]], mistakes: str) -> str:
    """Return which line of a solution, hidden test or mistake stands in what a cell carries packed, "" if none."""
    text = packed_text(source_of(raw))
    if not text:
        return ""
    lines = [line for _, secret in secrets for line in secret] + _bodies(mistakes)
    line = next((line for line in lines if len(line) >= TELLING and line in text), "")
    return f"carries the line {line!r} in what it knows of mistakes; take it out of the hint" if line else ""


def _bodies(mistakes: str) -> list[str]:
    """Return the significant lines of the functions in a list of mistakes."""
    lines = mistakes.split("\n")
    functions = [node for node in ast.parse(mistakes).body if isinstance(node, ast.FunctionDef)]
    return _significant([line for node in functions for line in lines[node.lineno - 1 : node.end_lineno]])


def _secret(cell: Cell) -> list[str]:
    """Return the significant lines that must not get out of a master's cell."""
    return _significant(within(cell.source, SOLUTION) + within(cell.source, HIDDEN))


def _significant(lines: list[str]) -> list[str]:
    """Return the lines stripped, without blank ones and comments."""
    return [line.strip() for line in lines if line.strip() and not line.strip().startswith("#")]
