"""Rule 1, write only at TODO: the submission's code outside the TODO regions, compared with the release by meaning."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import pairwise

from assignment.homework.master import REGION_END, REGION_START, Cell, Master, regions
from assignment.rules.finding import Finding, difference, excerpt
from assignment.rules.holes import Match, fill, match
from assignment.submission.repair import Placed
from assignment.syntax import bare, definitions, meaning, parsed, plain, walk

RULE = "todo"
TARGETS = (ast.Name, ast.Attribute, ast.Subscript)  # what may be assigned to
SHOWN = 5  # names or statements of a kind that are shown


def given_code(placed: Sequence[Placed], release: Master, master: Master) -> list[Finding]:
    """Return what of the release's code was changed, and what stands there besides.

    A cell that agrees with today's master instead is no breach: the student has taken over a correction by hand.
    """
    given = given_names(release)
    today = {cell.id: cell for cell in master.released.cells}
    found: list[Finding] = []
    for one in placed:
        cell = release.cell(one.id) if one.id else None
        if cell is None:
            found += _extra(one, given)
        elif one.origin is None:
            found += _deleted(cell)
        elif cell.kind == "prose":
            if bare(one.source) != bare(cell.source):
                found.append(Finding(RULE, False, cell.id, "文字改动过"))
        else:
            compare = _solve if cell.kind == "solve" else _locked
            of_cell = compare(one, cell, given)
            if any(finding.breach for finding in of_cell) and cell.id in today:
                corrected = compare(one, today[cell.id], given)
                of_cell = of_cell if any(finding.breach for finding in corrected) else corrected
            found += of_cell
    return found + _moved(placed)


@lru_cache(maxsize=16)  # a class is made from few releases
def given_names(release: Master) -> set[str]:
    """Return the names that the release's given cells define, import or assign; a loop's own are nobody's."""
    names: set[str] = set()
    for cell in release.given:
        tree = parsed(cell.source)
        for statement in tree.body if tree else []:
            if not isinstance(statement, ast.For | ast.While | ast.With | ast.If | ast.Try):
                names |= {name for name in bound(statement) if "." not in name}
    return names


def bound(statement: ast.stmt) -> Iterator[str]:
    """Yield the names that a statement binds; "name.attribute" where it sets an attribute or item of one."""
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield statement.name
        return
    for node in walk(statement):
        if isinstance(node, ast.alias):
            yield node.asname or node.name.partition(".")[0]
        elif isinstance(node, TARGETS) and not isinstance(node.ctx, ast.Load):
            path: list[str] = []
            root: ast.expr = node
            while isinstance(root, (ast.Attribute, ast.Subscript)):
                path.append(f".{root.attr}" if isinstance(root, ast.Attribute) else ".[…]")
                root = root.value
            if isinstance(root, ast.Name):
                yield root.id + "".join(reversed(path))


def _of_given(names: Iterable[str], given: set[str]) -> set[str]:
    """Return those names that are given ones, or parts of them."""
    return {name for name in names if name.partition(".")[0] in given}


def _locked(one: Placed, cell: Cell, given: set[str]) -> list[Finding]:
    """Return what was done to a given or check cell."""
    if one.cell_type != "code":
        return [Finding(RULE, not _same(one.source, cell.source), cell.id, f"代码单元格变成了 {one.cell_type}")]
    if _same(one.source, cell.source):
        return []
    return [Finding(RULE, True, cell.id, "锁定的单元格改动过\n" + difference(cell.source, one.source))]


def _same(one: str, other: str) -> bool:
    """Whether two cells mean the same."""
    if bare(one) == bare(other):
        return True
    trees = parsed(one), parsed(other)
    try:
        return trees[0] is not None and trees[1] is not None and meaning(trees[0]) == meaning(trees[1])
    except RecursionError:
        return False


def _deleted(cell: Cell) -> list[Finding]:
    """Return what it means that a cell is missing."""
    breach = cell.kind in ("given", "check")
    return [Finding(RULE, breach, cell.id, "单元格被删除" if cell.kind != "solve" else "没有这道练习的单元格")]


def _solve(one: Placed, cell: Cell, given: set[str]) -> list[Finding]:
    """Return what was changed around the TODO regions of an exercise, and what was put beside it."""
    tree, pattern = parsed(one.source), parsed(cell.source)
    if pattern is None:
        raise ValueError(f"{cell.id}: the release's own cell is no Python")
    if tree is None:
        return _broken(one, cell, pattern)
    matched = match(pattern, cell.source, tree, one.source)
    if matched is None:
        return [Finding(RULE, True, cell.id, "TODO 以外的代码改动过\n" + _outside(cell.source, one.source))]
    found = _stray(matched, cell, one.source)
    return found + list(_beside(matched, cell, pattern, given)) + list(_inside(matched, cell, given))


def _stray(matched: Match, cell: Cell, source: str) -> list[Finding]:
    """Return code written outside the marks, where the submission still has all of them."""
    if not matched.stray or len(regions(plain(source))) != len(cell.regions):
        return []
    lines = plain(source).split("\n")
    shown = "\n".join("+" + line for node in matched.stray for line in lines[node.lineno - 1 : node.end_lineno])
    return [Finding(RULE, True, cell.id, "写在了 # TODO 与 # TODO 结束 之外\n" + excerpt(shown))]


