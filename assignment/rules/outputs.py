"""Rule 3, keep the outputs: what surely shows something has kept it, and it agrees with what the examiner saw.

A run count that is missing proves nothing: tools drop them, and Colab sets those of an earlier session to null.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

from assignment import words
from assignment.homework.checker import verdicts_shown
from assignment.homework.master import Cell, Master
from assignment.rules.policy import Finding, cell_of, where
from assignment.submission.matching import Placed
from assignment.submission.notebook import Notebook, SubmittedCell
from assignment.syntax import significant

RULE = "outputs"
PRINTING = {"print", "display"}
REPORTING = {"report"}  # check.report() prints a row for every array
MANY = 4  # cells with the same to say make one finding
VALUES = (ast.List, ast.Tuple, ast.Dict, ast.Set, ast.ListComp, ast.Compare, ast.JoinedStr)  # never None


class ExaminedPart(Protocol):
    """What the examiner says of one part of an exercise."""

    @property
    def name(self) -> str: ...
    @property
    def passed(self) -> bool: ...
    @property
    def hidden(self) -> bool:
        """Whether it failed in hidden rows alone."""


class Examined(Protocol):
    """What the examiner says of a check."""

    @property
    def name(self) -> str: ...
    @property
    def ended(self) -> str:
        """How it was cut short, "" if it was not."""

    @property
    def premise(self) -> Sequence[str]:
        """The functions that were not the student's when it was judged."""

    @property
    def parts(self) -> Sequence[ExaminedPart]: ...


def kept_outputs(
    notebook: Notebook, placed: Sequence[Placed], release: Master, examined: Sequence[Examined]
) -> list[Finding]:
    """Return which cells have lost their output, and which outputs contradict the examination."""
    checks = {check.name: check for check in examined}
    missing: list[Placed] = []
    found: list[Finding] = []
    for one in placed:
        if one.origin is None or one.role in ("prose", "copy") or not one.source.strip():
            continue
        submitted = notebook.cells[one.origin]
        if submitted.cell_type != "code":
            if one.role in ("given", "check"):
                found.append(_finding(True, one, words.TURNED[submitted.cell_type]))
        elif not submitted.outputs and prints(one.tree, one.source):
            missing.append(one)
        elif one.role == "check":
            found += _contradictions(one, submitted, release.cell(one.id), checks)
    return [*_missing(notebook, missing), *found]


def _finding(breach: bool, one: Placed, what: str) -> Finding:
    return Finding(RULE, breach, cell_of(one), words.evidence(where(one), what))


def _missing(notebook: Notebook, missing: Sequence[Placed]) -> list[Finding]:
    """Return what is said of cells without the output that they must have shown: of many at once."""
    of_homework = [one for one in missing if one.role != "extra"]
    if of_homework and notebook.private_outputs:
        return [Finding(RULE, True, "notebook", words.PRIVATE_OUTPUTS)]
    found: list[Finding] = []
    for cells in (of_homework, [one for one in missing if one.role == "extra"]):
        if len(cells) < MANY:
            found += [_finding(one.role != "extra", one, words.NO_OUTPUT) for one in cells]
        else:
            what = words.no_outputs(len(cells), [where(one) for one in cells[:MANY]])
            found.append(Finding(RULE, cells[0].role != "extra", "notebook", what))
    return found


def prints(tree: ast.Module | None, source: str) -> bool:
    """Whether running the cell surely shows something: it prints, reports or ends in a value, with no condition."""
    if tree is None or source.lstrip().startswith("%%capture"):
        return False
    statements = significant(tree.body)
    if any(_is_printing(statement) for statement in statements):
        return True
    last = tree.body[-1] if tree.body else None
    return isinstance(last, ast.Expr) and _has_value(last.value) and not _is_silenced(last, source)


def _is_printing(statement: ast.stmt) -> bool:
    """Whether the statement is a call that shows something: not print(file=...) or print(end=...)."""
    if not isinstance(statement, ast.Expr) or not isinstance(statement.value, ast.Call):
        return False
    call, function = statement.value, statement.value.func
    if isinstance(function, ast.Attribute):
        return function.attr in REPORTING
    if not isinstance(function, ast.Name) or function.id not in PRINTING:
        return False
    starred = any(isinstance(argument, ast.Starred) for argument in call.args)
    return not call.keywords and not starred and (function.id == "print" or bool(call.args))


def _has_value(value: ast.expr) -> bool:
    """Whether an expression is surely not None, which nobody shows."""
    if isinstance(value, ast.Constant):
        return value.value is not None
    return isinstance(value, VALUES)


def _is_silenced(last: ast.stmt, source: str) -> bool:
    """Whether a semicolon follows the last statement, which hides its value."""
    end = source.split("\n")[(last.end_lineno or 1) - 1 :]
    rest = "\n".join([end[0].encode()[last.end_col_offset :].decode("utf-8", "replace"), *end[1:]]) if end else ""
    return rest.lstrip(" )\t\n\\").startswith(";")


def _contradictions(
    one: Placed, submitted: SubmittedCell, cell: Cell, checks: Mapping[str, Examined]
) -> Iterator[Finding]:
    """Yield notes where a check's kept row says passed and the examiner saw the visible rows fail.

    The other way round says nothing: the examiner is more lenient than the check in the notebook.
    """
    check = checks.get(cell.name)
    if check is None or check.ended or check.premise:
        return  # cut short, or judged with other functions than the student's
    rows = _rows(submitted)
    for part in check.parts:
        if rows.get(part.name) and not part.passed and not part.hidden:
            yield _finding(False, one, words.contradicted(part.name))


def _rows(submitted: SubmittedCell) -> dict[str, bool]:
    """Return what the rows of a check's output say, by part: passed if all its rows did."""
    rows: dict[str, bool] = {}
    for output in submitted.outputs:
        for name, passed in verdicts_shown(output.text).items():
            rows[name] = rows.get(name, True) and passed
    return rows
