"""A homework as the engine reads it: its master notebook, parsed; nothing else is known of one."""

import ast
import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Self

from assignment.errors import AssignmentError
from assignment.syntax import definitions

KINDS = ("prose", "given", "solve", "check", "play")
STUB = 'raise NotImplementedError("这里还没有写：请把这一行换成你的代码")'  # the release's line in place of a solution
REGION_START = re.compile(r"^\s*#+\s*TODO(?!\s*结束)")
REGION_END = re.compile(r"^\s*#+\s*TODO\s*结束")
HEAD = re.compile(r"^\s*(?:async\s+def|def|class)\b|^\s*@")  # of a function or class
SOLUTION = ("BEGIN SOLUTION", "END SOLUTION")
HIDDEN = ("BEGIN HIDDEN TESTS", "END HIDDEN TESTS")


def regions(source: str) -> tuple[range, ...]:
    """Return the places of a cell where a student may write, each as the numbers (from 0) of its lines.

    They lie between `# TODO` and `# TODO 结束`; a start without an end, or an end without a start, is none.
    """
    lines = source.split("\n")
    spans: list[range] = []
    starts: list[int] = []
    for number, line in enumerate(lines):
        if REGION_END.match(line):
            spans += [range(start, number) for start in _start(lines, starts, number)]
            starts = []
        elif REGION_START.match(line):
            starts.append(number + 1)
    return tuple(spans)


def _start(lines: list[str], starts: list[int], stop: int) -> list[int]:
    """Return where the region begins that ends at `stop`, if it does: a TODO that stands elsewhere is no mark of it.

    It is the first that is as far indented as its end, without the head of another function between them.
    """
    depth = _indent(lines[stop])
    between = range(starts[0], stop) if starts else range(0)
    outside = [number for number in between if HEAD.match(lines[number]) and _indent(lines[number]) < depth]
    last = outside[-1] if outside else -1
    return [start for start in starts if start > last and _indent(lines[start - 1]) == depth][:1]


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def cell_id(kind: str, name: str) -> str:
    """Return the cell's id, which is nbgrader's grade_id too."""
    return re.sub(r"[^A-Za-z0-9_-]", "-", f"{kind}-{name}")


def without(source: str, markers: tuple[str, str], stub: str | None = None) -> str:
    """Return the source without the marked blocks, each replaced by the stub if given, as nbgrader does it."""
    kept: list[str] = []
    for line, inside in _lines(source, markers):
        if not inside:
            kept.append(line)
        elif stub is not None and markers[0] in line:
            kept.append(line[: _indent(line)] + stub)
    return "\n".join(kept)


def within(source: str, markers: tuple[str, str]) -> list[str]:
    """Return the lines inside the marked blocks, without the markers."""
    return [line for line, inside in _lines(source, markers) if inside and not any(mark in line for mark in markers)]


def _lines(source: str, markers: tuple[str, str]) -> Iterator[tuple[str, bool]]:
    """Yield each line, and whether it is of a marked block; markers are."""
    inside = False
    for line in source.split("\n"):
        inside = inside or markers[0] in line
        yield line, inside or markers[1] in line
        inside = inside and markers[1] not in line


@dataclass(frozen=True)
class Cell:
    """A cell of a master or of a release; only a check has points."""

    kind: str
    name: str
    id: str
    cell_type: str
    source: str
    points: float | None = None

    @cached_property
    def regions(self) -> tuple[range, ...]:
        """The TODO regions, as lines of `source`."""
        return regions(self.source)

    @cached_property
    def stub(self) -> str:
        """The source as it stands in the release: no solutions, no hidden tests."""
        return without(without(self.source, SOLUTION, STUB), HIDDEN)

    @cached_property
    def defines(self) -> tuple[str, ...]:
        """The functions and classes at top level; of a class also the methods with a region, as "Class.method"."""
        spans = self.regions

        def open_to_students(node: ast.stmt) -> bool:
            return any(node.lineno <= span.start and span.stop < (node.end_lineno or 0) + 1 for span in spans)

        return tuple(
            name
            for name, node in definitions(ast.parse(self.source)).items()
            if "." not in name or open_to_students(node)
        )


