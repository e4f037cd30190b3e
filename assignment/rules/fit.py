"""How student code fits a release's cell: with its TODO regions blanked, or where their marks are gone.

Without marks, what a region holds is found by what must stand around it. Each comparison takes linear effort, for the
release's side of it is small.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Sequence
from dataclasses import dataclass, field

from assignment.homework.master import REGION_END, REGION_START, regions
from assignment.syntax import BODIES, plain

HOLE = "_TODO_"  # what a blanked region is


def blanked(source: str, text: str = HOLE) -> str:
    """Return the source with every region's content replaced by one statement; the other lines keep their numbers."""
    lines = plain(source).split("\n")
    for region in regions("\n".join(lines)):
        if region.start < region.stop:
            code = [line for line in lines[region.start : region.stop] if line.strip() and line.strip()[0] != "#"]
            like = (code or [lines[region.start - 1]])[0]
            lines[region.start] = like[: len(like) - len(like.lstrip())] + text
            lines[region.start + 1 : region.stop] = [""] * (region.stop - region.start - 1)
        else:  # nothing stands in it, not even a blank line
            mark = lines[region.stop]
            lines[region.stop] = mark[: len(mark) - len(mark.lstrip())] + text
    return "\n".join(lines)


def unmarked(text: str) -> str:
    """Return a text with empty lines in the place of marks."""
    return "\n".join("" if REGION_START.match(line) or REGION_END.match(line) else line for line in text.split("\n"))


@dataclass
class Fit:
    """How a student's cell fits the release's: what stands outside the marks, and (owner, statement) of what is added.

    The owner is the class in which a statement stands, "" at top level.
    """

    stray: list[ast.stmt] = field(default_factory=list)
    beside: list[tuple[str, ast.stmt]] = field(default_factory=list)

    def take(self, other: Fit) -> None:
        """Add what another one has."""
        self.stray += other.stray
        self.beside += other.beside


def fit_of(pattern: Sequence[ast.stmt], code: Sequence[ast.stmt]) -> Fit | None:
    """Return how the code fits the release's, None if it changed what is given: blanked, or else with marks lost."""
    for lenient in (False, True):
        fit = Fit()
        if _open(pattern, code, "", lenient, fit):
            return fit
    return None


def _open(pattern: Sequence[ast.stmt], code: Sequence[ast.stmt], owner: str, lenient: bool, fit: Fit) -> bool:
    """Whether the release's statements stand among the student's, in order; the others are kept as `beside`."""
    wanted = 0
    for statement in code:
        if wanted < len(pattern) and agree(pattern[wanted], statement, lenient, fit):
            wanted += 1
        elif not _is_hole(statement):
            fit.beside.append((owner, statement))
    return wanted == len(pattern)


def agree(node: ast.AST, other: ast.AST, lenient: bool, fit: Fit) -> bool:
    """Whether a statement of the release and one of the student's agree; `fit` is told what is left over."""
    if type(node) is not type(other) or getattr(node, "name", "") != getattr(other, "name", ""):
        return False
    meaning = ast.dump(node)
    if meaning == ast.dump(other):
        return True
    if f"'{HOLE}'" not in meaning or _shell(node) != _shell(other):
        return False
    inner = Fit()
    for name in BODIES:
        ours, theirs = getattr(node, name, []), getattr(other, name, [])
        if isinstance(node, ast.ClassDef) and name == "body":
            same = _open(ours, theirs, node.name, lenient, inner)
        elif lenient:
            same = _closed(ours, theirs, inner)
        else:
            same = list(map(ast.dump, ours)) == list(map(ast.dump, theirs))
        if not same:
            return False
    fit.take(inner)
    return True


def _closed(pattern: Sequence[ast.AST], code: Sequence[ast.AST], fit: Fit) -> bool:
    """Whether statements agree one by one, holes taking as many as there are; what they take is stray."""
    segments: list[list[ast.AST]] = [[]]
    for node in pattern:
        if _is_hole(node):
            segments.append([])
        else:
            segments[-1].append(node)
    first, last = segments[0], segments[-1]
    if len(segments) == 1:
        return len(code) == len(first) and _all_agree(first, code, fit)
    at, end = len(first), len(code) - len(last)
    if at > end or not _all_agree(first, code[:at], fit) or not _all_agree(last, code[end:], fit):
        return False
    for segment in segments[1:-1]:  # the first place where it fits leaves most to the others
        while at + len(segment) <= end and not _all_agree(segment, code[at : at + len(segment)], fit):
            fit.stray += _strays(code[at : at + 1])
            at += 1
        if at + len(segment) > end:
            return False
        at += len(segment)
    fit.stray += _strays(code[at:end])
    return True


def _all_agree(pattern: Sequence[ast.AST], code: Sequence[ast.AST], fit: Fit) -> bool:
    """Whether the statements agree one by one; only then `fit` is told what is left over."""
    inner = Fit()
    same = all(agree(node, other, True, inner) for node, other in zip(pattern, code, strict=True))
    if same:
        fit.take(inner)
    return same


def _strays(code: Sequence[ast.AST]) -> list[ast.stmt]:
    """Return the statements that a hole takes, without those that stand between marks."""
    return [node for node in code if isinstance(node, ast.stmt) and not _is_hole(node)]


def _is_hole(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Name) and node.value.id == HOLE


def _shell(node: ast.AST) -> str:
    """Return what a statement means without the statements in it."""
    shell = copy.copy(node)
    for name in BODIES:
        if hasattr(node, name):
            setattr(shell, name, [])
    return ast.dump(shell)
