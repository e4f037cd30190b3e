"""What a student is told, in plain text: the one source of the feedback page and of the annotated notebook."""

import re
from collections.abc import Mapping
from typing import Any

from assignment import words
from assignment.marking.breakdown import Breakdown, BreakdownRow, finite
from assignment.report.feedback_words import (
    RULES,
    ended_words,
    measure_words,
    premise_words,
)
from assignment.text import block, one_line, points

MANY = 60  # exercises, parts or findings of one page: more is no homework but an attack
CODE = (12_000, 300)  # characters and lines of one exercise's code
EVIDENCE = (2_500, 40)


def title(notebook: Mapping[str, Any]) -> str:
    """Return the notebook's first top heading, or its assignment's name."""
    for cell in notebook.get("cells") or []:
        if cell.get("cell_type") == "markdown":
            found = re.search(r"^#[ \t]+(\S.*)$", source(cell), re.MULTILINE)
            if found:
                return _heading(found[1])
    about = (notebook.get("metadata") or {}).get("assignment") or {}
    return one_line(about.get("name"), 80)


def source(cell: Mapping[str, Any]) -> str:
    """Return a cell's source as one string; the format also allows a list of lines."""
    text = cell.get("source", "")
    return text if isinstance(text, str) else "".join(str(row) for row in text)


def kind(cell: Mapping[str, Any]) -> tuple[str, str]:
    """Return a cell's (kind, name), two empty strings for a cell that is not the assignment's."""
    about = (cell.get("metadata") or {}).get("assignment")
    if not isinstance(about, Mapping):
        return "", ""
    return str(about.get("kind", "")), str(about.get("name", ""))


def exercises(result: Mapping[str, Any], notebook: Mapping[str, Any], standing: Breakdown) -> list[dict[str, Any]]:
    """Return the exercises in the order of their checks, everything in them plain text in Chinese.

    -> [{name, topic, score, max, auto (None unless a TA changed it), share, state, failed, passed, premise, ended,
    advice, comment, code}], failed: [{names, score, max, hint, lines: [{names, message, measure}]}]; none where there
    is no mark.
    """
    if not standing.marked:
        return []
    topics, codes = _topics(notebook), _codes(notebook)
    shown = []
    for check in list(result.get("checks") or [])[:MANY]:
        name = str(check.get("name", ""))
        score, most = finite(check.get("score")), finite(check.get("max"))
        parts = [part for part in list(check.get("parts") or [])[:MANY] if isinstance(part, Mapping)]
        failed = _failed([part for part in parts if not part.get("passed")])
        if not most and not failed:
            continue  # a check without points that found nothing
        auto, score = standing.manual.get(name, (None, score))
        replaced = [one_line(one, 80) for one in list(check.get("premise") or [])[:MANY]]
        shown.append(
            {
                "name": one_line(name, 80),
                "topic": topics.get(name, ""),
                "score": points(score),
                "max": points(most),
                "auto": None if auto is None else points(auto),
                "share": min(max(score / most, 0.0), 1.0) if most else 0.0,
                "state": "full" if score >= most - 0.005 else "none" if score < 0.005 else "some",
                "failed": failed,
                "passed": [one_line(part.get("name"), 60) for part in parts if part.get("passed")],
                "premise": premise_words(replaced, right=not failed),
                "ended": ended_words(check),
                "advice": [one_line(one, 500) for one in list(check.get("advice") or [])[:MANY]],
                "comment": block(standing.comments.get(name), 2_000, 40),
                "code": codes.get(name, ""),
            }
        )
    return shown


def ledger(standing: Breakdown) -> list[dict[str, str]]:
    """Return how the mark came about, [{kind, label, note, points}] with signs; a sum ends in the net mark."""
    rows = []
    for row in standing.rows:
        note = one_line(row.words, 120) or one_line(row.name, 80)
        if row.kind == "manual":
            was, now = standing.manual[row.name]
            note = f"{note}：{points(was)} → {points(now)}"
        if row.kind == "late" and not row.words:
            note = words.lateness(standing.late.late, standing.late.days)
        rows.append({"kind": row.kind, "label": words.MARK_ROWS[row.kind], "note": note, "points": signed(row)})
    if len(rows) == 1:
        return [*rows, {"kind": "plain", "label": "没有人工调整，没有扣分", "note": "", "points": ""}]
    return [*rows, {"kind": "net", "label": "最终成绩", "note": "", "points": points(standing.net)}]


