"""What a student is told: the feedback page, which needs nothing else, and the same in plain text for the notebook."""

import base64
import hashlib
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers.python import PythonLexer

from assignment import words
from assignment.grading.result import CheckResult, Part, Result
from assignment.homework import source_of
from assignment.homework.notebook import CellJson, NotebookJson
from assignment.marking.breakdown import CENT, Breakdown, Standing, finite
from assignment.rules import Finding
from assignment.text import block, one_line, points

TEMPLATES = Path(__file__).parent / "templates"
MANY = 60  # exercises, parts or findings of one page: more is no homework but an attack
CODE = (12_000, 300)  # characters and lines of one exercise's code
EVIDENCE = (2_500, 40)


@dataclass(frozen=True)
class FailedLine:
    """What is said of parts that failed in the same words."""

    names: tuple[str, ...]
    message: str
    measure: str  # the error beside its threshold, "" where there is no number that may be shown


@dataclass(frozen=True)
class FailedParts:
    """Parts that one hint explains, or that failed in the same words."""

    names: tuple[str, ...]
    score: str
    max: str
    hint: str
    lines: tuple[FailedLine, ...]


@dataclass(frozen=True)
class ExerciseView:
    """One exercise; all figures are text."""

    name: str
    topic: str  # the heading above it
    score: str
    max: str
    auto: str  # what the examination gave where a person changed it, else ""
    share: float  # of the points, 0 to 1
    state: str  # full, some or none
    failed: tuple[FailedParts, ...]
    passed: tuple[str, ...]
    premise: str  # what was taken as right, in a sentence
    ended: str  # how it was cut short, in a sentence
    advice: tuple[str, ...]
    comment: str
    code: str


@dataclass(frozen=True)
class SumRow:
    """A line of the sum that ends in the mark."""

    kind: str
    label: str
    note: str
    points: str


@dataclass(frozen=True)
class RuleView:
    """One rule: clean, note, breach (marked zero) or spared (a breach that costs nothing)."""

    rule: str
    label: str
    explanation: str
    state: str = "clean"
    waived: str = ""  # the reason why a breach is forgiven
    breaches: tuple[Finding, ...] = ()
    notes: tuple[Finding, ...] = ()


def page(standing: Standing, notebook: NotebookJson) -> str:
    """Return a student's feedback page as one HTML text without scripts and without anything from elsewhere.

    notebook: the autograded one. Neither a reason meant for a TA is shown, nor a figure of a part that only hidden rows
    failed.
    """
    result, breakdown = standing.result, standing.breakdown
    rules = rule_views(result, breakdown)
    manual = {name: change.now for name, change in breakdown.manual.items()}
    lost = sum(manual.get(check.name, check.score) < check.max - CENT for check in result.checks)
    sure = breakdown.marked and not words.verdict(result.verdict)
    return rendered(
        "feedback.html",
        "feedback.css",
        title=title(notebook),
        standing=standing,
        result=result,
        breakdown=breakdown,
        summands=summands(breakdown),
        exercises=exercises(result, notebook, breakdown),
        breaches=[rule for rule in rules if rule.state == "breach"],
        rules=rules if result.verdict == "graded" or result.rules else [],
        steps=words.next_steps(lost, "breach" in (rule.state for rule in rules), standing.best) if sure else [],
    )


def rendered(template: str, style: str, script: str = "", **names: object) -> str:
    """Return a page that needs nothing else: its style and script inside, and a policy that allows those alone."""
    css, js = ((TEMPLATES / name).read_text("utf-8") if name else "" for name in (style, script))
    sources = f"style-src {_fingerprint(css)}" + (f"; script-src {_fingerprint(js)}" if js else "")
    policy = f"default-src 'none'; {sources}; base-uri 'none'; form-action 'none'"
    return environment().get_template(template).render(css=Markup(css), js=Markup(js), policy=policy, **names)


