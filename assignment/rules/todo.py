"""Rule 1, write only at TODO: the submission's code outside its TODO regions, compared with the release by meaning."""

import ast
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, partial
from itertools import pairwise

from assignment import syntax, words
from assignment.homework import REGION_END, REGION_START, Cell, Master, regions
from assignment.rules import WIDTH, Finding, difference, excerpt, finding_in
from assignment.submission.matching import Placed

RULE = "todo"
_finding = partial(finding_in, RULE)
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
        student.id: _corrected(partial(_locked, student), release.cell(student.id), today)
        for student in placed
        if student.role in ("given", "check")
    }
    changed = {id for id, of_cell in locked.items() if any(finding.breach for finding in of_cell)}
    pieces = _rearranged(placed, release, changed) if changed else _Pieces()
    pieces.exercises |= {cell.name.partition(".")[0] for cell in release.solves}
    result: list[Finding] = []
    for student in placed:
        cell = release.cell(student.id) if student.id else None
        if cell is None:
            result += _extra(student, given, pieces)
        elif cell.kind in ("prose", "play"):
            same = syntax.bare(student.source) == syntax.bare(cell.source)
            if student.origin is None or not (same or (cell.kind == "play" and _same(student.source, cell.source))):
                what = words.DELETED if student.origin is None else words.CHANGED_PROSE
                result.append(_finding(False, student, what))
        elif cell.kind == "solve":
            result += _corrected(partial(_solve, student, given, pieces), cell, today)
        elif cell.id in pieces.whole:
            result.append(_finding(False, student, words.REARRANGED))
        else:
            result += locked[student.id]
    return result + _moved(placed)


def _corrected(compare: Callable[[Cell], list[Finding]], cell: Cell, today: dict[str, Cell]) -> list[Finding]:
    """Return what was found comparing with the release, or with today's master if that has nothing to reproach."""
    result = compare(cell)
    if any(finding.breach for finding in result) and today.get(cell.id, cell) != cell:
        corrected = compare(today[cell.id])
        return result if any(finding.breach for finding in corrected) else corrected
    return result


@lru_cache(maxsize=16)  # a class is made from few releases
def given_names(release: Master) -> frozenset[str]:
    """Return the names that the release's given cells define, import or assign; a loop's own are nobody's."""
    names: set[str] = set()
    for cell in release.given:
        tree = syntax.parsed(cell.source)
        for statement in tree.body if tree else []:
            if not isinstance(statement, ast.For | ast.While | ast.With | ast.If | ast.Try):
                names |= {name for name in bound(statement) if "." not in name}
    return frozenset(names)


def bound(statement: ast.AST) -> Iterator[str]:
    """Yield the names that a statement or target binds; "name.attribute" where it sets an attribute or item of one."""
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield statement.name
        return
    for node in syntax.walk(statement):
        if isinstance(node, ast.alias):
            yield node.asname or node.name.partition(".")[0]
        elif isinstance(node, TARGETS) and not isinstance(node.ctx, ast.Load):
            root: ast.expr = node
            while isinstance(root, (ast.Attribute, ast.Subscript)):
                root = root.value
            if isinstance(root, ast.Name):
                last = f".{node.attr}" if isinstance(node, ast.Attribute) else ".[…]" if root is not node else ""
                yield (root.id + last)[:WIDTH]


def _of_given(names: Iterable[str], given: Iterable[str]) -> set[str]:
    """Return those names that are given ones, or parts of them."""
    return {name for name in names if name.partition(".")[0] in given}


def _meanings(source: str) -> list[str] | None:
    """Return what each statement of a blanked cell means, None if it cannot be read."""
    tree = syntax.canonical(blanked(source))
    return None if tree is None else [ast.dump(statement) for statement in tree.body]


# --- locked cells ----------------------------------------------------------------------------------------------------


def _locked(student: Placed, cell: Cell) -> list[Finding]:
    """Return what was done to a given or check cell."""
    if student.origin is None:
        return [_finding(True, student, words.DELETED)]
    if not student.read and syntax.bare(student.source) != syntax.bare(cell.source):
        return [_finding(False, student, words.TOO_LONG)]
    same = _same(student.source, cell.source)
    if student.cell_type != "code":
        return [_finding(not same, student, words.TURNED[student.cell_type])]
    if same:
        return []
    shown, line = difference(cell.source, student.source)
    return [_finding(True, student, words.CHANGED_LOCKED, shown, line)]


