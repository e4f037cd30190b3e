"""What a cell of a master must look like: markers, regions and names that its kind asks for."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from assignment.homework.master import HIDDEN, REGION_END, REGION_START, SOLUTION, Cell, regions, without
from assignment.syntax import definitions

LOOKS_LIKE_A_MARKER = re.compile(r"^\s*#.*\b(BEGIN|END)\b.*\b(SOL|HID|TEST|MARK)\w*", re.IGNORECASE)
MARKER = re.compile(rf"^\s*### ({'|'.join(SOLUTION + HIDDEN)})$")


class FaultError(Exception):
    """What is wrong inside a cell, and in which of its lines (0: the title)."""

    def __init__(self, what: str, line: int = 0) -> None:
        super().__init__(what)
        self.line = line


def inspect(cell: Cell) -> None:
    """Raise FaultError if markers, regions or names in the cell are not what its kind asks for."""
    for number, line in enumerate(cell.source.split("\n"), 1):
        if LOOKS_LIKE_A_MARKER.match(line) and not MARKER.match(line):
            raise FaultError(f"{line.strip()!r} is no marker; write it as '### {SOLUTION[0]}' and the like", number)
    for kind, markers in (("solve", SOLUTION), ("check", HIDDEN)):
        spans = list(_spans(cell.source, markers))
        if spans and cell.kind != kind:
            raise FaultError(f"'### {markers[0]}' belongs into a {kind} cell", spans[0][0])
    if cell.kind == "solve":
        _inspect_solve(cell)
    elif cell.kind == "given" and regions(cell.source):
        raise FaultError("a TODO region in a given cell; make it a solve cell", regions(cell.source)[0].start)


def _inspect_solve(cell: Cell) -> None:
    """Raise FaultError unless each region holds one solution and the cell defines what its name says."""
    spans = list(_spans(cell.source, SOLUTION))
    found = regions(cell.source)
    for number, line in enumerate(cell.source.split("\n"), 1):
        inside = any(region.start < number <= region.stop for region in found)
        opened = any(region.start == number for region in found)
        closed = any(region.stop == number - 1 for region in found)
        if (REGION_END.match(line) and not closed) or (REGION_START.match(line) and not (opened or inside)):
            raise FaultError("'# TODO' and '# TODO 结束' do not pair up", number)
    for region in found:
        within = [(start, end) for start, end in spans if region.start < start and end <= region.stop]
        if len(within) != 1:
            raise FaultError(f"a region holds {len(within)} solutions; it needs one '### {SOLUTION[0]}'", region.start)
        body = without("\n".join(cell.source.split("\n")[region.start : region.stop]), SOLUTION)
        if any(line.strip() and not line.strip().startswith("#") for line in body.split("\n")):
            raise FaultError("code in the region but outside the solution: students would get it", region.start)
    if len(spans) != len(found):
        raise FaultError("a solution outside '# TODO' … '# TODO 结束'", spans[0][0])
    if not found:
        raise FaultError("a solve cell without a region; mark it with '# TODO: …' and '# TODO 结束'")
    try:
        defined = definitions(ast.parse(cell.source))
        ast.parse(cell.stub)
    except SyntaxError as error:
        raise FaultError(f"no Python: {error.msg}", error.lineno or 0) from None
    if cell.name not in defined:
        raise FaultError(f"the cell does not define {cell.name}")


def _spans(source: str, markers: tuple[str, str]) -> Iterator[tuple[int, int]]:
    """Yield the (first, last) line numbers of the marked blocks; FaultError if they do not pair up."""
    start = 0
    for number, line in enumerate(source.split("\n"), 1):
        if markers[0] in line:
            if start:
                raise FaultError(f"'### {markers[0]}' inside another", number)
            start = number
        elif markers[1] in line:
            if not start:
                raise FaultError(f"'### {markers[1]}' without a beginning", number)
            yield start, number
            start = 0
    if start:
        raise FaultError(f"'### {markers[0]}' without an end", start)
