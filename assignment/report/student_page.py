"""The student's feedback as one HTML page that needs nothing else."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers.python import PythonLexer

from assignment import words
from assignment.grading.result import RULES, Regrade, Result
from assignment.homework.notebook import NotebookJson
from assignment.marking.breakdown import CENT, Standing
from assignment.report.student_view import MANY, RuleView, exercises, rule_views, summands, title
from assignment.text import one_line, points

TEMPLATES = Path(__file__).parent / "templates"


def page(standing: Standing, notebook: NotebookJson) -> str:
    """Return a student's feedback page as one HTML text without scripts and without anything from elsewhere.

    notebook: the autograded one. Neither a reason meant for a TA is shown, nor a figure of a part that only hidden rows
    failed.
    """
    result, breakdown, late = standing.result, standing.breakdown, standing.breakdown.late
    rules = rule_views(result, breakdown)
    student = one_line(standing.student, 60)
    facts = [
        one_line(standing.login, 60),
        f"Canvas {student}" if standing.name else "",
        one_line(standing.file, 100),
        words.submitted_at(one_line(late.submitted_at, 40)) if late.submitted_at else "",
        words.lateness(late.late, late.days),
        one_line(late.words, 120),
        words.counts(standing.best),
    ]
    net, best = breakdown.net, breakdown.max
    return rendered(
        "feedback.html",
        "feedback.css",
        title=title(notebook),
        name=one_line(standing.name, 80),
        student=student,
        facts=list(dict.fromkeys(fact for fact in facts if fact)),
        verdict=words.verdict(result.verdict),
        marked=breakdown.marked,
        net=points(net),
        max=points(best),
        tone="good" if best and net >= 0.9 * best else "bad" if net <= 0 else "",
        summands=summands(breakdown),
        exercises=exercises(result, notebook, breakdown),
        breaches=[rule for rule in rules if rule.state == "breach"],
        rules=rules if result.verdict == "graded" or result.rules else [],
        states=words.RULE_STATES,
        objection=words.objection(standing.objection[0], ""),
        link=standing.objection[1],
        regrade=_regrade(result.regrade),
        steps=_steps(standing, rules) if breakdown.marked and not words.verdict(result.verdict) else [],
        made_by=_made_by(result),
        coloured=_coloured,
    )


def _regrade(again: Regrade | None) -> tuple[str, list[str]]:
    """What grading the hand-in again changed and why, and each part that it changed."""
    if again is None:
        return "", []
    changes = [
        f"{one_line(c.exercise, 80)} {one_line(c.part, 60)}：{points(c.before)} → {points(c.after)}"
        for c in again.changes[:MANY]
        if c.exercise != RULES
    ]
    return words.regraded(points(again.before), points(again.after), again.causes, again.kept), changes


def _steps(standing: Standing, rules: list[RuleView]) -> list[str]:
    """What the student does now."""
    manual = {name: change.now for name, change in standing.breakdown.manual.items()}
    lost = [check for check in standing.result.checks if manual.get(check.name, check.score) < check.max - CENT]
    return words.next_steps(len(lost), any(rule.state == "breach" for rule in rules), standing.best)


def rendered(template: str, style: str, script: str = "", **names: object) -> str:
    """Return a page that needs nothing else: its style and script inside, and a policy that allows those alone."""
    css, js = ((TEMPLATES / name).read_text("utf-8") if name else "" for name in (style, script))
    sources = f"style-src {_fingerprint(css)}" + (f"; script-src {_fingerprint(js)}" if js else "")
    policy = f"default-src 'none'; {sources}; base-uri 'none'; form-action 'none'"
    return _environment().get_template(template).render(css=Markup(css), js=Markup(js), policy=policy, **names)


@cache
def _environment() -> Environment:
    """The templates' environment: everything is escaped, and a missing value is an error."""
    return Environment(
        loader=FileSystemLoader(TEMPLATES, encoding="utf-8"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def _fingerprint(text: str) -> str:
    """Return the source expression by which a content security policy knows an inline style or script."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _coloured(code: str) -> Markup:
    """Return Python code as escaped HTML with a span and a class for each kind of token."""
    return Markup(highlight(code, PythonLexer(stripnl=False), HtmlFormatter(nowrap=True)))


def _made_by(result: Result) -> str:
    """Return what made the result, short enough to be read out on the telephone."""
    made = result.made_by
    hashes = {"submission": made.submission, "master": made.master, "release": result.release}
    tools = {"python": made.python, "numpy": made.numpy, "nbgrader": made.nbgrader}
    shown = [f"{key} {one_line(value, 12)[:12]}" for key, value in hashes.items() if value]
    return " · ".join([*shown, *(f"{key} {one_line(value, 24)}" for key, value in tools.items() if value)])
