"""The proof that a release gives nothing away."""

from __future__ import annotations

from assignment.errors import AssignmentError
from assignment.homework.master import HIDDEN, SOLUTION, Cell, Master, within
from assignment.homework.notebook import CellJson, NotebookJson
from assignment.homework.percent import LOOKS_LIKE_A_MARKER

NOTEBOOK_METADATA = {"kernelspec", "language_info", "assignment"}
CELL_METADATA = {"assignment", "nbgrader", "editable", "deletable", "tags", "cellView", "jupyter"}


def prove(master: Master, release: NotebookJson) -> None:
    """Raise AssignmentError naming the cell unless the release (a notebook's JSON) holds what is given, and no more."""
    extra = sorted(set(release["metadata"]) - NOTEBOOK_METADATA)
    if extra:
        raise AssignmentError(f"release of {master.name}: notebook metadata {extra} would go out; remove it")
    ids = [raw.get("id") for raw in release["cells"]]
    if ids != [cell.id for cell in master.cells]:
        raise AssignmentError(f"release of {master.name}: its cells are not the master's; build again")
    secrets = [(cell, secret) for cell in master.cells if (secret := _secret(cell))]
    for cell, raw in zip(master.cells, release["cells"], strict=True):
        leak = _leak(cell, raw) or _copied(raw, secrets)
        if leak:
            raise AssignmentError(f"release of {master.name}: cell {cell.id} {leak}")


def _leak(cell: Cell, raw: CellJson) -> str:
    """Return what the released cell holds beyond what is given, "" if nothing."""
    if raw.get("outputs") or raw.get("execution_count") is not None or raw.get("attachments"):
        return "holds outputs or attachments; build the master again"
    extra = sorted(set(raw["metadata"]) - CELL_METADATA)
    if extra:
        return f"carries metadata {extra}; remove it"
    source = raw["source"] if isinstance(raw["source"], str) else "".join(raw["source"])
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
    source = raw["source"] if isinstance(raw["source"], str) else "".join(raw["source"])
    lines = _significant(source.split("\n"))
    for cell, secret in secrets:
        if any(lines[start : start + len(secret)] == secret for start in range(len(lines))):
            return f"repeats what is hidden in {cell.id}: {secret[0]!r} …; take it out"
    return ""


def _secret(cell: Cell) -> list[str]:
    """Return the significant lines that must not get out of a master's cell."""
    return _significant(within(cell.source, SOLUTION) + within(cell.source, HIDDEN))


def _significant(lines: list[str]) -> list[str]:
    """Return the lines stripped, without blank ones and comments."""
    return [line.strip() for line in lines if line.strip() and not line.strip().startswith("#")]
