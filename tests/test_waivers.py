"""A TA's decisions on breaches, kept in a file."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from assignment.course import Course
from assignment.errors import AssignmentError
from assignment.marking.decisions import FILE, Decision, Decisions, confirm, decide_on, load
from assignment.rules import Finding


@pytest.fixture
def course(tmp_path: Path) -> Course:
    return Course(tmp_path)


def waive(course: Course, student: str, assignment: str, rule: str, why: str, who: str) -> Decision:
    return decide_on(course, Decision(student, assignment, rule, "waived", why, who))


def breach(rule: str = "todo", cell: str = "given-a", evidence: str = "-1\n+2", breach: bool = True) -> Finding:
    return Finding(rule, breach, cell, evidence)


def test_without_a_file_nothing_is_decided(course: Course) -> None:
    assert load(course) == Decisions()
    assert load(course).waived("1042", "rnn") == {}


def test_a_waiver_is_of_one_student_assignment_and_rule(course: Course) -> None:
    waive(course, "1042", "rnn", "todo", "formatter of the lab\nmachine", "lin")
    decisions = load(course)
    assert decisions.waived("1042", "rnn") == {"todo": "formatter of the lab machine"}
    for student, assignment in [("1043", "rnn"), ("1042", "lstm")]:
        assert decisions.waived(student, assignment) == {}


def test_a_confirmation_holds_for_the_evidence_that_was_seen(course: Course) -> None:
    seen = [breach(), breach(cell="given-b"), breach("imports", breach=False)]
    confirm(course, "1042", "rnn", "todo", seen, "lin")
    decisions = load(course)
    table = [
        (seen, {"todo"}),
        (list(reversed(seen)), {"todo"}),
        ([*seen, breach("outputs")], {"todo"}),
        ([*seen, breach(cell="given-c")], set()),
        ([breach(evidence="-1\n+3"), breach(cell="given-b")], set()),
        ([], set()),
    ]
    for findings, confirmed in table:
        assert decisions.confirmed("1042", "rnn", findings) == confirmed
    assert decisions.confirmed("1043", "rnn", seen) == set()


def test_who_decides_at_the_same_time_loses_nothing(course: Course) -> None:
    students = [str(1000 + number) for number in range(40)]
    with ThreadPoolExecutor(8) as tas:
        list(tas.map(lambda student: waive(course, student, "rnn", "todo", "why", "lin"), students))
    assert sorted(decision.student for decision in load(course).entries) == students


def test_the_last_decision_counts(course: Course) -> None:
    confirm(course, "1042", "rnn", "todo", [breach()], "lin")
    waive(course, "1042", "rnn", "todo", "objection accepted", "wu")
    assert load(course).waived("1042", "rnn") == {"todo": "objection accepted"}
    assert load(course).confirmed("1042", "rnn", [breach()]) == set()
    confirm(course, "1042", "rnn", "todo", [breach()], "wu", "after all")
    assert load(course).waived("1042", "rnn") == {}
    assert load(course).confirmed("1042", "rnn", [breach()]) == {"todo"}


@pytest.mark.parametrize(
    "why", ['a "quote" and \\ and #', "中文理由", "\x7f\x00\u2028tab\there", "'''", "[[decision]]"]
)
def test_any_reason_is_kept_readable(course: Course, why: str) -> None:
    waive(course, 'o"brien', "rnn", "outputs", f"x{why}", "lin")
    waive(course, "1042", "rnn", "outputs", "second", "lin")
    assert len(tomllib.loads((course.root / FILE).read_text())["decision"]) == 2
    kept = load(course).waived('o"brien', "rnn")["outputs"]
    assert kept.replace(" ", "") == "x" + "".join(c for c in why if c.isprintable() and c != " ")


def test_what_people_write_into_the_file_stays(course: Course) -> None:
    (course.root / FILE).write_text(
        "# ask Prof. Li\n[[decision]]\nstudent='1'\nassignment='rnn'\nrule='todo'\ndecision='waived'"
    )
    waive(course, "1042", "rnn", "todo", "x", "lin")
    assert (course.root / FILE).read_text().startswith("# ask Prof. Li\n")
    assert load(course).waived("1", "rnn") == {"todo": ""}
    *_, added = tomllib.loads((course.root / FILE).read_text())["decision"]
    assert datetime.now(UTC) - datetime.fromisoformat(added["when"]) < timedelta(minutes=5)


def test_what_is_refused(course: Course) -> None:
    table: list[tuple[Callable[[], object], str]] = [
        (lambda: waive(course, "1", "rnn", "todo", " ", "lin"), "needs a reason"),
        (lambda: waive(course, "1", "rnn", "tests", "x", "lin"), "there are todo, imports, outputs"),
        (lambda: confirm(course, "1", "rnn", "todo", [breach(breach=False)], "lin"), "nothing to confirm"),
    ]
    for act, word in table:
        with pytest.raises(AssignmentError, match=word):
            act()
    assert not (course.root / FILE).exists()


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("[[decision", "waivers.toml: Expected .* by hand"),
        ("[[decision]]\nstudent='1'", "decision 1 must have assignment, decision, rule, student"),
        (
            "[[decision]]\nstudent='1'\nassignment='a'\nrule='todo'\ndecision='no'",
            "'no' must be one of waived, confirmed",
        ),
        ("[[decision]]\nstudent='1'\nassignment='a'\nrule='todo'\ndecision='waived'\nx='y'", "nothing unknown"),
        ("decision = ['a']", "decision 1 must have"),
        ("decision = 'a'", "written as"),
        ("[[waiver]]\nstudent='1'", "written as"),
    ],
)
def test_a_broken_file_is_named_and_left_alone(course: Course, text: str, word: str) -> None:
    (course.root / FILE).write_text(text)
    with pytest.raises(AssignmentError, match=word):
        load(course)
    with pytest.raises(AssignmentError, match=word):
        waive(course, "1042", "rnn", "todo", "x", "lin")
    assert (course.root / FILE).read_text() == text


def test_a_decision_of_another_term_does_not_count(course: Course) -> None:
    config = course.root / "nbgrader_config.py"
    config.write_text('c = get_config()\nc.CourseDirectory.course_id = "autumn"\n')
    waive(course, "1042", "rnn", "todo", "by mail", "lin")
    assert load(course).waived("1042", "rnn") == {"todo": "by mail"}
    config.write_text('c = get_config()\nc.CourseDirectory.course_id = "spring"\n')
    assert load(course).waived("1042", "rnn") == {}
    confirm(course, "1042", "rnn", "todo", [breach()], "lin")
    config.write_text('c = get_config()\nc.CourseDirectory.course_id = "autumn"\n')
    assert load(course).waived("1042", "rnn") == {"todo": "by mail"}
