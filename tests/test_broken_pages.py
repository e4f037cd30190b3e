"""Pages as a careless engineer would break them, each with the test that must catch it: the tests' own test."""

from __future__ import annotations

import inspect
import shutil
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FunctionType
from typing import Any

import pytest
from playwright.sync_api import Browser
from playwright.sync_api import Error as BrowserError

import assignment.feedback
import assignment.report
from assignment.feedback import PAGES, environment, page
from assignment.marking.standing import settle
from assignment.pages import annotate, class_summary, feedback_view, feedback_words
from tests import test_feedback as student
from tests import test_pages_in_browser as shown
from tests import test_report as ta

browser = shown.browser  # one Chromium for all cases of this module
Where = str | Callable[..., Any]  # a file of assignment/pages, or a function


@dataclass(frozen=True)
class Broken:
    """Where `right` stood, once, now stands `wrong`; `caught_by(*given)` must notice. also: a second such change."""

    where: Where
    right: str
    wrong: str
    caught_by: Callable[..., None]
    given: tuple[Any, ...] = ()
    also: tuple[Where, str, str] | None = None


def standing(name: str) -> tuple[Any, ...]:
    """Return what test_marks_add_up is given in one of its cases."""
    return next(case[1:] for case in student.STANDINGS if case[0] == name)


