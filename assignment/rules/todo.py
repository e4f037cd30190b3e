"""Rule 1, write only at TODO: the submission's code with its TODO regions blanked, compared with the release's.

Where marks are gone, what the regions hold is found by what must stand around it, and that is a note. Code is compared
by meaning, statement by statement: each takes linear effort, for the release's side of a comparison is small.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, partial
from itertools import pairwise

from assignment import words
from assignment.homework.master import REGION_END, REGION_START, Cell, Master, regions
from assignment.rules.policy import WIDTH, Finding, cell_of, difference, excerpt, where
from assignment.submission.matching import Placed
from assignment.syntax import LONGEST, bare, canonical, definitions, first_line, parsed, plain, walk

RULE = "todo"
HOLE = "_TODO_"  # what a blanked region is
BODIES = ("body", "orelse", "finalbody", "handlers", "cases")  # lists of what may hold statements with a region
TARGETS = (ast.Name, ast.Attribute, ast.Subscript)  # what may be assigned to
STRETCHED = 4  # how many times as long a cell may be that means the same: a formatter's lines are short
SHOWN = 5  # names or statements of a kind that are shown


def given_code(placed: Sequence[Placed], release: Master, master: Master) -> list[Finding]:
    """Return what of the release's code was changed, and what stands there besides.

    A cell that agrees with today's master instead is no breach: the student has taken over a correction by hand.
    """
    given = given_names(release)
    today = {cell.id: cell for cell in master.released.cells}
    locked = {
        one.id: _corrected(partial(_locked, one), release.cell(one.id), today)
        for one in placed
        if one.role in ("given", "check")
    }
    changed = {id for id, of_cell in locked.items() if any(finding.breach for finding in of_cell)}
    pieces = _rearranged(placed, release, changed) if changed else _Pieces()
    pieces.exercises |= {cell.name.partition(".")[0] for cell in release.solves}
    found: list[Finding] = []
    for one in placed:
        cell = release.cell(one.id) if one.id else None
        if cell is None:
            found += _extra(one, given, pieces)
        elif cell.kind in ("prose", "play"):
            same = bare(one.source) == bare(cell.source) or (cell.kind == "play" and _same(one.source, cell.source))
            if one.origin is None or not same:
                what = words.DELETED if one.origin is None else words.CHANGED_PROSE
                found.append(_finding(False, one, what))
        elif cell.kind == "solve":
            found += _corrected(partial(_solve, one, given, pieces), cell, today)
        elif cell.id in pieces.whole:
            found.append(_finding(False, one, words.REARRANGED))
        else:
            found += locked[one.id]
    return found + _moved(placed)


def _finding(breach: bool, one: Placed, what: str, shown: str = "", first: int = 0, last: int = 0) -> Finding:
    """Return a finding about a cell, or lines of it."""
    return Finding(RULE, breach, cell_of(one), words.evidence(where(one, first, last), what, shown))


def _corrected(compare: Callable[[Cell], list[Finding]], cell: Cell, today: dict[str, Cell]) -> list[Finding]:
    """Return what was found comparing with the release, or with today's master if that has nothing to reproach."""
    found = compare(cell)
    if any(finding.breach for finding in found) and today.get(cell.id, cell) != cell:
        corrected = compare(today[cell.id])
        return found if any(finding.breach for finding in corrected) else corrected
    return found


@lru_cache(maxsize=16)  # a class is made from few releases
def given_names(release: Master) -> frozenset[str]:
    """Return the names that the release's given cells define, import or assign; a loop's own are nobody's."""
    names: set[str] = set()
    for cell in release.given:
        tree = parsed(cell.source)
        for statement in tree.body if tree else []:
            if not isinstance(statement, ast.For | ast.While | ast.With | ast.If | ast.Try):
                names |= {name for name in bound(statement) if "." not in name}
    return frozenset(names)


