"""How a mark came about: automatic marks, a TA's changes, penalties, net mark, in one sum that always adds up."""

import math
from collections.abc import Collection, Iterable, Mapping
from typing import Any


def finite(value: object) -> float:
    """Return value as a float; anything that is no finite number counts 0."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return 0.0
    return float(value) if math.isfinite(value) else 0.0


def settle(
    result: Mapping[str, Any],
    manual: Mapping[str, float] | None = None,
    penalties: Iterable[Mapping[str, Any]] = (),
    late: Mapping[str, Any] | None = None,
    comments: Mapping[str, str] | None = None,
    waived: Mapping[str, str] | None = None,
    spared: Collection[str] = (),
    maximum: float | None = None,
) -> dict[str, Any]:
    """Return the standing of one submission: what feedback page, annotated notebook and class page agree on.

    result: an examination; manual: a TA's score by check name (a cell that no check knows counts as automatic 0);
    penalties: [{kind: "late" | "rules", points, words}], taken in that order, never more than is left;
    late: {late, days, submitted_at, words}; comments: a TA's words by check name; waived: reason by rule;
    spared: the rules whose breach costs nothing, because it was waived or is only flagged;
    maximum: the assignment's points where they are not the result's.
    -> {auto, manual: {name: (auto, manual)}, score, max, penalties, penalty, net, late, comments, waived, spared,
    rows: [{kind: "auto" | "manual" | "floor" | "late" | "rules", name, points, words}]}; the rows' points add up to
    net, and net >= 0.
    """
    scores = {str(check.get("name")): finite(check.get("score")) for check in result.get("checks") or []}
    auto = round(sum(scores.values()), 2)
    changes = {
        name: (scores.get(name, 0.0), finite(score))
        for name, score in (manual or {}).items()
        if abs(finite(score) - scores.get(name, 0.0)) >= 0.005
    }
    rows: list[dict[str, Any]] = [{"kind": "auto", "name": "", "points": auto, "words": ""}]
    rows += [
        {"kind": "manual", "name": name, "points": round(now - was, 2), "words": ""}
        for name, (was, now) in changes.items()
    ]
    score = round(sum(row["points"] for row in rows), 2)
    if score < 0:
        rows.append({"kind": "floor", "name": "", "points": -score, "words": ""})
        score = 0.0
    net, taken = score, []
    for penalty in sorted(penalties, key=lambda one: one.get("kind") == "rules"):
        points = round(min(max(finite(penalty.get("points")), 0.0), net), 2)
        if finite(penalty.get("points")) > 0:
            taken.append({"kind": penalty.get("kind", "late"), "points": points, "words": penalty.get("words", "")})
            rows.append({"kind": taken[-1]["kind"], "name": "", "points": -points, "words": taken[-1]["words"]})
            net = round(net - points, 2)
    return {
        "auto": auto,
        "manual": changes,
        "score": score,
        "max": finite(result.get("max")) if maximum is None else finite(maximum),
        "penalties": taken,
        "penalty": round(score - net, 2),
        "net": net,
        "late": dict(late or {}),
        "comments": dict(comments or {}),
        "waived": dict(waived or {}),
        "spared": sorted({*spared, *(waived or {})}),
        "rows": rows,
    }


def marked(result: Mapping[str, Any], standing: Mapping[str, Any]) -> bool:
    """Return whether there is a mark at all: the submission was graded, or has points nevertheless."""
    return result.get("verdict") == "graded" or bool(standing["score"])


def penalties_of(
    points: float, result: Mapping[str, Any], maximum: float, spared: Collection[str] = ()
) -> list[dict[str, Any]]:
    """Return the gradebook's one penalty told apart: late, and for a broken rule the whole maximum.

    spared: the rules whose breach costs nothing, because it was waived or is only flagged.
    """
    left = finite(points)
    broken = {finding.get("rule") for finding in result.get("rules") or [] if finding.get("breach")} - set(spared)
    zeroed = bool(broken) and left > 0 and left >= finite(maximum) - 0.005
    late = left - finite(maximum) if zeroed else left
    taken = [{"kind": "late", "points": round(late, 2), "words": ""}] if late >= 0.005 else []
    return [*taken, {"kind": "rules", "points": finite(maximum), "words": ""}] if zeroed else taken
