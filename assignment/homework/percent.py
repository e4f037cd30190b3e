"""The master as text (jupytext percent) and back: a cell's title says its kind, nobody types metadata."""

from __future__ import annotations

import math
import re

from assignment.errors import AssignmentError
from assignment.homework.inspection import FaultError, inspect
from assignment.homework.master import KINDS, Cell, cell_id

TITLE = re.compile(r"^#\s*%%")


def parse(text: str, file: str) -> list[Cell]:
    """Read a master text into cells; AssignmentError names the file, the line and the cell."""
    lines, titles = _titles(text, file)
    raw = _jupytext_cells("".join(blocks(text)[1]))
    if len(raw) != len(titles):
        raise AssignmentError(f"{file}: a line that begins with '# %%' stands inside a string; write it another way")
    cells: list[Cell] = []
    seen: dict[str, int] = {}
    for number, (title, cell_type, source) in zip(titles, raw, strict=True):
        where = number
        try:
            cell = _cell(title, cell_type, source)
            if cell.id in seen:
                raise FaultError(f"the name is taken by line {seen[cell.id]} (id {cell.id}); choose another")
            inspect(cell)
        except FaultError as fault:
            blank = next((i for i, line in enumerate(lines[number:]) if line.strip()), 0)
            where += fault.line and fault.line + blank
            raise AssignmentError(f"{file}:{where}: cell '{title}': {fault}") from None
        seen[cell.id] = number
        cells.append(cell)
    _inspect_points(cells, titles, file)
    return cells


def title_of(cell: Cell) -> str:
    """Return the cell's title: kind, name and, of a check, its points."""
    return f"{cell.kind} {cell.name}" + (f" {cell.points:g}" if cell.points is not None else "")


def write(title: str, cell_type: str, source: str) -> str:
    """Return one cell as percent text, title line included, ending in one newline."""
    import jupytext
    from nbformat import v4

    new = v4.new_markdown_cell if cell_type == "markdown" else v4.new_code_cell
    notebook = v4.new_notebook(cells=[new(source, metadata={"title": title})])
    notebook.metadata["jupytext"] = {"notebook_metadata_filter": "-all", "cell_metadata_filter": "title,-all"}
    text: str = jupytext.writes(notebook, fmt="py:percent")
    return text[text.index("# %%") :].rstrip("\n") + "\n"


def blocks(text: str) -> tuple[str, list[str]]:
    """Cut a percent text into what stands before the first cell and one piece a cell; joined they are the text."""
    lines = text.splitlines(keepends=True)
    starts = [number for number, line in enumerate(lines) if TITLE.match(line)]
    ends = [*starts[1:], len(lines)]
    head = "".join(lines[: starts[0]] if starts else lines)
    return head, ["".join(lines[start:end]) for start, end in zip(starts, ends, strict=True)]


def _titles(text: str, file: str) -> tuple[list[str], list[int]]:
    """Return the text's lines and the numbers (from 1) of the title lines; nothing may stand before the first."""
    lines = text.splitlines()
    titles = [number for number, line in enumerate(lines, 1) if TITLE.match(line)]
    head = "\n".join(lines[: titles[0] - 1] if titles else lines)
    head = re.sub(r"\A\s*# ---\n(#.*\n)*?# ---$", "", head, flags=re.MULTILINE)  # jupytext's own header
    if not titles or head.strip():
        raise AssignmentError(f"{file}:1: text before the first cell; begin with a title such as '# %% given imports'")
    return lines, titles


def _jupytext_cells(text: str) -> list[tuple[str, str, str]]:
    """Return (title, cell type, source without blank lines at its ends) of each cell."""
    import jupytext

    notebook = jupytext.reads(text, fmt="py:percent")
    return [
        (cell.metadata.get("title", "").strip(), cell.cell_type, cell.source.strip("\n")) for cell in notebook.cells
    ]


def _cell(title: str, cell_type: str, source: str) -> Cell:
    """Make a cell of its title and content."""
    kind, _, name = title.partition(" ")
    name = name.strip()
    if kind not in KINDS:
        raise FaultError(f"unknown kind {kind!r}; a title begins with one of {', '.join(KINDS)}")
    points = None
    if kind == "check":
        name, points = _points(name)
    if not name:
        raise FaultError(f"no name; write '# %% {kind} NAME'")
    if kind != "prose" and cell_type != "code":
        raise FaultError(f"a {kind} cell is code; drop [{cell_type}] from the title")
    if kind == "prose" and cell_type != "markdown":
        raise FaultError("a prose cell is text; write [markdown] after the title")
    return Cell(kind, name, cell_id(kind, name), cell_type, source, points)


def _points(rest: str) -> tuple[str, float]:
    """Split the title of a check into name and points."""
    name, _, figure = rest.rpartition(" ")
    if not name:
        raise FaultError("a check without points; write '# %% check NAME POINTS'")
    try:
        points = float(figure)
    except ValueError:
        raise FaultError(f"points {figure!r} are no number; write '# %% check NAME POINTS'") from None
    if not math.isfinite(points) or points < 0:
        raise FaultError(f"points {figure!r} must be a number from 0 up")
    return name.strip(), points


def _inspect_points(cells: list[Cell], titles: list[int], file: str) -> None:
    """Raise AssignmentError if points are given for an exercise that is not there."""
    exercises = {cell.name for cell in cells if cell.kind == "solve"}
    for number, cell in zip(titles, cells, strict=True):
        if cell.points and cell.name not in exercises:
            raise AssignmentError(
                f"{file}:{number}: cell '{title_of(cell)}': no exercise of that name; "
                f"there are {', '.join(sorted(exercises)) or 'none'}"
            )
