"""Which cell of a submission is which cell of the homework: by ids, then by what it defines, then by its text."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

from assignment.homework.master import Cell, Master, cell_id
from assignment.syntax import bare, definitions, meaning, parsed, plain

DEFINITION = re.compile(r"^[ \t]*(?:async[ \t]+)?(def|class)[ \t]+(\w+)", re.MULTILINE)
ALIKE = 0.6  # share of common words above which a cell without ids is taken for the one it is most like


@dataclass(frozen=True)
class Student:
    """A cell of a submission, and what can be said about it before it is compared."""

    position: int
    cell_type: str
    source: str
    claim: str  # the id of the homework's cell that its metadata or its own id names, "" if none
    metadata: bool  # whether that was said by nbgrader's or our metadata

    @cached_property
    def tree(self) -> ast.Module | None:
        """The syntax tree, None if the cell is no Python."""
        return parsed(self.source)

    @cached_property
    def defined(self) -> dict[str, ast.stmt | None]:
        """What it defines; by the look of it if it is broken."""
        if self.tree is not None:
            return dict(definitions(self.tree))
        if self.cell_type != "code" and not self.claim.startswith("solve-"):
            return {}  # prose that quotes code
        owner, found = "", dict[str, ast.stmt | None]()
        for match in DEFINITION.finditer(plain(self.source)):
            indented = match[0][0] in " \t"
            found[f"{owner}.{match[2]}" if indented and owner else match[2]] = None
            owner = match[2] if match[1] == "class" else owner if indented else ""
        return found

    @cached_property
    def words(self) -> Counter[str]:
        """The words of the source, counted."""
        return Counter(re.findall(r"\w+|[^\w\s]", self.source))

    @cached_property
    def bare(self) -> str:
        """The source without white space."""
        return bare(self.source)

    def edited(self, name: str, stub: Cell) -> bool:
        """Whether its version of an exercise is anything else than the release's stub."""
        node = self.defined.get(name)
        if self.tree is None or node is None:
            return self.bare != bare(stub.source)
        try:
            return meaning(node) != _meaning(stub.source, name)
        except RecursionError:
            return True


@cache
def _meaning(source: str, name: str) -> str:
    """What a release's own version of an exercise means."""
    return meaning(definitions(ast.parse(source))[name])


def students(submission: dict[str, Any], master: Master) -> list[Student]:
    """Return the submission's cells with what they claim to be."""
    known = {cell.id for cell in master.cells}
    found: list[Student] = []
    for position, raw in enumerate(submission["cells"]):
        said = [name for name in _named(raw.get("metadata") or {}) if name in known]
        claim = said[0] if said else raw.get("id") if raw.get("id") in known else ""
        found.append(Student(position, raw["cell_type"], raw["source"], claim or "", bool(said)))
    return found


def solve_choice(cells: Sequence[Student], stub: Cell, exercises: set[str]) -> Student | None:
    """Return the student's cell for an exercise, of several the last that was edited; None if there is none."""
    claims = [cell for cell in cells if cell.claim == stub.id]
    named = [cell for cell in claims if stub.name in cell.defined]
    defining = [cell for cell in cells if stub.name in cell.defined and cell.claim != stub.id]
    without = [cell for cell in claims if not exercises & set(cell.defined)]
    for candidates in (named, defining, without):
        edited = [cell for cell in candidates if cell.edited(stub.name, stub)]
        if edited:
            return edited[-1]
    for candidates in (named, defining, without):
        if candidates:
            return candidates[0]
    free = [cell for cell in cells if cell.cell_type == "code" and not cell.claim and not exercises & set(cell.defined)]
    return _most_alike(free, stub)


def other_choice(cells: Sequence[Student], cell: Cell) -> Student | None:
    """Return the student's copy of a given, check or prose cell: the unchanged one if it is there."""
    same = bare(cell.source)
    claims = [student for student in cells if student.claim == cell.id]
    unclaimed = [student for student in cells if not student.claim]
    exact = [student for student in [*claims, *unclaimed] if student.bare == same]
    return exact[0] if exact else claims[0] if claims else _most_alike(unclaimed, cell)


def _most_alike(cells: Sequence[Student], cell: Cell) -> Student | None:
    """Return the cell with most words in common, None if none has enough."""
    words = Counter(re.findall(r"\w+|[^\w\s]", cell.source))
    scored = [(_share(student.words, words), -student.position) for student in cells]
    if not scored or max(scored)[0] < ALIKE:
        return None
    position = -max(scored)[1]
    return next(student for student in cells if student.position == position)


def _share(one: Counter[str], other: Counter[str]) -> float:
    """Return the share of words that two texts have in common, 1 for equal ones."""
    total = one.total() + other.total()
    return 2 * (one & other).total() / total if total else 0.0


def _named(metadata: dict[str, Any]) -> list[str]:
    """Return the ids that a cell's metadata names."""
    nbgrader, ours = metadata.get("nbgrader") or {}, metadata.get("assignment") or {}
    kind, name = ours.get("kind"), ours.get("name")
    return [str(nbgrader.get("grade_id") or ""), cell_id(kind, name) if kind and name else ""]