def _same(source: str, other: str) -> bool:
    """Whether two cells mean the same."""
    if syntax.bare(source) == syntax.bare(other):
        return True
    if len(source) > STRETCHED * len(other) + WIDTH:
        return False
    meanings = _meanings(source)
    return meanings is not None and meanings == _meanings(other)


@dataclass
class _Pieces:
    """Locked cells that are all there, but not in one cell of their own."""

    whole: set[str] = field(default_factory=set)  # their ids
    meanings: dict[int, set[str]] = field(default_factory=dict)
    """The statements of them that stand in each cell of the submission, by its position."""
    used_up: set[int] = field(default_factory=set)  # positions of cells that hold nothing else
    exercises: set[str] = field(default_factory=set)
    """The functions and classes that are exercises, each looked at by itself."""


def _rearranged(placed: Sequence[Placed], release: Master, changed: set[str]) -> _Pieces:
    """Return which changed cells were split, or joined with others, and nothing else: their statements are in order.

    A locked cell in which anything else stands was changed; statements of the student's own cells do not matter.
    """
    of_homework = {student.id: student for student in placed if student.role in ("given", "check", "play")}
    suspects = [id for id, student in of_homework.items() if id in changed or student.role == "play"]
    sources = [student for student in placed if student.role in ("extra", "solve") or student.id in suspects]
    stream = _statements(sources)
    taken = [False] * len(stream)
    whole: dict[str, set[int]] = {}  # ids of cells that are all there, and the positions where their statements stand
    for id in suspects:
        indices = _subsequence(_statements_of(release.cell(id).source), stream, taken)
        whole |= {id: {stream[index].position for index in indices}} if indices else {}
        for index in indices:
            taken[index] = True
    own = {cell.name.partition(".")[0] for cell in release.solves}
    left = {s.position for s, gone in zip(stream, taken, strict=True) if not gone and s.defines not in own}
    kept = {id for id, positions in whole.items() if of_homework[id].origin not in left & positions}
    pieces = _Pieces(kept & changed)
    for statement, gone in zip(stream, taken, strict=True):
        if gone:
            pieces.meanings.setdefault(statement.position, set()).add(statement.meaning)
    pieces.used_up = set(pieces.meanings) - left
    return pieces


@dataclass(frozen=True)
class _Statement:
    """A statement of a blanked cell."""

    position: int  # that of its cell in the submission
    meaning: str
    defines: str  # the function or class that it defines
    imports: bool  # whether it is an import, whose place makes no difference


def _statements(cells: Iterable[Placed]) -> list[_Statement]:
    """Return the statements of these cells in the order of the submission."""
    sources: dict[int, str] = {}  # of a cell that serves two exercises, the whole
    for student in cells:
        if student.origin is not None and student.cell_type == "code" and student.read:
            sources[student.origin] = max(student.source, sources.get(student.origin, ""), key=len)
    result: list[_Statement] = []
    left = 2 * syntax.LONGEST
    for position, source in sorted(sources.items()):
        left -= len(source)
        result += _statements_of(source, position) if left >= 0 else []
    return result


def _statements_of(source: str, position: int = 0) -> list[_Statement]:
    """Return the statements of a cell, none of one that cannot be read."""
    tree = syntax.canonical(blanked(source))
    return [
        _Statement(position, ast.dump(node), str(getattr(node, "name", "")), isinstance(node, syntax.IMPORTS))
        for node in (tree.body if tree else [])
    ]


def _subsequence(wanted: Sequence[_Statement], stream: Sequence[_Statement], taken: Sequence[bool]) -> list[int]:
    """Return where the wanted statements stand among those not yet taken, in order; none if one is missing."""
    imports = Counter(statement.meaning for statement in wanted if statement.imports)
    others = [statement.meaning for statement in wanted if not statement.imports]
    indices: list[int] = []
    at = 0
    for index, statement in enumerate(stream):
        if taken[index]:
            continue
        if statement.imports and imports[statement.meaning]:
            imports[statement.meaning] -= 1
            indices.append(index)
        elif at < len(others) and statement.meaning == others[at]:
            at += 1
            indices.append(index)
    return indices if len(indices) == len(wanted) else []


