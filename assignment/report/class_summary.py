"""A class in numbers: marks, pass rates, the mistakes most made, and what a TA has to look at."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean, median
from typing import Any
from urllib.parse import quote

from assignment.marking.breakdown import Breakdown, finite
from assignment.text import block, one_line

BINS = 10
SLOWEST = 5
OPEN = "未完成"  # how the comparator's message begins where a TODO still raises


def summarise(rows: Sequence[Mapping[str, Any]], about: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the class page shows, as plain JSON values.

    rows: [{student, name, login, result, standing (Breakdown), notebook (path from the
    page)}]; about: {assignment, title, made_at, missing: [{student, name}] who handed in nothing}.
    """
    students = [_student(row) for row in rows]
    # A submission that nobody could grade has checks without scores: they say nothing of what a class knows.
    rows = [row for row, one in zip(rows, students, strict=True) if one["marked"]]
    aliases = sorted(students, key=lambda one: hashlib.sha256(one["student"].encode()).digest())
    for number, one in enumerate(aliases, 1):
        one["alias"] = f"Student {number}"  # in no order that tells a name
    graded = [one for one in students if one["verdict"] == "graded"]
    nets = [one["net"] for one in graded]
    seconds = [one["seconds"] for one in students]
    missing = [{key: one_line(one.get(key), 80) for key in ("student", "name")} for one in about.get("missing") or []]
    return {
        "assignment": one_line(about.get("assignment"), 80),
        "title": one_line(about.get("title") or about.get("assignment"), 120),
        "made_at": one_line(about.get("made_at"), 40),
        "max": max((one["max"] for one in students), default=0.0),
        "handed_in": len(students),
        "missing": missing,
        "graded": len(graded),
        "mean": round(fmean(nets), 2) if nets else None,
        "median": round(median(nets), 2) if nets else None,
        "full": sum(one["net"] >= one["max"] for one in graded),
        "histogram": _histogram(graded),
        "exercises": _exercises(rows),
        "mistakes": _mistakes(rows),
        "verdicts": dict(Counter(one["verdict"] for one in students).most_common()),
        "seconds": {
            "total": round(sum(seconds), 2),
            "median": round(median(seconds), 2) if seconds else None,
            "slowest": [one["student"] for one in sorted(students, key=lambda one: -one["seconds"])[:SLOWEST]],
        },
        "students": students,
    }


