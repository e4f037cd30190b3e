"""The student's feedback: one HTML page that needs nothing else, and the annotated notebook that shows the same."""

import base64
import hashlib
import keyword
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from assignment import words
from assignment.marking.breakdown import Breakdown
from assignment.report.annotate import annotate
from assignment.report.feedback_view import exercises, findings, ledger, title
from assignment.report.feedback_words import OBJECTION, verdict_words
from assignment.text import one_line, points

__all__ = ["PAGES", "annotate", "diff_lines", "environment", "fingerprint", "page"]

PAGES = Path(__file__).parent / "templates"
STATES = {"clean": "没有发现问题", "note": "有备注", "breach": "违反", "spared": "有发现，没有扣分"}
# Each group is the class its match is shown in; an unfinished string ends with its line or with the code.
TOKENS = re.compile(
    r"(?P<c>\#[^\n]*)"
    r"|(?P<s>[rRbBfFuU]{0,2}(?:\"{3}[\s\S]*?(?:\"{3}|\Z)|'{3}[\s\S]*?(?:'{3}|\Z)"
    r"|\"(?:\\.|[^\"\\\n])*\"?|'(?:\\.|[^'\\\n])*'?))"
    r"|(?<=def )(?P<f>\w+)"
    rf"|\b(?P<k>{'|'.join(keyword.kwlist)})\b"
    r"|\b(?P<n>\d[\w.]*)"
)


def page(result: Mapping[str, Any], notebook: Mapping[str, Any], who: Mapping[str, Any], standing: Breakdown) -> str:
    """Return a student's feedback page as one HTML text without scripts and without anything from elsewhere.

    result: an examination; notebook: the autograded notebook; who: {name, login, student, file}; standing: what
    settle returned. Nothing of result but verdict, scores, parts' words and rules is read: neither
    a reason meant for a TA, nor a figure of a part that only hidden rows failed.
    """
    rules = findings(result, standing)
    for rule in rules:
        for one in [*rule["breaches"], *rule["notes"]]:
            one["lines"] = diff_lines(one["evidence"])
    tasks = exercises(result, notebook, standing)
    for task in tasks:
        task["code"] = list(_highlight(task["code"])) if task["code"] else []
    late = standing.late
    student = one_line(who.get("student"), 60)
    facts = [
        one_line(who.get("login"), 60),
        f"Canvas {student}" if who.get("name") else "",
        one_line(who.get("file"), 100),
    ]
    facts += [f"提交于 {one_line(late.submitted_at, 40)}"] if late.submitted_at else []
    facts += [words.lateness(late.late, late.days), one_line(late.words, 120)]
    css = (PAGES / "feedback.css").read_text("utf-8")
    net, best = standing.net, standing.max
    return (
        environment()
        .get_template("feedback.html")
        .render(
            css=Markup(css),
            policy=f"default-src 'none'; style-src {fingerprint(css)}; base-uri 'none'; form-action 'none'",
            title=title(notebook),
            name=one_line(who.get("name"), 80),
            student=student,
            facts=list(dict.fromkeys(fact for fact in facts if fact)),
            verdict=verdict_words(result),
            marked=standing.marked,
            net=points(net),
            max=points(best),
            tone="good" if best and net >= 0.9 * best else "bad" if net <= 0 else "",
            ledger=ledger(standing),
            exercises=tasks,
            breaches=[rule for rule in rules if rule["state"] == "breach"],
            rules=rules if result.get("verdict") == "graded" or result.get("rules") else [],
            states=STATES,
            objection=OBJECTION,
            made_by=_made_by(result),
        )
    )


def environment() -> Environment:
    """Return the templates' environment: everything is escaped, and a missing value is an error."""
    return Environment(
        loader=FileSystemLoader(PAGES, encoding="utf-8"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def fingerprint(text: str) -> str:
    """Return the source expression by which a content security policy knows an inline style or script."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def diff_lines(evidence: str) -> list[tuple[str, str]]:
    """Return the lines of a rule's evidence as (class, line): added, removed, place, context."""
    tones = {"+": "add", "-": "del", "@": "at"}
    lines = evidence.split("\n") if evidence else []
    return [("at" if line.startswith(("---", "+++")) else tones.get(line[:1], "ctx"), line) for line in lines]


def _highlight(code: str) -> Iterator[tuple[str, str]]:
    """Yield Python code as (class, text) pieces; the template escapes each."""
    done = 0
    for found in TOKENS.finditer(code):
        yield "", code[done : found.start()]
        yield str(found.lastgroup), found[0]
        done = found.end()
    yield "", code[done:]


def _made_by(result: Mapping[str, Any]) -> str:
    """Return what made the result, short enough to be read out on the telephone."""
    made = result.get("made_by") or {}
    hashes = [
        f"{key} {one_line(made.get(key), 12)[:12]}" for key in ("submission", "master", "release") if made.get(key)
    ]
    tools = [f"{key} {one_line(made.get(key), 24)}" for key in ("python", "numpy", "nbgrader") if made.get(key)]
    return " · ".join([*hashes, *tools])