SPARED = {"waived": {"todo": "误判", "imports": "误判"}}
ELSEWHERE = "https://cdn.example.com/page"
BROKEN = {
    # --- the student's page: mark-up, and what comes from elsewhere
    "feedback: nothing is escaped": Broken(
        environment,
        "autoescape=True",
        "autoescape=False",
        student.test_nothing_of_the_students_becomes_markup,
        ("script",),
    ),
    "feedback: a TA's comment as HTML": Broken(
        "feedback.html",
        "{{ one.comment }}",
        "{{ one.comment | safe }}",
        student.test_nothing_of_the_students_becomes_markup,
        ("onerror",),
    ),
    "feedback: highlighted code as HTML": Broken(
        "feedback.html",
        "{% else %}{{ text }}{% endif %}",
        "{% else %}{{ text | safe }}{% endif %}",
        student.test_nothing_of_the_students_becomes_markup,
        ("closing",),
    ),
    "feedback: the cell's name as an attribute without quotes": Broken(
        "feedback.html",
        "<code>{{ one.cell }}</code>",
        "<code title={{ one.cell }}>{{ one.cell }}</code>",
        student.test_nothing_of_the_students_becomes_markup,
        ("attribute",),
    ),
    "feedback: no content security policy": Broken(
        "feedback.html",
        '<meta http-equiv="Content-Security-Policy" content="{{ policy }}">\n',
        "",
        student.test_page_needs_nothing_from_elsewhere,
        ("typical",),
    ),
    "feedback: a policy that lets styles through": Broken(
        page,
        "style-src {fingerprint(css)}",
        "style-src 'unsafe-inline'",
        student.test_page_needs_nothing_from_elsewhere,
        ("typical",),
    ),
    "feedback: a policy that lets scripts through": Broken(
        page,
        "base-uri 'none'",
        "script-src 'unsafe-inline'; base-uri 'none'",
        student.test_page_needs_nothing_from_elsewhere,
        ("typical",),
    ),
    "feedback: a script from elsewhere": Broken(
        "feedback.html",
        "</body>",
        f'<script src="{ELSEWHERE}.js"></script></body>',
        student.test_page_needs_nothing_from_elsewhere,
        ("typical",),
    ),
    "feedback: a stylesheet from elsewhere": Broken(
        "feedback.html",
        "<style>",
        '<link rel="stylesheet" href="//cdn.example.com/page.css"><style>',
        student.test_page_needs_nothing_from_elsewhere,
        ("typical",),
    ),
    "feedback: a typeface from elsewhere": Broken(
        "feedback.css",
        "* { box-sizing",
        f"@import '{ELSEWHERE}.css';\n* {{ box-sizing",
        student.test_page_needs_nothing_from_elsewhere,
        ("typical",),
    ),
    "feedback: a style attribute, which the policy forbids": Broken(
        "feedback.html",
        '<p class="hint">',
        '<p class="hint" style="color: gray">',
        student.test_page_needs_nothing_from_elsewhere,
        ("typical",),
    ),
    "feedback: links to nowhere": Broken(
        "feedback.html",
        'id="e{{ loop.index }}"',
        'id="e{{ loop.index0 }}"',
        student.test_page_says_what_a_student_needs,
        ("typical",),
    ),
    "feedback: no charset": Broken(
        "feedback.html", '<meta charset="utf-8">\n', "", student.test_page_says_what_a_student_needs, ("typical",)
    ),
    "feedback: no language": Broken(
        "feedback.html", ' lang="zh-CN"', "", student.test_page_says_what_a_student_needs, ("typical",)
    ),
    # --- what a student must not see
    "feedback: figures of hidden rows": Broken(
        feedback_view._failed,
        '"" if part.get("hidden") else measure_words',
        "measure_words",
        student.test_page_of_a_part_that_only_hidden_rows_failed_tells_no_figure,
    ),
    "feedback: the TA's reason for an exercise cut short": Broken(
        feedback_view.exercises,
        "ended_words(check)",
        'str(check.get("reason"))',
        student.test_page_and_notebook_hide_hidden_tests_and_words_for_the_ta,
        ("typical",),
    ),
    "feedback: the TA's reason for what could not be read": Broken(
        feedback_words.verdict_words,
        'VERDICTS.get(verdict, VERDICTS["crashed"])',
        'str(result.get("reason"))',
        student.test_page_and_notebook_hide_hidden_tests_and_words_for_the_ta,
        ("unreadable",),
    ),
    "feedback: the code of the first student whose page was made": Broken(
        feedback_view._codes,
        'return {name: block(text, *CODE) for (role, name), text in cells if role == "solve"}',
        "for (role, name), text in cells:\n"
        "        _codes.kept.setdefault(name, block(text, *CODE)) if role == 'solve' else None\n"
        "    return _codes.kept",
        student.test_page_of_one_student_holds_nothing_of_another,
    ),
    "feedback: the name of the first student whose page was made": Broken(
        page,
        "student = one_line",
        'who = page.kept.setdefault("who", who)\n    student = one_line',
        student.test_page_of_one_student_holds_nothing_of_another,
    ),
    "notebook: hidden tests in the check cells": Broken(
        annotate._cell,
        '"source": block(without(text, HIDDEN), *CELL)',
        '"source": block(text, *CELL)',
        student.test_page_and_notebook_hide_hidden_tests_and_words_for_the_ta,
        ("typical",),
    ),
    "notebook: what hidden tests printed": Broken(
        annotate._cell,
        '[] if role == "check" else list(_outputs(cell))',
        "list(_outputs(cell))",
        student.test_page_and_notebook_hide_hidden_tests_and_words_for_the_ta,
        ("typical",),
    ),
    "notebook: a student's Markdown as it is": Broken(
        annotate._cell,
        "text if ours or is_fenced(text) else fenced(text)",
        "text",
        student.test_annotated_notebook_shows_students_text_as_source,
        ("link",),
    ),
    "notebook: links in messages": Broken(
        annotate.escaped,
        "MARKDOWN.get(mark, mark)",
        "mark if mark in '[]():' else MARKDOWN.get(mark, mark)",
        student.test_annotated_notebook_shows_students_text_as_source,
        ("link",),
    ),
    "notebook: foreign metadata": Broken(
        annotate._cell,
        '"metadata": _metadata(cell)',
        '"metadata": dict(cell["metadata"])',
        student.test_annotated_notebook_shows_students_text_as_source,
        ("script",),
    ),
    # --- what a student has to be told
    "feedback: a breach without how to object": Broken(
        "feedback.html",
        '  <p class="objection">{{ objection }}</p>\n</section>',
        "</section>",
        student.test_page_says_what_a_student_needs,
        ("breach",),
    ),
    "feedback: a waived breach without how to object": Broken(
        "feedback.html",
        '{% if not breaches %}<p class="objection">{{ objection }}</p>{% endif %}',
        "",
        student.test_a_rule_says_what_it_cost,
        (SPARED, "助教已豁免：误判"),
    ),
    "notebook: a breach without how to object": Broken(
        annotate._summary,
        'lines += ["", OBJECTION, "", ',
        'lines += ["", ',
        student.test_a_rule_says_what_it_cost,
        (SPARED, "助教已豁免：误判"),
    ),
    "feedback: a breach without its evidence": Broken(
        "feedback.html",
        "{{ finding(one, true) }}{% endfor %}</ul>\n  {% endfor %}",
        "{% endfor %}</ul>\n  {% endfor %}",
        student.test_page_says_what_a_student_needs,
        ("breach",),
    ),
    "feedback: no premise": Broken(
        "feedback.html", "{{ one.premise }}</p>", "</p>", student.test_page_says_what_a_student_needs, ("typical",)
    ),
    "notebook: no premise": Broken(
        annotate._exercise,
        '(task["ended"], task["premise"])',
        '(task["ended"],)',
        student.test_annotated_notebook_has_every_cell_and_feedback_after_each_check,
    ),
    "feedback: the premise of what is wrong reads as if it were right": Broken(
        feedback_words.premise_words, "if right else", "if replaced else", student.test_premise_in_words
    ),
    "feedback: no hints": Broken(
        "feedback.html",
        "{% if part.hint %}",
        "{% if part.hint and one.comment %}",
        student.test_page_says_what_a_student_needs,
        ("typical",),
    ),
    "feedback: no comments of a TA": Broken(
        "feedback.html",
        "{% if one.comment %}",
        "{% if one.comment and one.failed and not one.passed %}",
        student.test_a_tas_change_shows_on_page_and_in_notebook,
    ),
    # --- marks
    "feedback: a mark where nobody could grade": Broken(
        "feedback.html",
        "{% if marked %}",
        "{% if ledger %}",
        student.test_what_nobody_could_grade_shows_no_exercises_until_a_ta_gives_points,
    ),
    "marks: a TA's change makes the mark negative": Broken(
        settle, "if score < 0:", "if score < -1000:", student.test_marks_add_up, standing("below nothing")
    ),
    "marks: a penalty makes the mark negative": Broken(
        settle,
        'min(max(finite(penalty.get("points")), 0.0), net)',
        'max(finite(penalty.get("points")), 0.0)',
        student.test_marks_add_up,
        standing("very late"),
    ),
    "marks: a penalty as decided, not as taken": Broken(
        settle,
        '"points": -points, "words"',
        '"points": -finite(penalty.get("points")), "words"',
        student.test_marks_add_up,
        standing("very late"),
    ),
    "feedback: a row of the sum is missing": Broken(
        feedback_view.ledger,
        'for row in standing["rows"]:',
        'for row in standing["rows"]:\n        if row["kind"] == "floor":\n            continue',
        student.test_marks_add_up,
        standing("below nothing"),
    ),
    "feedback: penalties without their minus": Broken(
        feedback_view.signed,
        '"−" if row["points"] < 0 else ',
        "",
        student.test_page_says_what_a_student_needs,
        ("typical",),
    ),
    "feedback: the mark before penalties": Broken(
        page,
        'net, best = standing["net"]',
        'net, best = standing["score"]',
        student.test_marks_add_up,
        standing("late"),
    ),
    "feedback: a waived rule shown as zero": Broken(
        feedback_view.findings,
        '"breach" if zeroed and rule not in standing["spared"] else "spared"',
        '"breach"',
        student.test_a_rule_says_what_it_cost,
        (SPARED, "助教已豁免：误判"),
    ),
    "feedback: a rule waived beside a zero shown as zero": Broken(
        feedback_view.findings,
        'if zeroed and rule not in standing["spared"]',
        "if zeroed",
        student.test_a_rule_says_what_it_cost,
        (
            {"penalties": [{"kind": "rules", "points": 100}], "waived": {"imports": "误判"}, "spared": ["imports"]},
            "助教已豁免：误判",
        ),
    ),
    # --- the class page, its CSV and its JSON
    "class: nothing is escaped": Broken(
        environment, "autoescape=True", "autoescape=False", ta.test_nothing_of_the_students_becomes_markup, ("script",)
    ),
    "class: names as HTML": Broken(
        "report.html",
        "{{ one.name or one.student }}{% if one.name %} <small>{{ one.student }}</small>{% endif %}"
        '</span><span class="alias">{{ one.alias }}',
        '{{ (one.name or one.student) | safe }}</span><span class="alias">{{ one.alias }}',
        ta.test_nothing_of_the_students_becomes_markup,
        ("svg",),
    ),
    "class: links to whatever is named": Broken(
        class_summary._link,
        'return "./" + "/".join(parts) if parts else ""',
        'return str(path or "")',
        ta.test_nothing_of_the_students_becomes_markup,
        ("link",),
    ),
    "class: links that may begin with javascript:": Broken(
        class_summary._link, '"./" + "/".join(parts)', '"/".join(parts)', ta.test_page_shows_what_a_ta_has_to_look_at
    ),
    "class: no content security policy": Broken(
        "report.html",
        '<meta http-equiv="Content-Security-Policy" content="{{ policy }}">\n',
        "",
        ta.test_page_stands_alone_and_runs_only_its_own_script,
    ),
    "class: a policy that lets every script through": Broken(
        assignment.report.report,
        "script-src {fingerprint(js)}",
        "script-src 'unsafe-inline'",
        ta.test_page_stands_alone_and_runs_only_its_own_script,
    ),
    "class: a script from elsewhere": Broken(
        "report.html",
        "<script>",
        f'<script src="{ELSEWHERE}.js"></script><script>',
        ta.test_page_stands_alone_and_runs_only_its_own_script,
    ),
    "class: a stylesheet from elsewhere": Broken(
        "report.html",
        "<style>",
        '<link rel="stylesheet" href="//cdn.example.com/page.css"><style>',
        ta.test_page_stands_alone_and_runs_only_its_own_script,
    ),
    "class: no charset": Broken(
        "report.html", '<meta charset="utf-8">\n', "", ta.test_page_shows_what_a_ta_has_to_look_at
    ),
    "class: no language": Broken(
        "report.html", '<html lang="en">', "<html>", ta.test_page_shows_what_a_ta_has_to_look_at
    ),
    "class: a Chinese hint as English": Broken(
        "report.html", ' lang="zh-CN"', "", ta.test_page_shows_what_a_ta_has_to_look_at
    ),
    "class: a breach without a link to the notebook": Broken(
        "report.html",
        "<b>{{ points(one.net) }}</b></span>{{ open(one) }}",
        "<b>{{ points(one.net) }}</b></span>",
        ta.test_page_shows_what_a_ta_has_to_look_at,
    ),
    "class: a breach without its evidence": Broken(
        "report.html",
        "{% if found.lines %}",
        "{% if found.waived and not found.lines %}",
        ta.test_page_shows_what_a_ta_has_to_look_at,
    ),
    "class: missing students left out": Broken(
        "report.html",
        "{% for one in all.missing %}",
        "{% for one in [] %}",
        ta.test_page_shows_what_a_ta_has_to_look_at,
    ),
    "class: missing students not counted": Broken(
        "report.html",
        "{{ all.handed_in + all.missing | length }}",
        "{{ all.handed_in }}",
        ta.test_page_shows_what_a_ta_has_to_look_at,
    ),
    "class: a waived rule shown as zero": Broken(
        class_summary._finding,
        '"waived" if waived else "zero" if costs else',
        '"zero" if waived or costs else',
        ta.test_numbers,
    ),
    "class: a rule waived beside a zero shown as zero": Broken(
        class_summary._finding,
        '"waived" if waived else "zero" if costs else',
        '"zero" if zeroed else "waived" if waived else',
        ta.test_numbers,
    ),
    "class: a rule that costs nothing beside a zero shown as zero": Broken(
        class_summary._finding, ' and rule not in standing["spared"]', "", ta.test_numbers
    ),
    "class: mistakes not sorted": Broken(class_summary._mistakes, "-len(students[key]), key", "key", ta.test_numbers),
    "class: mistakes by parts, not by students": Broken(
        class_summary._mistakes,
        '.add(one_line(row.get("student"), 60))',
        ".add(str(len(students[key])))",
        ta.test_numbers,
    ),
    "class: the mean counts those who were not graded": Broken(
        class_summary.summarise, 'if one["verdict"] == "graded"]', "]", ta.test_numbers
    ),
    "class: aliases in the order of the list": Broken(
        class_summary.summarise,
        'sorted(students, key=lambda one: hashlib.sha256(one["student"].encode()).digest())',
        "students",
        ta.test_numbers,
    ),
    "class: NaN in JSON": Broken(
        class_summary._student,
        'round(finite(result.get("seconds")), 2)',
        'round(result.get("seconds"), 2)',
        ta.test_json_says_what_the_page_says,
        also=(assignment.report.report_json, "allow_nan=False", "allow_nan=True"),
    ),
    "CSV: formulas run": Broken(
        assignment.report.defused,
        '"\'" + text if text.startswith(FORMULA) else text',
        "text",
        ta.test_csv_runs_as_no_formula,
    ),
    "CSV: only the equals sign is a formula": Broken(
        assignment.report.defused, "startswith(FORMULA)", 'startswith("=")', ta.test_csv_runs_as_no_formula
    ),
    "CSV: names run as formulas": Broken(
        assignment.report.report_csv, "defused(cell) for cell in line", "line", ta.test_csv_runs_as_no_formula
    ),
    "CSV: no byte order mark": Broken(
        assignment.report.report_csv, "BOM + file", "file", ta.test_csv_runs_as_no_formula
    ),
    "CSV: not graded is 0": Broken(
        assignment.report.report_csv,
        'one["net"] if one["marked"] else ""',
        'one["net"]',
        ta.test_what_could_not_be_graded_has_no_mark,
    ),
}
NARROW, NARROWEST = 390, 320
VIEWPORT = '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
NO_POLICY = ('<meta http-equiv="Content-Security-Policy" content="{{ policy }}">\n', "")
BROKEN_TO_LOOK_AT = {
    "feedback: nothing is escaped": Broken(
        environment,
        "autoescape=True",
        "autoescape=False",
        shown.test_feedback_page_runs_nothing,
        also=("feedback.html", *NO_POLICY),
    ),
    "feedback: a style that its policy does not know": Broken(
        page, "css=Markup(css)", "css=Markup(css.strip())", shown.test_feedback_page_runs_nothing
    ),
    "class: nothing is escaped": Broken(
        environment,
        "autoescape=True",
        "autoescape=False",
        shown.test_class_page_runs_only_its_own_script,
        also=("report.html", *NO_POLICY),
    ),
    "notebook: a student's Markdown as it is": Broken(
        annotate._cell,
        "text if ours or is_fenced(text) else fenced(text)",
        "text",
        shown.test_annotated_notebook_runs_nothing_even_unsanitised,
    ),
    "notebook: HTML among the outputs": Broken(
        annotate._bundle,
        "kept = {}",
        'kept = {"text/html": _joined(data.get("text/html"))}',
        shown.test_annotated_notebook_runs_nothing_even_unsanitised,
    ),
    "notebook: messages as Markdown": Broken(
        annotate.escaped,
        "MARKDOWN.get(mark, mark)",
        "mark",
        shown.test_annotated_notebook_runs_nothing_even_unsanitised,
    ),
    "feedback: no viewport": Broken("feedback.html", VIEWPORT, "", shown.test_pages_fit_their_screens, (NARROW,)),
    "class: no viewport": Broken("report.html", VIEWPORT, "", shown.test_pages_fit_their_screens, (NARROW,)),
    "feedback: words that do not break": Broken(
        "feedback.css",
        "font: 16px/1.7 var(--text); overflow-wrap: anywhere;",
        "font: 16px/1.7 var(--text);",
        shown.test_pages_fit_their_screens,
        (NARROW,),
    ),
    "feedback: code that does not scroll": Broken(
        "feedback.css",
        "padding: .9rem 1rem; overflow-x: auto;",
        "padding: .9rem 1rem;",
        shown.test_pages_fit_their_screens,
        (NARROWEST,),
    ),
    "class: words that do not break": Broken(
        "report.css",
        "font: 15px/1.6 var(--text); overflow-wrap: anywhere;",
        "font: 15px/1.6 var(--text);",
        shown.test_pages_fit_their_screens,
        (NARROWEST,),
    ),
    "class: a table that does not scroll": Broken(
        "report.css", ".wide { overflow-x: auto; }", "", shown.test_pages_fit_their_screens, (NARROW,)
    ),
    "class: evidence that does not scroll": Broken(
        "report.css", "pre { overflow-x: auto;", "pre {", shown.test_pages_fit_their_screens, (NARROW,)
    ),
    "feedback: folded code stays folded on paper": Broken(
        "feedback.css",
        "details::details-content { content-visibility: visible; block-size: auto; }",
        "",
        shown.test_paper_shows_what_is_folded_and_cuts_no_line,
    ),
    "feedback: long lines are cut on paper": Broken(
        "feedback.css",
        "  pre { white-space: pre-wrap; overflow-wrap: anywhere; }\n",
        "",
        shown.test_paper_shows_what_is_folded_and_cuts_no_line,
    ),
    "feedback: no rules for paper": Broken(
        "feedback.css", "@media print {", "@media speech {", shown.test_paper_shows_what_is_folded_and_cuts_no_line
    ),
    "class: no rules for paper": Broken(
        "report.css", "@media print {", "@media speech {", shown.test_paper_shows_what_is_folded_and_cuts_no_line
    ),
    "feedback: dark ink in the dark": Broken(
        "feedback.css",
        "--ink: #e4e8eb;",
        "--ink: #1d2329;",
        shown.test_every_word_stands_out_from_its_ground,
        ("dark",),
    ),
    "class: a picture's words stay dark in the dark": Broken(
        "report.css",
        '.picture [fill="#1d2329"] { fill: var(--ink); }',
        "",
        shown.test_every_word_stands_out_from_its_ground,
        ("dark",),
    ),
    "class: the script sorts the wrong way round": Broken(
        "report.js",
        "down ? -compare(a, b) : compare(a, b)",
        "down ? compare(a, b) : -compare(a, b)",
        shown.test_table_sorts_and_names_hide,
    ),
    "class: numbers sorted as text": Broken(
        "report.js", "value(a) - value(b)", "value(a) < value(b) ? -1 : 1", shown.test_table_sorts_and_names_hide
    ),
    "class: a click that does nothing": Broken(
        "report.js", '"click"', '"dblclick"', shown.test_table_sorts_and_names_hide
    ),
    "class: not graded is 0": Broken(
        "report.html", "{% if one.marked %}", "{% if one.student %}", shown.test_table_sorts_and_names_hide
    ),
    "class: names that the switch does not hide": Broken(
        "report.css", ":is(.name, .open)", ":is(.open)", shown.test_table_sorts_and_names_hide
    ),
    "class: links, which tell who it is, that the switch does not hide": Broken(
        "report.css", ":is(.name, .open)", ":is(.name)", shown.test_table_sorts_and_names_hide
    ),
    "class: a list that names students outside of what the switch hides": Broken(
        "report.html",
        "slowest: {% for one in slowest %}{{ person(one) }}",
        "slowest: {% for one in slowest %}{{ one.student }}",
        shown.test_table_sorts_and_names_hide,
    ),
}