def _student(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return one line of the table of students."""
    result = row["result"]
    standing: Breakdown = row["standing"]
    zeroed = any(penalty.kind == "rules" for penalty in standing.penalties)
    return {
        "student": one_line(row.get("student"), 60),
        "name": one_line(row.get("name"), 80),
        "login": one_line(row.get("login"), 60),
        "notebook": _link(row.get("notebook")),
        "verdict": one_line(result.get("verdict"), 20),
        "reason": one_line(result.get("reason"), 300),
        "auto": standing.auto,
        "marked": standing.marked,
        "score": standing.score,
        "penalty": standing.penalty,
        "net": standing.net,
        "max": standing.max,
        "zeroed": zeroed,
        "manual": {one_line(name, 80): list(change) for name, change in standing.manual.items()},
        "late": standing.late.late,
        "days": round(finite(standing.late.days), 2),
        "seconds": round(finite(result.get("seconds")), 2),
        "checks": {
            one_line(check.get("name"), 80): {
                "score": round(standing.manual.get(str(check.get("name")), (0.0, finite(check.get("score"))))[1], 2),
                "max": finite(check.get("max")),
                "ended": one_line(check.get("ended"), 20),
                "reason": one_line(check.get("reason"), 300),
            }
            for check in (result.get("checks") or [] if standing.marked else [])
        },
        "breaches": [_finding(one, standing, zeroed) for one in result.get("rules") or [] if one.get("breach")],
        "notes": [_finding(one, standing, zeroed) for one in result.get("rules") or [] if not one.get("breach")],
        "repairs": [one_line(one, 300) for one in result.get("repairs") or []],
    }


def _finding(found: Mapping[str, Any], standing: Breakdown, zeroed: bool) -> dict[str, Any]:
    """Return a rule's finding with what came of it: zero, waived, or flagged without consequence."""
    rule = one_line(found.get("rule"), 40)
    waived = one_line(standing.waived.get(rule), 300)
    costs = zeroed and rule not in standing.spared
    consequence = "waived" if waived else "zero" if costs else "flagged"
    cell, evidence = one_line(found.get("cell"), 80), block(found.get("evidence"), 2_500, 30)
    return {"rule": rule, "cell": cell, "evidence": evidence, "consequence": consequence, "waived": waived}


def _link(path: object) -> str:
    """Return a relative path as a link to a file, whatever its parts are named."""
    parts = [quote(part, safe="") for part in str(path or "").split("/") if part not in ("", ".")]
    return "./" + "/".join(parts) if parts else ""


def _histogram(graded: Iterable[Mapping[str, Any]]) -> list[dict[str, float]]:
    """Return the net marks in ten equal bins, [{low, high, count, zeroed}], in percent of the maximum."""
    bins = [{"low": 10.0 * at, "high": 10.0 * (at + 1), "count": 0, "zeroed": 0} for at in range(BINS)]
    for one in graded:
        share = one["net"] / one["max"] if one["max"] else 0.0
        place = bins[min(int(BINS * min(max(share, 0.0), 1.0) + 1e-9), BINS - 1)]
        place["count"] += 1
        place["zeroed"] += bool(one["zeroed"])
    return bins


def _exercises(rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return how each exercise and each of its parts went, by automatic marks, of the submissions that have them."""
    exercises: dict[str, dict[str, Any]] = {}
    for row in rows:
        for check in row["result"].get("checks") or []:
            score, most = finite(check.get("score")), finite(check.get("max"))
            if not most:
                continue
            name = one_line(check.get("name"), 80)
            empty = {"name": name, "max": most, "count": 0, "full": 0, "some": 0, "none": 0, "open": 0, "ended": 0}
            entry = exercises.setdefault(name, empty | {"parts": {}})
            entry["count"] += 1
            entry["full" if score >= most - 0.005 else "none" if score < 0.005 else "some"] += 1
            entry["ended"] += bool(check.get("ended"))
            entry["open"] += _open(check)
            for part in check.get("parts") or []:
                label = one_line(part.get("name"), 60)
                found = entry["parts"].setdefault(label, {"name": label, "count": 0, "passed": 0, "hidden": 0})
                found["count"] += 1
                found["passed"] += bool(part.get("passed"))
                found["hidden"] += bool(part.get("hidden") and not part.get("passed"))
    return [entry | {"parts": list(entry["parts"].values())} for entry in exercises.values()]


def _open(check: Mapping[str, Any]) -> bool:
    """Return whether an exercise still is as it was released: no part did more than say so."""
    parts = check.get("parts") or []
    return bool(parts) and all(str(part.get("message", "")).startswith(OPEN) for part in parts)


def _mistakes(rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the mistakes by how many students made them, those nobody has a name for last.

    -> [{check, mistake ("" where none was recognised), parts, students, hint}]
    """
    students: dict[tuple[str, str], set[str]] = defaultdict(set)
    parts: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    hints: dict[tuple[str, str], str] = {}
    for row in rows:
        for check in row["result"].get("checks") or []:
            for part in check.get("parts") or []:
                if part.get("passed") or str(part.get("message", "")).startswith(OPEN):
                    continue
                key = (one_line(check.get("name"), 80), one_line(part.get("mistake"), 80))
                students[key].add(one_line(row.get("student"), 60))
                parts[key][one_line(part.get("name"), 60)] += 1
                if key[1]:
                    hints.setdefault(key, one_line(part.get("hint"), 300))
    order = sorted(students, key=lambda key: (not key[1], -len(students[key]), key))
    return [
        {
            "check": check,
            "mistake": mistake,
            "parts": [name for name, _ in parts[check, mistake].most_common()],
            "students": len(students[check, mistake]),
            "hint": hints.get((check, mistake), ""),
        }
        for check, mistake in order
    ]