@dataclass(frozen=True)
class Master:
    """A homework's cells in order; a release is one too, with stubs for solutions and without hidden tests."""

    name: str
    cells: tuple[Cell, ...]
    time_axis: int | None = None
    """Which axis of an array with three is time; None if nothing in the homework is a sequence."""

    @classmethod
    def from_notebook(cls, nb: dict[str, Any], name: str = "") -> Self:
        """Read a built master or release (the notebook's JSON); AssignmentError if it was not built by us."""
        ours = nb.get("metadata", {}).get("assignment", {})
        cells = tuple(_cell(raw, number) for number, raw in enumerate(nb.get("cells", []), 1))
        return cls(ours.get("name", name), cells, ours.get("header", {}).get("time_axis"))

    @cached_property
    def digest(self) -> str:
        """The sha256 of everything that can make a difference to a mark."""
        parts = [[c.kind, c.name, c.id, c.cell_type, c.source, c.points] for c in self.cells]
        about = [self.name, {"time_axis": self.time_axis}, parts]
        return hashlib.sha256(json.dumps(about).encode()).hexdigest()

    @cached_property
    def released(self) -> Self:
        """The same without solutions and hidden tests; a release is its own."""
        return replace(self, cells=tuple(replace(cell, source=cell.stub) for cell in self.cells))

    @cached_property
    def release(self) -> str:
        """The hash that the release carries in its metadata: 16 hex digits over ids, types and sources."""
        about = [(cell.id, cell.cell_type, cell.source) for cell in self.released.cells]
        return hashlib.sha256(json.dumps(about).encode()).hexdigest()[:16]

    @property
    def given(self) -> tuple[Cell, ...]:
        """The locked code."""
        return self._of("given")

    @property
    def graded(self) -> tuple[Cell, ...]:
        """The code that is run in grading: not what is there to play with."""
        return tuple(cell for cell in self.cells if cell.cell_type == "code" and cell.kind != "play")

    @property
    def solves(self) -> tuple[Cell, ...]:
        """The exercises."""
        return self._of("solve")

    @property
    def checks(self) -> tuple[Cell, ...]:
        """The checks, those worth nothing included."""
        return self._of("check")

    @property
    def max(self) -> float:
        """The points of all checks together."""
        return sum(cell.points or 0.0 for cell in self.checks)

    def solve(self, name: str) -> Cell:
        """Return the exercise's cell; KeyError if there is none of that name."""
        return self._by_id[cell_id("solve", name)]

    def check(self, name: str) -> Cell:
        """Return the check's cell; KeyError if there is none of that name."""
        return self._by_id[cell_id("check", name)]

    def cell(self, id: str) -> Cell:
        """Return the cell with that id; KeyError if there is none."""
        return self._by_id[id]

    @cached_property
    def _by_id(self) -> dict[str, Cell]:
        return {cell.id: cell for cell in self.cells}

    def _of(self, kind: str) -> tuple[Cell, ...]:
        return tuple(cell for cell in self.cells if cell.kind == kind)


def _cell(raw: dict[str, Any], number: int) -> Cell:
    """Read one cell of a built notebook."""
    metadata = raw.get("metadata", {})
    ours = metadata.get("assignment", {})
    kind, name = ours.get("kind"), ours.get("name")
    if kind not in KINDS or not name:
        raise AssignmentError(f"cell {number} has no kind; build the notebook from its text: assignment build")
    points = float(metadata.get("nbgrader", {}).get("points", 0)) if kind == "check" else None
    return Cell(kind, name, cell_id(kind, name), raw.get("cell_type", "code"), source_of(raw), points)


def source_of(raw: dict[str, Any]) -> str:
    """Return the source of a notebook's cell, which its JSON has as a text or as lines."""
    source = raw.get("source") or ""
    return "".join(map(str, source)) if isinstance(source, list) else str(source)


def load_master(path: Path) -> Master:
    """Read a built master notebook or release; AssignmentError if it cannot be read."""
    try:
        nb = json.loads(path.read_text(encoding="utf-8"))
        return Master.from_notebook(nb, path.stem)
    except FileNotFoundError:
        raise AssignmentError(f"{path}: not there; build it with: assignment build") from None
    except AssignmentError as error:
        raise AssignmentError(f"{path}: {error}") from None
    except (ValueError, AttributeError) as error:
        raise AssignmentError(f"{path}: no notebook ({error}); build it again: assignment build") from None