def signed(row: BreakdownRow) -> str:
    """Return a ledger row's points with their sign; the automatic marks are where the sum begins and carry none."""
    if row.kind == "auto":
        return points(row.points)
    return ("−" if row.points < 0 else "+" if row.points > 0 else "") + points(abs(row.points))


def findings(result: Mapping[str, Any], standing: Breakdown) -> list[dict[str, Any]]:
    """Return one entry a rule, in the rules' order: [{rule, label, explanation, state, waived, breaches, notes}].

    state: clean, note, breach (marked zero), spared (a breach that costs nothing); breaches, notes: [{cell, evidence}].
    """
    zeroed = any(penalty.kind == "rules" for penalty in standing.penalties)
    entries: dict[str, dict[str, Any]] = {}
    for rule, (label, explanation) in RULES.items():
        entries[rule] = {"rule": rule, "label": label, "explanation": explanation, "breaches": [], "notes": []}
    for found in list(result.get("rules") or [])[:MANY]:
        rule = one_line(found.get("rule"), 40)
        empty = {"rule": rule, "label": rule, "explanation": "", "breaches": [], "notes": []}
        entry = entries.setdefault(rule, empty)
        evidence = {"cell": one_line(found.get("cell"), 80), "evidence": block(found.get("evidence"), *EVIDENCE)}
        entry["breaches" if found.get("breach") else "notes"].append(evidence)
    for rule, entry in entries.items():
        entry["waived"] = one_line(standing.waived.get(rule), 300) if entry["breaches"] else ""
        costs = "breach" if zeroed and rule not in standing.spared else "spared"
        entry["state"] = costs if entry["breaches"] else "note" if entry["notes"] else "clean"
    return list(entries.values())


def _failed(parts: list[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the failed parts, those that one hint explains, or that failed in the same words, together."""
    groups: dict[tuple[str, str, str], dict[str, Any]] = {}
    for part in parts:
        name, message, hint = (
            one_line(part.get(key), most) for key, most in (("name", 60), ("message", 800), ("hint", 800))
        )
        # Of a part that only hidden rows failed, the figures too would tell something of the data.
        measure = "" if part.get("hidden") else measure_words(part.get("error"), part.get("below"))
        empty = {"names": [], "score": 0.0, "max": 0.0, "hint": hint, "lines": {}}
        group = groups.setdefault((hint, "", "") if hint else ("", message, measure), empty)
        group["names"].append(name)
        group["score"] += finite(part.get("score"))
        group["max"] += finite(part.get("max"))
        line = {"names": [], "message": message or "未通过", "measure": measure}
        group["lines"].setdefault((message, measure), line)["names"].append(name)
    return [
        group | {"score": points(group["score"]), "max": points(group["max"]), "lines": list(group["lines"].values())}
        for group in groups.values()
    ]


def _topics(notebook: Mapping[str, Any]) -> dict[str, str]:
    """Return the last heading above each check, by the check's name."""
    topics, last = {}, ""
    for cell in notebook.get("cells") or []:
        if cell.get("cell_type") == "markdown":
            headings = re.findall(r"^#{2,6}[ \t]+(\S.*)$", source(cell), re.MULTILINE)
            last = _heading(headings[-1]) if headings else last
        elif kind(cell)[0] == "check":
            topics[kind(cell)[1]] = last
    return topics


def _codes(notebook: Mapping[str, Any]) -> dict[str, str]:
    """Return the student's own cell for each exercise, by the exercise's name."""
    cells = [(kind(cell), source(cell)) for cell in notebook.get("cells") or [] if cell.get("cell_type") == "code"]
    return {name: block(text, *CODE) for (role, name), text in cells if role == "solve"}


def _heading(text: str) -> str:
    """Return a Markdown heading without its marks."""
    return one_line(re.sub(r"[*`$]|\s#+\s*$", "", text), 80)