# --- exercises -------------------------------------------------------------------------------------------------------


def _solve(student: Placed, given: frozenset[str], pieces: _Pieces, cell: Cell) -> list[Finding]:
    """Return what was changed around the TODO regions of an exercise, and what was put beside it."""
    if student.origin is None:
        return [_finding(False, student, words.EXERCISE_DELETED)]
    pattern = syntax.canonical(blanked(cell.source))
    if pattern is None:
        raise ValueError(f"{cell.id}: the release's own cell is no Python")
    if syntax.bare(student.source) == syntax.bare(cell.source):
        return []
    if not student.read:
        return [_finding(False, student, words.TOO_LONG)]
    tree = syntax.canonical(blanked(student.source))
    if tree is None:
        return _unread(student, cell)
    fit = syntax.fit_of(pattern.body, tree.body)
    gone = words.MARKS_LOST if len(regions(syntax.plain(student.source))) < len(cell.regions) else ""
    if fit is None and not gone and (tree := syntax.canonical(_unmarked(student.source))):
        fit, gone = syntax.fit_of(pattern.body, tree.body), words.MARKS_MOVED
    if fit is None:
        shown, line = _outside(cell.source, student.source)
        return [_finding(True, student, words.CHANGED_OUTSIDE, shown, line)]
    return [
        *_stray(fit, student, gone),
        *_beside(fit, student, pattern, given, pieces),
        *_at_run_time(student, cell, given),
    ]


def _stray(fit: syntax.Fit, student: Placed, gone: str) -> list[Finding]:
    """Return code written outside the marks; where marks are gone, a note that says so: `gone`."""
    if not fit.stray:
        return []
    shown = _lines_of(fit.stray, student.source)
    first, last = syntax.first_line(fit.stray[0]), fit.stray[-1].end_lineno or 0
    return [_finding(not gone, student, gone or words.WRITTEN_OUTSIDE, shown, first, last)]


def _beside(
    fit: syntax.Fit, student: Placed, pattern: ast.Module, given: frozenset[str], pieces: _Pieces
) -> Iterator[Finding]:
    """Yield what stands at the top level of the cell, or in its class, beside what the release has there."""
    excused = pieces.meanings.get(student.origin or 0, set())
    own = syntax.definitions(pattern)
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
        if versions and not any(syntax.agree(version, statement, lenient=True) for version in versions):
            again |= names & own.keys()  # not one more version of what is to be written
        taken |= dict.fromkeys(sorted(again), statement)
        if not again:
            noted.append(statement)
    if taken:
        yield _about(True, student, words.redefined(list(taken)[:SHOWN]), list(dict.fromkeys(taken.values())))
    if noted:
        yield _about(False, student, words.BESIDE, noted)


def _at_run_time(student: Placed, cell: Cell, given: frozenset[str]) -> Iterator[Finding]:
    """Yield what the student's functions do to given names when they run."""
    touched: dict[str, ast.stmt] = {}
    for name, statement in _changes(student.tree, given):
        touched.setdefault(name, statement)
    for name, _ in _changes(syntax.parsed(cell.source), given) if touched else ():  # as the release's own functions do
        touched.pop(name, None)
    if touched:
        yield _about(False, student, words.touched(sorted(touched)[:SHOWN]), list(dict.fromkeys(touched.values())))


def _changes(tree: ast.Module | None, given: frozenset[str]) -> Iterator[tuple[str, ast.stmt]]:
    """Yield (given name or part of one, statement) where a function changes it."""
    inside = [node for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)] if tree else []
    for node in syntax.statements(ast.Module([*inside], [])):
        if isinstance(node, ast.Global):
            yield from ((name, node) for name in node.names if name in given)
        elif isinstance(node, ast.Assign | ast.AugAssign | ast.AnnAssign | ast.Delete):
            targets = node.targets if isinstance(node, ast.Assign | ast.Delete) else [node.target]
            names = (name for target in targets for name in bound(target))
            yield from ((name, node) for name in _of_given(names, given) if "." in name)