def bound(statement: ast.stmt) -> Iterator[str]:
    """Yield the names that a statement binds; "name.attribute" where it sets an attribute or item of one."""
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield statement.name
        return
    for node in walk(statement):
        if isinstance(node, ast.alias):
            yield node.asname or node.name.partition(".")[0]
        elif isinstance(node, TARGETS) and not isinstance(node.ctx, ast.Load):
            root: ast.expr = node
            while isinstance(root, (ast.Attribute, ast.Subscript)):
                root = root.value
            if isinstance(root, ast.Name):
                last = f".{node.attr}" if isinstance(node, ast.Attribute) else ".[…]" if root is not node else ""
                yield root.id + last


def _of_given(names: Iterable[str], given: Iterable[str]) -> set[str]:
    """Return those names that are given ones, or parts of them."""
    return {name for name in names if name.partition(".")[0] in given}


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


def _meanings(source: str) -> list[str] | None:
    """Return what each statement of a blanked cell means, None if it cannot be read."""
    tree = canonical(blanked(source))
    return None if tree is None else [ast.dump(statement) for statement in tree.body]


# --- locked cells ----------------------------------------------------------------------------------------------------


def _locked(one: Placed, cell: Cell) -> list[Finding]:
    """Return what was done to a given or check cell."""
    if one.origin is None:
        return [Finding(RULE, True, cell.id, words.evidence(where(one), words.DELETED))]
    if not one.read and bare(one.source) != bare(cell.source):
        return [_finding(False, one, words.TOO_LONG)]
    same = _same(one.source, cell.source)
    if one.cell_type != "code":
        return [_finding(not same, one, words.TURNED[one.cell_type])]
    if same:
        return []
    shown, line = difference(cell.source, one.source)
    return [_finding(True, one, words.CHANGED_LOCKED, shown, line)]


def _same(source: str, other: str) -> bool:
    """Whether two cells mean the same."""
    if bare(source) == bare(other):
        return True
    if len(source) > STRETCHED * len(other) + WIDTH:
        return False
    meanings = _meanings(source)
    return meanings is not None and meanings == _meanings(other)


@dataclass
class _Pieces:
    """Locked cells that are all there, but not in one cell of their own."""

    whole: set[str] = field(default_factory=set)
    """Their ids."""
    meanings: dict[int, set[str]] = field(default_factory=dict)
    """The statements of them that stand in each cell of the submission, by its position."""
    used_up: set[int] = field(default_factory=set)
    """Positions of cells that hold nothing else."""
    exercises: set[str] = field(default_factory=set)
    """The functions and classes that are exercises, each looked at by itself."""


def _rearranged(placed: Sequence[Placed], release: Master, changed: set[str]) -> _Pieces:
    """Return which changed cells were split, or joined with others, and nothing else: their statements are in order.

    A locked cell in which anything else stands was changed; statements of the student's own cells do not matter.
    """
    suspects = {one.id: one for one in placed if one.id in changed}
    own = {cell.name.partition(".")[0] for cell in release.solves}
    stream = _statements([one for one in placed if one.role in ("extra", "solve") or one.id in suspects])
    taken = [False] * len(stream)
    for id in list(suspects):
        wanted = _meanings(release.cell(id).source) or []
        found = _subsequence(wanted, stream, taken)
        if found is None:
            del suspects[id]
        for index in found or ():
            taken[index] = True
    homes = {one.origin: id for id, one in suspects.items() if one.origin is not None}
    left = {s.position for s, gone in zip(stream, taken, strict=True) if not gone and s.defines not in own}
    pieces = _Pieces(set(suspects) - {homes[position] for position in left & homes.keys()})
    for statement, gone in zip(stream, taken, strict=True):
        if gone:
            pieces.meanings.setdefault(statement.position, set()).add(statement.meaning)
    pieces.used_up = set(pieces.meanings) - left
    return pieces


