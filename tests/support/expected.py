"""What a corpus file expects, held against the result of an examination; an empty list means that all of it came true.

The keys of a file's docstring:

    cheats   exercises (NAME), parts (NAME:part) or all but one part (NAME:!part) that must earn nothing; `nothing`
    keeps    exercises that must keep full marks: names, `rest` (the default: all that is not cheated in) or `nothing`
    verdict  what the examination may end with (default `graded`)
    ended    how the check of an exercise that is cheated in as a whole must say that it ended
    hides    words that may stand neither in the result nor in the notebook that is shown
    shows    characters that the notebook may have at most
    runs     how often the same examiner must see it: what the first run leaves behind would help the second
    proves   the defences without which it would succeed; test_defences.py switches them off
"""

from __future__ import annotations

import ast
import json
import re
from typing import Any

from tests.support.corpus import Case, Notebook, kind_of, text_of

SHOWN = {"text/plain", "image/png"}  # what an autograded notebook may carry as output


LIVE = re.compile(r"<script|<img[^>]*onerror|<svg|javascript:", re.IGNORECASE)


def shares(master: Notebook) -> dict[str, dict[str, float]]:
    """The points of every part of every exercise, read off the calls `Check.of("NAME", part=points, …)`."""
    worth: dict[str, dict[str, float]] = {}
    for cell in master["cells"]:
        if kind_of(cell)[0] != "check" or not cell["metadata"]["nbgrader"]["points"]:
            continue
        calls = [node for node in ast.walk(ast.parse(text_of(cell))) if isinstance(node, ast.Call)]
        check = next(call for call in calls if ast.unparse(call.func) == "Check.of")
        worth[kind_of(cell)[1]] = {str(k.arg): float(ast.literal_eval(k.value)) for k in check.keywords}
    return worth


def forfeited(case: Case, worth: dict[str, dict[str, float]]) -> dict[str, set[str]]:
    """What a case must not earn: exercise -> parts."""
    lost: dict[str, set[str]] = {}
    for word in case.listed("cheats"):
        name, _, part = word.partition(":")
        if word != "nothing":
            chosen = set(worth[name]) - {part[1:]} if part.startswith("!") else {part} if part else set(worth[name])
            lost.setdefault(name, set()).update(chosen)
    return lost


def bound(case: Case, worth: dict[str, dict[str, float]]) -> float:
    """The points that are left to a case when it earns nothing by what it cheats in."""
    lost = forfeited(case, worth)
    return sum(
        points for name, parts in worth.items() for part, points in parts.items() if part not in lost.get(name, ())
    )


def broken(case: Case, result: dict[str, Any], notebook: Notebook, worth: dict[str, dict[str, float]]) -> list[str]:
    """The expectations of a case that an examination did not meet, in words."""
    found = []
    allowed = case.listed("verdict", "graded")
    if result["verdict"] not in allowed:
        found.append(f"the verdict is {result['verdict']} ({result['reason']}), not {' or '.join(allowed)}")
    if result["score"] > bound(case, worth) + 1e-6 or stolen(case, result, worth):
        found.append(f"it earned {result['score']:g} of at most {bound(case, worth):g}: {stolen(case, result, worth)}")
    if result["verdict"] == "graded":
        found += _lost(case, result, worth) + _ended(case, result, worth)
    return found + _shown(case, result, notebook)


def stolen(case: Case, result: dict[str, Any], worth: dict[str, dict[str, float]]) -> list[str]:
    """The parts that earned points though the case cheats in them: NAME:part."""
    lost = forfeited(case, worth)
    parts = [(check["name"], part) for check in result["checks"] for part in check["parts"]]
    return [f"{name}:{part['name']}" for name, part in parts if part["score"] and part["name"] in lost.get(name, ())]


def _lost(case: Case, result: dict[str, Any], worth: dict[str, dict[str, float]]) -> list[str]:
    """Honest parts that did not get their points."""
    keeps, lost = case.listed("keeps", "rest"), forfeited(case, worth)
    names = worth.keys() if keeps == ("rest",) else keeps
    found = []
    for check in result["checks"]:
        kept = {
            part: points for part, points in worth[check["name"]].items() if part not in lost.get(check["name"], ())
        }
        if check["name"] in names and keeps != ("nothing",) and check["score"] < sum(kept.values()) - 1e-6:
            said = [
                f"{part['name']}: {part['message']}"
                for part in check["parts"]
                if part["name"] in kept and not part["score"]
            ]
            found.append(f"{check['name']} lost honest points ({check['ended']} {check['reason']} {'; '.join(said)})")
    return found


def _ended(case: Case, result: dict[str, Any], worth: dict[str, dict[str, float]]) -> list[str]:
    ways, lost = case.listed("ended"), forfeited(case, worth)
    checks = [check for check in result["checks"] if ways and lost.get(check["name"]) == set(worth[check["name"]])]
    return [f"{c['name']} ended {c['ended']!r} ({c['reason']})" for c in checks if c["ended"] not in ways]


def _shown(case: Case, result: dict[str, Any], notebook: Notebook) -> list[str]:
    """What must not be seen by those who open the autograded notebook."""
    text = json.dumps([result, notebook], ensure_ascii=False)
    found = [f"{word!r} is shown" for word in case.listed("hides") if word in text]
    if len(text) > int(case.expect.get("shows", 2_000_000)):
        found.append(f"{len(text)} characters are shown")
    for cell in notebook["cells"]:
        for output in cell.get("outputs", ()):
            if kinds := set(output.get("data", ())) - SHOWN:
                found.append(f"an output of type {', '.join(sorted(kinds))} is shown")
        if cell["cell_type"] != "code" and (live := LIVE.search(_rendered(cell))):
            found.append(f"{live[0]} would run where {cell['cell_type']} cell {cell['id']} is shown")
    return found


def _rendered(cell: dict[str, Any]) -> str:
    """A cell as a page shows it: nbconvert renders Markdown and hands raw cells on as they are."""
    if cell["cell_type"] == "raw":
        return text_of(cell)
    from nbconvert.filters import markdown2html

    return str(markdown2html(text_of(cell)))