def _about(breach: bool, student: Placed, what: str, statements: Sequence[ast.stmt]) -> Finding:
    """Return a finding that shows these statements."""
    first, last = syntax.first_line(statements[0]), statements[0].end_lineno if len(statements) == 1 else 0
    return _finding(breach, student, what, _lines_of(statements, student.source), first, last or 0)


def _lines_of(statements: Iterable[ast.stmt], source: str) -> str:
    """Return the first lines of statements as added lines of a diff."""
    lines = syntax.plain(source).split("\n")
    chosen = [
        line for node in list(statements)[:SHOWN] for line in lines[syntax.first_line(node) - 1 : node.end_lineno]
    ]
    return excerpt("\n".join(chosen[:100]), "+")


# --- what cannot be compared, and what is not the homework's ----------------------------------------------------------


def _unread(student: Placed, cell: Cell) -> list[Finding]:
    """Return a note if a cell that is no Python lacks a line of the release's."""
    lines = [syntax.bare(line) for line in syntax.plain(student.source).split("\n")]
    inside = {number for region in cell.regions for number in region}
    given = [line for number, line in enumerate(cell.source.split("\n")) if number not in inside]
    at = 0
    for line in (line for line in given if line.strip() and not line.lstrip().startswith("#")):
        try:
            at = lines.index(syntax.bare(line), at) + 1
        except ValueError:
            return [_finding(False, student, words.CANNOT_COMPARE, f"-{line}")]
    return []


def blanked(source: str, text: str = syntax.HOLE) -> str:
    """Return the source with every region's content replaced by one statement; the other lines keep their numbers."""
    lines = syntax.plain(source).split("\n")
    for region in regions("\n".join(lines)):
        if region:
            code = [line for line in lines[region.start : region.stop] if line.strip() and line.strip()[0] != "#"]
            like = (code or [lines[region.start - 1]])[0]
            lines[region.start] = like[: len(like) - len(like.lstrip())] + text
            lines[region.start + 1 : region.stop] = [""] * (region.stop - region.start - 1)
        else:  # nothing stands in it, not even a blank line
            mark = lines[region.stop]
            lines[region.stop] = mark[: len(mark) - len(mark.lstrip())] + text
    return "\n".join(lines)


def _outside(old: str, new: str) -> tuple[str, int]:
    """Return the diff of two cells without what their regions hold, and the line where it begins."""
    texts = [blanked(source, "…") for source in (old, new)]
    lost = len(regions(syntax.plain(new))) < len(regions(old))
    return difference(*map(_unmarked, texts) if lost else texts)  # lost marks are a difference that says nothing


def _unmarked(text: str) -> str:
    marks = (REGION_START, REGION_END)
    lines = syntax.plain(text).split("\n")
    return "\n".join("" if any(mark.match(line) for mark in marks) else line for line in lines)


def _extra(student: Placed, given: frozenset[str], pieces: _Pieces) -> list[Finding]:
    """Return a note on a cell that the release does not have."""
    if not student.source.strip() or student.origin in pieces.used_up:
        return []
    if student.role == "copy":
        return [_finding(False, student, words.DUPLICATE)]
    if student.cell_type != "code":
        return [_finding(False, student, words.OWN_TEXT)]
    code = [
        node
        for node in (student.tree.body if student.tree else [])
        if not isinstance(node, ast.Import | ast.ImportFrom)
    ]
    taken = sorted(_of_given((name for statement in code for name in bound(statement)), given))
    what = words.OWN_CELL + (f"，{words.redefined(taken[:SHOWN])}" if taken else "")
    return [_finding(False, student, what, excerpt(student.source))]


def _moved(placed: Sequence[Placed]) -> list[Finding]:
    """Return a note if the homework's cells stand in another order."""
    positions = [student.origin for student in placed if student.id and student.origin is not None]
    moved = any(later < earlier for earlier, later in pairwise(positions))
    return [Finding(RULE, False, "notebook", words.REORDERED)] if moved else []