@dataclass(frozen=True)
class _Statement:
    """A statement of a submission: the position of its cell, what it means, and what function or class it defines."""

    position: int
    meaning: str
    defines: str


def _statements(cells: Iterable[Placed]) -> list[_Statement]:
    """Return the statements of these cells in the order of the submission."""
    sources: dict[int, str] = {}
    for one in cells:
        if one.origin is not None and one.cell_type == "code" and (one.tree is not None or one.role != "extra"):
            known = sources.get(one.origin, "")
            sources[one.origin] = max(one.source, known, key=len)  # of a cell that serves two exercises, the whole
    found: list[_Statement] = []
    left = LONGEST
    for position, source in sorted(sources.items()):
        left -= len(source)
        tree = canonical(blanked(source)) if left >= 0 else None
        for node in tree.body if tree else []:
            found.append(_Statement(position, ast.dump(node), str(getattr(node, "name", ""))))
    return found


def _subsequence(wanted: Sequence[str], stream: Sequence[_Statement], taken: Sequence[bool]) -> list[int] | None:
    """Return where the wanted statements stand, in order, among those not yet taken; None if one is missing."""
    found: list[int] = []
    for index, statement in enumerate(stream):
        if len(found) < len(wanted) and not taken[index] and statement.meaning == wanted[len(found)]:
            found.append(index)
    return found if len(found) == len(wanted) > 0 else None


# --- exercises -------------------------------------------------------------------------------------------------------


def _solve(one: Placed, given: frozenset[str], pieces: _Pieces, cell: Cell) -> list[Finding]:
    """Return what was changed around the TODO regions of an exercise, and what was put beside it."""
    if one.origin is None:
        return [Finding(RULE, False, cell.id, words.evidence(where(one), words.EXERCISE_DELETED))]
    pattern = canonical(blanked(cell.source))
    if pattern is None:
        raise ValueError(f"{cell.id}: the release's own cell is no Python")
    if bare(one.source) == bare(cell.source):
        return []
    if not one.read:
        return [_finding(False, one, words.TOO_LONG)]
    tree = canonical(blanked(one.source))
    if tree is None:
        return _unread(one, cell)
    fit = _fit(pattern.body, tree.body)
    if fit is None:
        shown, line = _outside(cell.source, one.source)
        return [_finding(True, one, words.CHANGED_OUTSIDE, shown, line)]
    return [*_stray(fit, one, cell), *_beside(fit, one, pattern, given, pieces), *_at_run_time(one, cell, given)]


@dataclass
class _Fit:
    """How a student's cell fits the release's: what stands outside the marks, and (owner, statement) of what is added.

    The owner is the class in which a statement stands, "" at top level.
    """

    stray: list[ast.stmt] = field(default_factory=list)
    beside: list[tuple[str, ast.stmt]] = field(default_factory=list)

    def take(self, other: _Fit) -> None:
        """Add what another one has."""
        self.stray += other.stray
        self.beside += other.beside


def _fit(pattern: Sequence[ast.stmt], code: Sequence[ast.stmt]) -> _Fit | None:
    """Return how the code fits the release's, None if it changed what is given: blanked, or else with marks lost."""
    for lenient in (False, True):
        fit = _Fit()
        if _open(pattern, code, "", lenient, fit):
            return fit
    return None


def _open(pattern: Sequence[ast.stmt], code: Sequence[ast.stmt], owner: str, lenient: bool, fit: _Fit) -> bool:
    """Whether the release's statements stand among the student's, in order; the others are kept as `beside`."""
    wanted = 0
    for statement in code:
        if wanted < len(pattern) and _agree(pattern[wanted], statement, lenient, fit):
            wanted += 1
        elif not _is_hole(statement):
            fit.beside.append((owner, statement))
    return wanted == len(pattern)


