"""The class on one page for the TA, and the same as JSON and CSV."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import asdict

from markupsafe import Markup

from assignment.report.class_summary import ClassSummary
from assignment.report.student_page import TEMPLATES, environment, fingerprint
from assignment.text import defused, one_line, points

BOM = "\ufeff"
NAMED = 12  # mistakes shown: more than one lesson can go through


def report(summary: ClassSummary) -> str:
    """Return the class page as one HTML text."""
    students = summary.students
    css, js = ((TEMPLATES / name).read_text("utf-8") for name in ("report.css", "report.js"))
    policy = f"default-src 'none'; style-src {fingerprint(css)}; script-src {fingerprint(js)}"
    return (
        environment()
        .get_template("report.html")
        .render(
            css=Markup(css),
            js=Markup(js),
            policy=f"{policy}; base-uri 'none'; form-action 'none'",
            all=summary,
            points=points,
            tallest=max((row.count for row in summary.histogram), default=0) or 1,
            named=[row for row in summary.mistakes if row.mistake][:NAMED],
            unnamed=[row for row in summary.mistakes if not row.mistake],
            zeroed=sum(row.zeroed for row in students),
            accused=[row for row in students if row.breaches],
            ungraded=[row for row in students if row.verdict != "graded"],
            cut=[(row, name, check) for row in students for name, check in row.checks.items() if check.ended],
            late=[row for row in students if row.late],
            slowest=[row for student in summary.slowest for row in students if row.student == student],
        )
    )


def report_json(summary: ClassSummary) -> str:
    """Return everything the class page shows as JSON."""
    return json.dumps(asdict(summary), ensure_ascii=False, indent=1, allow_nan=False) + "\n"


def report_csv(summary: ClassSummary) -> str:
    """Return the table of students as CSV (comma, CRLF, a byte order mark, by which Excel knows UTF-8).

    What a spreadsheet would run gets an apostrophe in front.
    """
    names = [row.name for row in summary.exercises]
    file = io.StringIO()
    writer = csv.writer(file)
    head = ["student", "name", "login", "verdict", *names, "auto", "score", "penalty", "net", "max"]
    writer.writerow(map(_cell, [*head, "late", "days late", "remarks", "seconds"]))
    for row in summary.students:
        scores = [row.checks[name].score if name in row.checks else "" for name in names]
        sums = [row.auto, row.score, row.penalty, row.net if row.marked else "", row.max]
        rest = ["late" if row.late else "", row.days or "", "; ".join(row.remarks), row.seconds]
        writer.writerow(map(_cell, [row.student, row.name, row.login, row.verdict, *scores, *sums, *rest]))
    return BOM + file.getvalue()


def _cell(value: object) -> object:
    return defused(one_line(value, 1_000)) if isinstance(value, str) else value