@cache
def environment() -> Environment:
    """Return the templates' environment: everything is escaped, and a missing value is an error."""
    made = Environment(
        loader=FileSystemLoader(TEMPLATES, encoding="utf-8"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    lexer, spans = PythonLexer(stripnl=False), HtmlFormatter(nowrap=True)  # a span and a class for each kind of token
    made.filters |= {"diff": _toned, "coloured": lambda code: Markup(highlight(code, lexer, spans)), "line": one_line}
    made.globals |= {"words": words, "points": points, "most": MANY}
    return made


def _toned(diff: str) -> list[tuple[str, str]]:
    """Return a diff as (class, line): added, removed, place, context."""
    tones = {"+": "add", "-": "del", "@": "at"}
    return [
        ("at" if line.startswith(("---", "+++")) else tones.get(line[:1], "ctx"), line) for line in diff.split("\n")
    ]


def _fingerprint(text: str) -> str:
    """Return the source expression by which a content security policy knows an inline style or script."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def title(notebook: NotebookJson) -> str:
    """Return the heading of the homework, the first of its own prose, or its assignment's name.

    Never one of the student's: what they write must not stand in the head of a page.
    """
    for cell in notebook.get("cells") or []:
        if cell.get("cell_type") == "markdown" and kind(cell)[0] == "prose":
            heading = re.search(r"^#[ \t]+(\S.*)$", source_of(cell), re.MULTILINE)
            if heading:
                return _heading(heading[1])
    about = (notebook.get("metadata") or {}).get("assignment") or {}
    return one_line(about.get("name"), 80)


def joined(text: object) -> str:
    """Return text that the format allows to be a list of lines."""
    return "".join(str(line) for line in text) if isinstance(text, list) else str(text or "")


def kind(cell: CellJson) -> tuple[str, str]:
    """Return a cell's (kind, name), two empty strings for a cell that is not the assignment's."""
    about = (cell.get("metadata") or {}).get("assignment")
    return (str(about.get("kind", "")), str(about.get("name", ""))) if isinstance(about, dict) else ("", "")


def exercises(result: Result, notebook: NotebookJson, breakdown: Breakdown) -> list[ExerciseView]:
    """Return the exercises in the order of their checks; none where there is no mark."""
    if not breakdown.marked:
        return []
    topics, sources = _topics(notebook), codes(notebook)
    shown = (
        _exercise(check, breakdown, topics.get(check.name, ""), sources.get(check.name, ""))
        for check in result.checks[:MANY]
    )
    return [exercise for exercise in shown if exercise.max != "0" or exercise.failed]


def _exercise(check: CheckResult, breakdown: Breakdown, topic: str, code: str) -> ExerciseView:
    score, most = breakdown.earned(check), finite(check.max)
    parts = check.parts[:MANY]
    failed = _failed([part for part in parts if not part.passed])
    replaced = [one_line(name, 80) for name in check.premise[:MANY]]
    return ExerciseView(
        name=one_line(check.name, 80),
        topic=topic,
        score=points(score),
        max=points(most),
        auto=points(finite(check.score)) if abs(score - finite(check.score)) >= CENT else "",
        share=min(max(score / most, 0.0), 1.0) if most else 0.0,
        state="full" if score >= most - CENT else "none" if score < CENT else "some",
        failed=tuple(failed),
        passed=tuple(one_line(part.name, 60) for part in parts if part.passed),
        premise=words.premise(replaced, right=not failed) if replaced else "",
        ended=words.ENDED.get(check.ended, words.ENDED["crashed"]) if check.ended else "",
        advice=(
            *(one_line(advice, 500) for advice in check.advice[:MANY]),
            *([words.NOT_BY_ITSELF] if check.alone and failed else []),
        ),
        comment=block(breakdown.comments.get(check.name), 2_000, 40),
        code=code,
    )


def _failed(parts: Sequence[Part]) -> list[FailedParts]:
    """Return the failed parts, those that one hint explains, or that failed in the same words, together."""
    groups: dict[tuple[str, str, str], list[Part]] = {}
    for part in parts:
        hint = one_line(part.hint, 800)
        groups.setdefault((hint, "", "") if hint else ("", *_words(part)), []).append(part)
    return [
        FailedParts(
            tuple(one_line(part.name, 60) for part in group),
            points(sum(finite(part.score) for part in group)),
            points(sum(finite(part.max) for part in group)),
            hint,
            tuple(
                FailedLine(
                    tuple(one_line(part.name, 60) for part in group if _words(part) == said),
                    said[0] or words.EXERCISE_STATES["none"],
                    said[1],
                )
                for said in dict.fromkeys(map(_words, group))
            ),
        )
        for (hint, *_), group in groups.items()
    ]


def _words(part: Part) -> tuple[str, str]:
    """A failed part's message and measure; of one that only hidden rows failed, figures would tell of the data."""
    message, error, below = one_line(part.message, 800), part.error, part.below
    if message in words.ENDED_IN.values():  # the exercise says it itself, once
        return words.NOT_FINISHED, ""
    if part.hidden or error is None or below is None or not math.isfinite(error):
        return message, ""
    return message, words.measure(error, below)


def summands(breakdown: Breakdown) -> list[SumRow]:
    """Return how the mark came about, with signs but for the automatic marks; a sum ends in the net mark."""
    rows = []
    for row in breakdown.rows:
        note = one_line(row.words, 120) or one_line(row.name, 80)
        if row.kind == "manual":
            note += f"：{' → '.join(map(points, breakdown.manual[row.name]))}"
        elif row.kind == "award":
            note = f"{one_line(row.name, 80)}：{one_line(row.words, 300)}"
        elif row.kind == "late" and not row.words:
            note = words.lateness(breakdown.late.late, breakdown.late.days)
        sign = "" if row.kind == "auto" or not row.points else "−" if row.points < 0 else "+"
        rows.append(SumRow(row.kind, words.MARK_ROWS[row.kind], note, sign + points(abs(row.points))))
    if len(rows) > 1:
        return [*rows, SumRow("net", words.NET, "", points(breakdown.net))]
    return [*rows, SumRow("plain", words.NOTHING_TAKEN, "", "")] if breakdown.net >= breakdown.max - CENT else rows


def rule_views(result: Result, breakdown: Breakdown) -> list[RuleView]:
    """Return one entry a rule, in the rules' order."""
    findings = [
        replace(f, rule=one_line(f.rule, 40), cell=one_line(f.cell, 80), evidence=block(f.evidence, *EVIDENCE))
        for f in result.rules[:MANY]
    ]
    views = []
    for name in dict.fromkeys([*words.RULES, *(finding.rule for finding in findings)]):
        mine = [finding for finding in findings if finding.rule == name]
        breaches, notes = (tuple(f for f in mine if f.breach is breach) for breach in (True, False))
        costs = "breach" if breakdown.zeroed and name not in breakdown.spared else "spared"
        state = costs if breaches else "note" if notes else "clean"
        waived = one_line(breakdown.waived.get(name), 300) if breaches else ""
        views.append(RuleView(name, *words.RULES.get(name, (name, "")), state, waived, breaches, notes))
    return views


def _topics(notebook: NotebookJson) -> dict[str, str]:
    """Return the last heading above each check, by the check's name."""
    topics, last = {}, ""
    for cell in notebook.get("cells") or []:
        if cell.get("cell_type") == "markdown" and kind(cell)[0] == "prose":
            headings = re.findall(r"^#{2,6}[ \t]+(\S.*)$", source_of(cell), re.MULTILINE)
            last = _heading(headings[-1]) if headings else last
        elif kind(cell)[0] == "check":
            topics[kind(cell)[1]] = last
    return topics


def codes(notebook: NotebookJson) -> dict[str, str]:
    """Return the student's own cell for each exercise, by the exercise's name."""
    cells = [(kind(cell), source_of(cell)) for cell in notebook.get("cells") or [] if cell.get("cell_type") == "code"]
    return {name: block(text, *CODE) for (role, name), text in cells if role == "solve"}


def _heading(text: str) -> str:
    """Return a Markdown heading without its marks."""
    return one_line(re.sub(r"[*`$]|\s#+\s*$", "", text), 80)