def _agree(node: ast.AST, other: ast.AST, lenient: bool, fit: _Fit) -> bool:
    """Whether a statement of the release and one of the student's agree; `fit` is told what is left over."""
    if type(node) is not type(other) or getattr(node, "name", "") != getattr(other, "name", ""):
        return False
    meaning = ast.dump(node)
    if meaning == ast.dump(other):
        return True
    if f"'{HOLE}'" not in meaning or _shell(node) != _shell(other):
        return False
    inner = _Fit()
    for name in BODIES:
        ours, theirs = getattr(node, name, []), getattr(other, name, [])
        if isinstance(node, ast.ClassDef) and name == "body":
            agree = _open(ours, theirs, node.name, lenient, inner)
        elif lenient:
            agree = _closed(ours, theirs, inner)
        else:
            agree = list(map(ast.dump, ours)) == list(map(ast.dump, theirs))
        if not agree:
            return False
    fit.take(inner)
    return True


def _closed(pattern: Sequence[ast.AST], code: Sequence[ast.AST], fit: _Fit) -> bool:
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


def _all_agree(pattern: Sequence[ast.AST], code: Sequence[ast.AST], fit: _Fit) -> bool:
    """Whether the statements agree one by one; only then `fit` is told what is left over."""
    inner = _Fit()
    agree = all(_agree(node, other, True, inner) for node, other in zip(pattern, code, strict=True))
    if agree:
        fit.take(inner)
    return agree


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


def _stray(fit: _Fit, one: Placed, cell: Cell) -> list[Finding]:
    """Return code written outside the marks; where marks are gone, a note on that."""
    if not fit.stray:
        return []
    lost = len(regions(plain(one.source))) < len(cell.regions)
    shown = _lines_of(fit.stray, one.source)
    first, last = first_line(fit.stray[0]), fit.stray[-1].end_lineno or 0
    what = words.MARKS_LOST if lost else words.WRITTEN_OUTSIDE
    return [_finding(not lost, one, what, shown, first, last)]


def _beside(fit: _Fit, one: Placed, pattern: ast.Module, given: frozenset[str], pieces: _Pieces) -> Iterator[Finding]:
    """Yield what stands at the top level of the cell, or in its class, beside what the release has there."""
    excused = pieces.meanings.get(one.origin or 0, set())
    own = definitions(pattern)
    noted: list[ast.stmt] = []
    taken: dict[str, ast.stmt] = {}
    for owner, statement in fit.beside:
        if isinstance(statement, ast.Import | ast.ImportFrom) or ast.dump(statement) in excused:
            continue  # the second rule's business, or a locked cell that was joined to this one
        if getattr(statement, "name", "") in pieces.exercises - own.keys():
            continue
        names = {f"{owner}.{name}" if owner else name for name in bound(statement)}
        again = set() if owner else _of_given(names, given)
        versions = [own[name] for name in sorted(names & own.keys())]
        if versions and not any(_agree(version, statement, True, _Fit()) for version in versions):
            again |= names & own.keys()  # not one more version of what is to be written
        taken |= dict.fromkeys(sorted(again), statement)
        if not again:
            noted.append(statement)
    if taken:
        yield _about(True, one, words.redefined(list(taken)[:SHOWN]), list(dict.fromkeys(taken.values())))
    if noted:
        yield _about(False, one, words.BESIDE, noted)


def _at_run_time(one: Placed, cell: Cell, given: frozenset[str]) -> Iterator[Finding]:
    """Yield what the student's functions do to given names when they run."""
    touched: dict[str, ast.stmt] = {}
    for name, statement in _changes(one.tree, given):
        touched.setdefault(name, statement)
    for name in _changed_by_release(cell, given) if touched else ():
        touched.pop(name, None)
    if touched:
        yield _about(False, one, words.touched(sorted(touched)[:SHOWN]), list(dict.fromkeys(touched.values())))


def _changed_by_release(cell: Cell, given: frozenset[str]) -> set[str]:
    """Return the given names that the release's own functions change."""
    return {name for name, _ in _changes(parsed(cell.source), given)}