def _beside(matched: Match, cell: Cell, pattern: ast.Module, given: set[str]) -> Iterator[Finding]:
    """Yield what stands at the top level of the cell, or in its class, beside what the release has there."""
    noted: list[ast.stmt] = []
    taken: dict[str, ast.stmt] = {}
    for owner, statement in matched.beside:
        if isinstance(statement, ast.Import | ast.ImportFrom):
            continue  # the second rule's business
        own = {f"{owner}.{name}" if owner else name for name in bound(statement)}
        given_again = (set() if owner else _of_given(own, given)) | _changed(statement, own, cell, pattern)
        taken |= dict.fromkeys(sorted(given_again), statement)
        if not given_again:
            noted.append(statement)
    if taken:
        names = "、".join(list(taken)[:SHOWN])
        yield Finding(RULE, True, cell.id, f"重新定义了给定的 {names}\n" + _plus(taken.values()))
    if noted:
        yield Finding(RULE, False, cell.id, "TODO 旁边另有代码\n" + _plus(noted))


def _changed(statement: ast.stmt, names: set[str], cell: Cell, pattern: ast.Module) -> set[str]:
    """Return the names of the cell's own that the statement binds again, to something that is not the release's."""
    own = definitions(pattern)
    known = {name: node for name, node in own.items() if name in names}
    for node in known.values():
        if match(ast.Module([node], []), cell.source, ast.Module([statement], []), "") is not None:
            return set()  # one more version of what is to be written
    return set(known)


def _inside(matched: Match, cell: Cell, given: set[str]) -> Iterator[Finding]:
    """Yield what the student's code does to given names at run time."""
    touched: dict[str, ast.stmt] = {}
    for statement in matched.filled:
        declared = {name for node in walk(statement) if isinstance(node, ast.Global) for name in node.names}
        changed = declared | {name for name in bound(statement) if "." in name}
        touched |= dict.fromkeys(sorted(_of_given(changed, given)), statement)
    if touched:
        names = "、".join(list(touched)[:SHOWN])
        yield Finding(RULE, False, cell.id, f"运行时会改动给定的 {names}\n" + _plus(touched.values()))


def _extra(one: Placed, given: set[str]) -> list[Finding]:
    """Return a note on a cell that the release does not have."""
    where = f"cell {(one.origin or 0) + 1}"
    if not one.source.strip():
        return []
    if one.role == "copy":
        return [Finding(RULE, False, where, "重复的单元格")]
    if one.cell_type != "code":
        return [Finding(RULE, False, where, "多出的文字")]
    tree = parsed(one.source)
    code = [one for one in (tree.body if tree else []) if not isinstance(one, ast.Import | ast.ImportFrom)]
    taken = sorted(_of_given((name for statement in code for name in bound(statement)), given))
    words = f"多出的单元格，重新定义了给定的 {'、'.join(taken)}" if taken else "多出的单元格"
    return [Finding(RULE, False, where, f"{words}\n{excerpt(one.source)}")]


def _broken(one: Placed, cell: Cell, pattern: ast.Module) -> list[Finding]:
    """Return what can be said of a cell that is no Python: its regions emptied, or else its lines."""
    emptied = fill(plain(one.source), "pass")
    tree = parsed(emptied)
    if tree is not None and len(regions(plain(one.source))) == len(cell.regions):
        matched = match(pattern, cell.source, tree, emptied)
        if matched is None or matched.stray:
            return [Finding(RULE, True, cell.id, "TODO 以外的代码改动过\n" + _outside(cell.source, one.source))]
        return []
    lines = [bare(line) for line in plain(one.source).split("\n")]
    for line in _given_lines(cell):
        if line not in lines:
            return [Finding(RULE, False, cell.id, f"代码有语法错误或太长，无法比较；没有找到给定的这一行：\n-{line}")]
        lines = lines[lines.index(line) + 1 :]
    return []


def _given_lines(cell: Cell) -> list[str]:
    """Return the release's lines outside the regions, without white space, blank lines and comments."""
    inside = {number for region in cell.regions for number in range(region.start, region.stop)}
    lines = [bare(line) for number, line in enumerate(cell.source.split("\n")) if number not in inside]
    return [line for line in lines if line and not line.startswith("#")]


def _outside(old: str, new: str) -> str:
    """Return the diff of two cells without what their regions hold, where both have them."""
    if len(regions(plain(new))) == len(regions(old)):
        old, new = fill(old, "…"), fill(plain(new), "…")
    marks = [line for source in (old, plain(new)) for line in source.split("\n")]
    kept = {line for line in marks if not REGION_START.match(line) and not REGION_END.match(line)}
    return difference(*("\n".join(line for line in text.split("\n") if line in kept) for text in (old, plain(new))))


def _plus(statements: Iterable[ast.stmt]) -> str:
    """Return the first statements as added lines of a diff."""
    try:
        code = "\n".join(ast.unparse(statement) for statement in list(statements)[:SHOWN])
    except RecursionError:
        return "+…"
    return excerpt("\n".join("+" + line for line in code.split("\n")))


def _moved(placed: Sequence[Placed]) -> list[Finding]:
    """Return a note if the homework's cells stand in another order."""
    positions = [one.origin for one in placed if one.id and one.origin is not None]
    moved = any(later < earlier for earlier, later in pairwise(positions))
    return [Finding(RULE, False, "notebook", "单元格的顺序改动过")] if moved else []
