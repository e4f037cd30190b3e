"""Rule 3, keep the outputs: every cell has run, and what was shown agrees with what the examiner saw."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from assignment.homework.master import Cell, Master
from assignment.rules.finding import Finding
from assignment.submission.repair import Placed
from assignment.syntax import parsed, significant

RULE = "outputs"
PRINTING = {"print", "display"}
REPORTING = {"report"}  # check.report() prints a row for every array
MANY = 4  # cells with the same to say make one finding


def kept_outputs(
    submission: dict[str, Any],
    placed: Sequence[Placed],
    release: Master,
    examined: Sequence[Mapping[str, Any]],
) -> list[Finding]:
    """Return which cells have not run or lost their output, and which outputs contradict the examination."""
    cells = submission["cells"]
    uncounted = any(raw["outputs"] for raw in cells) and not any(raw["execution_count"] for raw in cells)
    checks = {str(check["name"]): check for check in examined}
    found: list[Finding] = []
    for one in placed:
        if one.origin is None or one.role in ("prose", "copy") or not one.source.strip():
            continue
        raw = cells[one.origin]
        if raw["cell_type"] != "code":
            if one.role != "extra":
                found.append(Finding(RULE, True, one.id, f"单元格变成了 {raw['cell_type']}，没有运行过"))
            continue
        problem = _problem(raw, one.source, uncounted)
        if problem and one.role == "extra":
            found.append(Finding(RULE, False, f"cell {one.origin + 1}", f"多出的单元格{problem}"))
        elif problem:
            found.append(Finding(RULE, True, one.id, f"单元格{problem}"))
        elif one.role == "check":
            found += _contradictions(raw, release.cell(one.id), checks)
    return _together(found)


def prints(source: str) -> bool:
    """Whether running the cell surely shows something: it prints, reports or ends in a value, with no condition."""
    tree = parsed(source)
    statements = list(_straight(significant(tree.body))) if tree else []
    if any(_is_printing(statement) for statement in statements):
        return True
    last = significant(tree.body)[-1:] if tree else []
    values = ast.BinOp | ast.Compare | ast.Constant | ast.List | ast.Name | ast.Tuple
    shown = any(isinstance(one, ast.Expr) and isinstance(one.value, values) for one in last)
    return shown and not source.rstrip().endswith(";")


def _straight(statements: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield the statements that run whenever the cell does and nothing raises."""
    for statement in statements:
        yield statement
        if isinstance(statement, ast.With):
            yield from _straight(statement.body)


def _is_printing(statement: ast.stmt) -> bool:
    """Whether the statement is a call that shows something."""
    if not isinstance(statement, ast.Expr) or not isinstance(statement.value, ast.Call):
        return False
    function = statement.value.func
    if isinstance(function, ast.Attribute):
        return function.attr in REPORTING
    return isinstance(function, ast.Name) and function.id in PRINTING


def _problem(raw: Mapping[str, Any], source: str, uncounted: bool) -> str:
    """Return what is missing of a cell's run, "" if nothing is; `uncounted`: a tool dropped all run counts."""
    tree = parsed(source)
    if raw["outputs"] or (tree is not None and not significant(tree.body)):
        return ""
    if prints(source):
        return "没有输出" if raw["execution_count"] or uncounted else "没有运行过"
    return "" if raw["execution_count"] or uncounted else "没有运行过"


def _contradictions(raw: Mapping[str, Any], cell: Cell, checks: Mapping[str, Mapping[str, Any]]) -> Iterator[Finding]:
    """Yield notes where a check's output says something else than the examiner saw in the visible rows."""
    check = checks.get(cell.name)
    if check is None or check.get("ended") or check.get("premise"):
        return  # cut short, or judged with other functions than the student's
    failed = any(output.get("output_type") == "error" for output in raw["outputs"])
    rows = _rows(raw)
    for part in check["parts"]:
        told = part if isinstance(part, Mapping) else vars(part)
        truth = bool(told["passed"] or told.get("hidden"))
        paper = rows.get(str(told["name"])) if rows else not failed
        if paper is not None and paper != truth:
            said, seen = ("通过" if verdict else "未通过" for verdict in (paper, truth))
            yield Finding(RULE, False, cell.id, f"{told['name']}：保留的输出写着{said}，重新运行的结果是{seen}")


def _rows(raw: Mapping[str, Any]) -> dict[str, bool]:
    """Return what the rows of a check's output say, by part: passed if all its rows did."""
    rows: dict[str, bool] = {}
    for output in raw["outputs"]:
        text = str(output.get("text") or output.get("data", {}).get("text/plain", ""))
        for name, verdict in re.findall(r"^(\S+)\s.*?(未通过|通过)", text, re.MULTILINE):
            rows[name] = rows.get(name, True) and verdict == "通过"
    return rows


def _together(found: Sequence[Finding]) -> list[Finding]:
    """Return the findings, one for all cells where many have the same to say."""
    kept: list[Finding] = []
    for one in found:
        same = [other.cell for other in found if (other.breach, other.evidence) == (one.breach, one.evidence)]
        if len(same) < MANY:
            kept.append(one)
        elif one.cell == same[0]:
            names = "、".join(same[:MANY])
            words = one.evidence.removeprefix("单元格")
            kept.append(Finding(RULE, one.breach, "notebook", f"{len(same)} 个单元格{words}：{names} 等"))
    return kept