@pytest.fixture
def pages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the pages' templates, styles and script, which the pages are now made from."""
    copy = tmp_path / "pages"
    shutil.copytree(PAGES, copy, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    for module in (assignment.feedback, assignment.report):
        monkeypatch.setattr(module, "PAGES", copy)
    return copy


def replaced(text: str, right: str, wrong: str) -> str:
    """Return the text with wrong for right; AssertionError if the page reads differently now."""
    assert text.count(right) == 1, f"not there exactly once: {right}"
    return text.replace(right, wrong)


def alter(where: Where, right: str, wrong: str, pages: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Break a file, or a function wherever it was imported: it keeps its name and gets other code."""
    if isinstance(where, str):
        file = pages / where
        file.write_text(replaced(file.read_text("utf-8"), right, wrong), encoding="utf-8")
        return
    assert isinstance(where, FunctionType)
    space = dict(where.__globals__)
    exec(textwrap.dedent(replaced(inspect.getsource(where), right, wrong)), space)
    monkeypatch.setattr(where, "__code__", space[where.__name__].__code__)
    monkeypatch.setattr(where, "kept", {}, raising=False)  # the memory of a version that remembers too much


def breaks(broken: Broken, pages: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the broken version."""
    for change in ((broken.where, broken.right, broken.wrong), broken.also):
        if change:
            alter(*change, pages, monkeypatch)


def checks(table: dict[str, Broken]) -> list[Any]:
    """Return (test, given) of every test that a table names, once, with what one of its cases gives it."""
    named = {f"{one.caught_by.__module__}.{one.caught_by.__name__}": one for one in table.values()}
    return [pytest.param(one.caught_by, one.given, id=name.removeprefix("tests.")) for name, one in named.items()]


@pytest.fixture
def tabs(browser: Browser) -> Iterator[Browser]:
    """The browser, whose tabs are closed after each case."""
    yield browser
    for context in browser.contexts:
        context.close()


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_page_is_caught(case: str, pages: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = BROKEN[case]
    breaks(broken, pages, monkeypatch)
    with pytest.raises(AssertionError):
        broken.caught_by(*broken.given)


@pytest.mark.slow
@pytest.mark.parametrize("case", BROKEN_TO_LOOK_AT)
def test_a_page_that_looks_or_acts_broken_is_caught(
    case: str, pages: Path, monkeypatch: pytest.MonkeyPatch, tabs: Browser, tmp_path: Path
) -> None:
    broken = BROKEN_TO_LOOK_AT[case]
    breaks(broken, pages, monkeypatch)
    with pytest.raises((AssertionError, BrowserError)):
        broken.caught_by(tabs, tmp_path, *broken.given)


@pytest.mark.parametrize(("check", "given"), checks(BROKEN))
def test_a_copy_of_the_pages_is_not_caught(check: Callable[..., None], given: tuple[Any, ...], pages: Path) -> None:
    check(*given)


@pytest.mark.slow
@pytest.mark.parametrize(("check", "given"), checks(BROKEN_TO_LOOK_AT))
def test_a_copy_of_the_pages_looks_and_acts_right(
    check: Callable[..., None], given: tuple[Any, ...], pages: Path, tabs: Browser, tmp_path: Path
) -> None:
    check(tabs, tmp_path, *given)