def _changes(tree: ast.Module | None, given: frozenset[str]) -> Iterator[tuple[str, ast.stmt]]:
    """Yield (given name or part of one, statement) where a function changes it."""
    statements = tree.body if tree else []
    inside = [node for node in statements if isinstance(node, ast.FunctionDef | ast.ClassDef)]
    for node in walk(ast.Module([*inside], [])):
        if isinstance(node, ast.Global):
            yield from ((name, node) for name in node.names if name in given)
        elif isinstance(node, ast.Assign | ast.AugAssign | ast.AnnAssign | ast.Delete):
            yield from ((name, node) for name in _of_given(bound(node), given) if "." in name)


def _about(breach: bool, one: Placed, what: str, statements: Sequence[ast.stmt]) -> Finding:
    """Return a finding that shows these statements."""
    last = statements[0].end_lineno if len(statements) == 1 else 0
    return _finding(breach, one, what, _lines_of(statements, one.source), first_line(statements[0]), last or 0)


def _lines_of(statements: Iterable[ast.stmt], source: str) -> str:
    """Return the first lines of statements as added lines of a diff."""
    lines = plain(source).split("\n")
    chosen = [line for node in list(statements)[:SHOWN] for line in lines[first_line(node) - 1 : node.end_lineno]]
    return excerpt("\n".join(chosen[:100]), "+")


# --- what cannot be compared, and what is not the homework's ----------------------------------------------------------


def _unread(one: Placed, cell: Cell) -> list[Finding]:
    """Return a note if a cell that is no Python lacks a line of the release's."""
    lines = [bare(line) for line in plain(one.source).split("\n")]
    at = 0
    for line in _given_lines(cell):
        try:
            at = lines.index(line, at) + 1
        except ValueError:
            return [_finding(False, one, words.CANNOT_COMPARE, f"-{line}")]
    return []


def _given_lines(cell: Cell) -> list[str]:
    """Return the release's lines outside the regions, without white space, blank lines and comments."""
    inside = {number for region in cell.regions for number in range(region.start, region.stop)}
    lines = [bare(line) for number, line in enumerate(cell.source.split("\n")) if number not in inside]
    return [line for line in lines if line and not line.startswith("#")]


def _outside(old: str, new: str) -> tuple[str, int]:
    """Return the diff of two cells without what their regions hold, and the line where it begins."""
    texts = [blanked(source, "…") for source in (old, new)]
    if len(regions(plain(new))) < len(regions(old)):  # then the marks themselves are a difference that says nothing
        texts = [_unmarked(text) for text in texts]
    return difference(*texts)


def _unmarked(text: str) -> str:
    """Return a text with empty lines in the place of marks."""
    return "\n".join("" if REGION_START.match(line) or REGION_END.match(line) else line for line in text.split("\n"))


def _extra(one: Placed, given: frozenset[str], pieces: _Pieces) -> list[Finding]:
    """Return a note on a cell that the release does not have."""
    if not one.source.strip() or one.origin in pieces.used_up:
        return []
    if one.role == "copy":
        return [_finding(False, one, words.DUPLICATE)]
    if one.cell_type != "code":
        return [_finding(False, one, words.OWN_TEXT)]
    code = [node for node in (one.tree.body if one.tree else []) if not isinstance(node, ast.Import | ast.ImportFrom)]
    taken = sorted(_of_given((name for statement in code for name in bound(statement)), given))
    what = words.OWN_CELL + (f"，{words.redefined(taken[:SHOWN])}" if taken else "")
    return [_finding(False, one, what, excerpt(one.source))]


def _moved(placed: Sequence[Placed]) -> list[Finding]:
    """Return a note if the homework's cells stand in another order."""
    positions = [one.origin for one in placed if one.id and one.origin is not None]
    moved = any(later < earlier for earlier, later in pairwise(positions))
    return [Finding(RULE, False, "notebook", words.REORDERED)] if moved else []
