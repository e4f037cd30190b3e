"""Match student code to the release's code, whose TODO regions are holes that any statements may fill."""

from __future__ import annotations

import ast
import copy
from collections.abc import Sequence
from dataclasses import dataclass, field

from assignment.homework.master import Region, regions
from assignment.syntax import meaning, plain, significant

BODIES = ("body", "orelse", "finalbody")
HANDLERS = ("handlers", "cases")  # of try and match: not statements, but with statements in them
HOLE = None  # in a pattern: any number of statements
Node = ast.stmt | ast.excepthandler | ast.match_case


@dataclass
class Match:
    """How student code fills a release's cell.

    filled: what stands in the holes; stray: what of that lies outside the student's own marks; beside: (owner,
    statement) of what was added at top level (owner "") or in a class.
    """

    filled: list[ast.stmt] = field(default_factory=list)
    stray: list[ast.stmt] = field(default_factory=list)
    beside: list[tuple[str, ast.stmt]] = field(default_factory=list)


def match(pattern: ast.Module, pattern_source: str, tree: ast.Module, source: str) -> Match | None:
    """Return how the code fills the release's cell, None if it changed what is given."""
    marks = regions(plain(source))
    for strict in (True, False):
        matcher = _Matcher(regions(pattern_source), marks, strict)
        if matcher.agree(pattern.body, tree.body, owner=""):
            return matcher.match
    return None


def fill(source: str, text: str) -> str:
    """Return the source with every region's content replaced by one line."""
    lines = source.split("\n")
    for region in reversed(regions(source)):
        mark = lines[region.start - 1]
        lines[region.start : region.stop] = [mark[: len(mark) - len(mark.lstrip())] + text]
    return "\n".join(lines)


class _Matcher:
    """Matches lists of statements, holes against as many as it takes; strictly, only those between the marks."""

    def __init__(self, holes: Sequence[Region], marks: Sequence[Region], strict: bool) -> None:
        self.holes, self.marks, self.strict = holes, marks, strict
        self.match = Match()

    def agree(self, pattern: Sequence[ast.stmt], code: Sequence[ast.stmt], owner: str | None = None) -> bool:
        """Whether the code fits; with an owner, other statements may stand between those of the pattern."""
        wanted, found = self._elements(pattern), significant(list(code))
        fits = self._table(wanted, found, owner is not None)
        if not fits[0][0]:
            return False
        i = j = 0
        while j < len(found):
            one = wanted[i] if i < len(wanted) else None
            if isinstance(one, ast.stmt) and fits[i + 1][j + 1] and self._same(one, found[j]):
                i, j = i + 1, j + 1
            elif i < len(wanted) and one is HOLE and fits[i][j + 1] and (self._marked(found[j]) or not fits[i + 1][j]):
                self._take(found[j])
                j += 1
            elif i < len(wanted) and one is HOLE:
                i += 1
            else:
                self.match.beside.append((owner or "", found[j]))
                j += 1
        return True

    def _table(self, wanted: Sequence[ast.stmt | None], found: Sequence[ast.stmt], open_: bool) -> list[list[bool]]:
        """Return whether the pattern from i on fits the code from j on, for all i and j."""
        m, n = len(wanted), len(found)
        fits = [[False] * (n + 1) for _ in range(m + 1)]
        for i in range(m, -1, -1):
            for j in range(n, -1, -1):
                if i == m:
                    fits[i][j] = j == n or open_
                elif wanted[i] is HOLE:
                    fits[i][j] = fits[i + 1][j] or (j < n and fits[i][j + 1] and self._may_take(found[j]))
                elif j < n:
                    one = wanted[i]
                    same = fits[i + 1][j + 1] and one is not None and self._trial(one, found[j])
                    fits[i][j] = same or (open_ and fits[i][j + 1])
        return fits

    def _elements(self, pattern: Sequence[ast.stmt]) -> list[ast.stmt | None]:
        """Return the pattern's statements, neighbours in holes as one HOLE."""
        elements: list[ast.stmt | None] = []
        for statement in significant(list(pattern)):
            if not any(region.start < statement.lineno <= region.stop for region in self.holes):
                elements.append(statement)
            elif not elements or elements[-1] is not HOLE:
                elements.append(HOLE)
        return elements

    def _trial(self, one: Node, other: Node) -> bool:
        """Whether two statements agree, leaving no trace of what fills the holes."""
        kept, self.match = self.match, Match()
        try:
            return self._same(one, other)
        finally:
            self.match = kept

    def _same(self, one: Node, other: Node) -> bool:
        """Whether a statement of the release and one of the student agree."""
        if type(one) is not type(other):
            return False
        if not any(one_of.start < line <= one_of.stop for one_of in self.holes for line in _lines(one)):
            return _said(one) == _said(other)
        if _said(_shell(one)) != _said(_shell(other)):
            return False
        owner = one.name if isinstance(one, ast.ClassDef) else None
        for name, value in ast.iter_fields(one):
            theirs = getattr(other, name)
            if name in HANDLERS:
                if len(value) != len(theirs) or not all(map(self._same, value, theirs)):
                    return False
            elif name in BODIES and not self.agree(value, theirs, owner):
                return False
        return True

    def _may_take(self, statement: ast.stmt) -> bool:
        return not self.strict or self._marked(statement)

    def _marked(self, statement: ast.stmt) -> bool:
        end = statement.end_lineno or statement.lineno
        return any(region.start < statement.lineno and end <= region.stop for region in self.marks)

    def _take(self, statement: ast.stmt) -> None:
        self.match.filled.append(statement)
        if not self._marked(statement):
            self.match.stray.append(statement)


def _said(node: Node) -> str:
    """Return what a statement means, of one that is nested too deeply something that no other means."""
    try:
        return meaning(node)
    except RecursionError:
        return f"too deep: {id(node)}"


def _shell(node: Node) -> Node:
    """Return the statement without the statements in it."""
    shell = copy.copy(node)
    for name in (*HANDLERS, *BODIES):
        if hasattr(node, name):
            setattr(shell, name, [])
    return shell


def _lines(node: Node) -> range:
    """Return the numbers of the lines that a statement takes."""
    if isinstance(node, ast.match_case):  # which has no place of its own
        return range(node.body[0].lineno, (node.body[-1].end_lineno or 0) + 1)
    return range(node.lineno, (node.end_lineno or node.lineno) + 1)
