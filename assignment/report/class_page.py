"""The class on one page for the TA, and the same as JSON and CSV."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from assignment.report.class_pictures import marks, passed
from assignment.report.class_summary import summarise
from assignment.report.student_page import PAGES, diff_lines, environment, fingerprint
from assignment.text import one_line, points

BOM = "\ufeff"
NAMED = 12  # mistakes shown: more than one lesson can go through
# A spreadsheet takes a cell that begins so for a formula; full-width forms are folded by some.
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def report(rows: Sequence[Mapping[str, Any]], about: Mapping[str, Any]) -> str:
    """Return the class page as one HTML text; rows and about as in assignment.report.class_summary.summarise."""
    found = summarise(rows, about)
    students = found["students"]
    for one in students:
        one["remarks"] = remarks(one)
        for breach in one["breaches"]:
            breach["lines"] = diff_lines(breach["evidence"])
    css, js = ((PAGES / name).read_text("utf-8") for name in ("report.css", "report.js"))
    policy = f"default-src 'none'; style-src {fingerprint(css)}; script-src {fingerprint(js)}"
    template = environment().get_template("report.html")
    return template.render(
        css=Markup(css),
        js=Markup(js),
        policy=f"{policy}; base-uri 'none'; form-action 'none'",
        all=found,
        points=points,
        marks=Markup(marks(found["histogram"], found["median"], found["max"])),
        passed=Markup(passed(found["exercises"])),
        named=[one for one in found["mistakes"] if one["mistake"]][:NAMED],
        unnamed=[one for one in found["mistakes"] if not one["mistake"]],
        zeroed=sum(one["zeroed"] for one in students),
        accused=[one for one in students if one["breaches"]],
        ungraded=[one for one in students if one["verdict"] != "graded"],
        cut=[(one, name, check) for one in students for name, check in one["checks"].items() if check["ended"]],
        late=[one for one in students if one["late"]],
        slowest=[one for key in found["seconds"]["slowest"] for one in students if one["student"] == key],
    )


def report_json(rows: Sequence[Mapping[str, Any]], about: Mapping[str, Any]) -> str:
    """Return everything the class page shows as JSON."""
    return json.dumps(summarise(rows, about), ensure_ascii=False, indent=1, allow_nan=False) + "\n"


def report_csv(rows: Sequence[Mapping[str, Any]], about: Mapping[str, Any]) -> str:
    """Return the table of students as CSV (comma, CRLF, a byte order mark, by which Excel knows UTF-8).

    What a spreadsheet would run gets an apostrophe in front.
    """
    found = summarise(rows, about)
    names = [one["name"] for one in found["exercises"]]
    file = io.StringIO()
    writer = csv.writer(file)
    head = ["student", "name", "login", "verdict", *names, "auto", "score", "penalty", "net", "max"]
    writer.writerow(defused(cell) for cell in [*head, "late", "days late", "remarks", "seconds"])
    for one in found["students"]:
        scores = [one["checks"][name]["score"] if name in one["checks"] else "" for name in names]
        sums = [one["auto"], one["score"], one["penalty"], one["net"] if one["marked"] else "", one["max"]]
        rest = ["late" if one["late"] else "", one["days"] or "", "; ".join(remarks(one)), one["seconds"]]
        line = [one["student"], one["name"], one["login"], one["verdict"], *scores, *sums, *rest]
        writer.writerow(defused(cell) for cell in line)
    return BOM + file.getvalue()


def remarks(one: Mapping[str, Any]) -> list[str]:
    """Return what is out of the ordinary about a student's submission, in a word each."""
    words = [] if one["verdict"] == "graded" else [one["verdict"]]
    for found in one["breaches"]:
        words.append(f"{found['rule']}: {found['consequence']}")
    words += [f"{name} {check['ended']}" for name, check in one["checks"].items() if check["ended"]]
    words += [f"{points(one['days'])} d late" if one["days"] else "late"] if one["late"] else []
    words += ["changed by TA"] if one["manual"] else []
    words += ["repaired"] if one["repairs"] else []
    return list(dict.fromkeys(words))


def defused(cell: object) -> object:
    """Return a CSV cell that no spreadsheet takes for a formula; numbers stay numbers."""
    if not isinstance(cell, str):
        return cell
    text = one_line(cell, 1_000)
    return "'" + text if text.startswith(FORMULA) else text
