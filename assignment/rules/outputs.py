"""Rule 3, keep the outputs: what surely shows something has kept it, and it agrees with what the examiner saw.

A run count that is missing proves nothing: tools drop them, and Colab sets those of an earlier session to null.
"""

import ast
from collections.abc import Mapping, Sequence
from functools import partial

from assignment import words
from assignment.homework import Master
from assignment.homework.checker import verdicts_shown
from assignment.rules import OWN, Finding, finding_in, where
from assignment.submission import Notebook, SubmittedCell
from assignment.submission.matching import Placed
from assignment.syntax import significant

RULE = "outputs"
_finding = partial(finding_in, RULE)
PRINTING = {"print", "display"}
REPORTING = {"report"}  # check.report() prints a row for every array
MANY = 4  # cells with the same to say make one finding
VALUES = (ast.List, ast.Tuple, ast.Dict, ast.Set, ast.ListComp, ast.Compare, ast.JoinedStr)  # never None


def kept_outputs(
    notebook: Notebook, placed: Sequence[Placed], release: Master, failed: Mapping[str, Sequence[str]]
) -> list[Finding]:
    """Return which cells have lost their output, and which outputs contradict the examination.

    failed: of each check, by name, the parts whose visible rows the examiner saw fail.
    """
    missing: list[Placed] = []
    result: list[Finding] = []
    for student in placed:
        if student.origin is None or student.role in ("prose", "copy") or not student.source.strip():
            continue
        submitted = notebook.cells[student.origin]
        if submitted.cell_type != "code":
            if student.role in ("given", "check"):
                result.append(_finding(True, student, words.TURNED[submitted.cell_type]))
        elif not submitted.outputs and prints(student.tree, student.source):
            missing.append(student)
        elif student.role == "check":
            result += _contradictions(student, submitted, failed.get(release.cell(student.id).name, ()))
    return [*_missing(notebook, missing), *result]


def _missing(notebook: Notebook, missing: Sequence[Placed]) -> list[Finding]:
    """Return what is said of cells without the output that they must have shown: of many at once."""
    of_homework = [student for student in missing if student.role not in OWN]
    if of_homework and notebook.private_outputs:
        return [Finding(RULE, True, "notebook", words.PRIVATE_OUTPUTS)]
    result: list[Finding] = []
    for cells in (of_homework, [student for student in missing if student.role in OWN]):
        if len(cells) < MANY:
            result += [_finding(student.role not in OWN, student, words.NO_OUTPUT) for student in cells]
        else:
            what = words.no_outputs(len(cells), [where(student) for student in cells[:MANY]])
            result.append(Finding(RULE, cells[0].role not in OWN, "notebook", what))
    return result


def prints(tree: ast.Module | None, source: str) -> bool:
    """Whether running the cell surely shows something: it prints, reports or ends in a value, with no condition."""
    if tree is None or source.lstrip().startswith("%%capture"):
        return False
    statements = significant(tree.body)
    if any(_is_printing(statement) for statement in statements):
        return True
    last = tree.body[-1] if tree.body else None
    if not isinstance(last, ast.Expr):
        return False
    # Nobody shows None, and only of these is it sure that they are not.
    value = last.value.value is not None if isinstance(last.value, ast.Constant) else isinstance(last.value, VALUES)
    return value and not _is_silenced(last, source)


def _is_printing(statement: ast.stmt) -> bool:
    """Whether the statement is a call that shows something: not print(file=...) or print(end=...)."""
    match statement:
        case ast.Expr(ast.Call(ast.Attribute(_, name))):
            return name in REPORTING
        case ast.Expr(ast.Call(ast.Name(name), args, [])) if name in PRINTING:
            return (name == "print" or bool(args)) and not any(isinstance(arg, ast.Starred) for arg in args)
    return False


def _is_silenced(last: ast.stmt, source: str) -> bool:
    """Whether a semicolon follows the last statement, which hides its value."""
    end = source.split("\n")[(last.end_lineno or 1) - 1 :]
    rest = "\n".join([end[0].encode()[last.end_col_offset :].decode("utf-8", "replace"), *end[1:]]) if end else ""
    return rest.lstrip(" )\t\n\\").startswith(";")


def _contradictions(student: Placed, submitted: SubmittedCell, failed: Sequence[str]) -> list[Finding]:
    """Return notes where a check's kept row says passed and the examiner saw the visible rows fail.

    The other way round says nothing: the examiner is more lenient than the check in the notebook.
    """
    rows: dict[str, bool] = {}  # what the check's output says, by part: passed if all its rows did
    for output in submitted.outputs if failed else ():
        for name, passed in verdicts_shown(output.text).items():
            rows[name] = rows.get(name, True) and passed
    return [_finding(False, student, words.CONTRADICTED.format(part)) for part in failed if rows.get(part)]
