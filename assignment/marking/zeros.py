"""Zeros for broken rules: who has one, whether a TA has seen it, and what a decision does to the gradebook."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from assignment.course import Course
from assignment.errors import AssignmentError
from assignment.marking.results import earlier
from assignment.marking.waivers import confirm, load, waive
from assignment.plugins.settings import policy
from assignment.rules import RULES
from assignment.text import counted


def unseen(course: Course, name: str) -> dict[str, list[str]]:
    """Return the zeros that nobody has confirmed on the evidence there is today."""
    decisions = load(course)
    found = {}
    for student, result in _results(course, name):
        seen = decisions.confirmed(student, name, result["rules"])
        if rules := [rule for rule in _zeroing(course, name, student, result) if rule not in seen]:
            found[student] = rules
    return found


def refuse_unseen(course: Course, name: str) -> None:
    """Raise AssignmentError, with a list, while a zero has been neither confirmed nor waived: none is sent unseen."""
    waiting = unseen(course, name)
    if waiting:
        lines = [f"  {student}: {', '.join(rules)}" for student, rules in waiting.items()]
        raise AssignmentError(
            f"{counted(len(waiting), 'mark')} would be 0 for a broken rule, and nobody has looked; see the evidence "
            "with `assignment rules`, then confirm or waive each",
            "\n".join(lines),
        )


def findings_of(course: Course, name: str, student: str) -> list[dict[str, Any]]:
    """Return what was found about the rules in a student's submission. Raises AssignmentError if it is not graded."""
    if student not in course.students(name):
        raise AssignmentError(f"{student}: handed in nothing; students are named by Canvas's user id, as in submitted/")
    result = earlier(course, name, student)
    if result is None:
        raise AssignmentError(f"{student}: not graded yet; run: assignment grade {student}")
    return list(result["rules"])


def confirm_zero(course: Course, name: str, student: str, who: str, why: str = "") -> tuple[list[str], list[str]]:
    """Confirm a student's zero for every rule that it stands on -> (rules confirmed now, rules confirmed before)."""
    found = findings_of(course, name, student)
    rules = unseen(course, name).get(student, [])
    before = load(course).confirmed(student, name, found)
    for rule in rules:
        confirm(course, student, name, rule, found, who, why)
    return rules, sorted(before)


def waive_rule(course: Course, name: str, student: str, rule: str, why: str, who: str) -> float | None:
    """Let a student off a rule, now and in every later grading, and return the mark that this gives at once."""
    from assignment.marking.gradebook import Book

    found = findings_of(course, name, student)
    if rule in RULES and not any(one["breach"] and one["rule"] == rule for one in found):
        raise AssignmentError(f"{student}: no breach of rule {rule!r} was found in {name}; nothing to waive")
    waive(course, student, name, rule, why, who)
    with Book(course, name) as book:
        book.penalise(student, {"rules": found})
        return book.marks().get(student)


def refresh_penalties(course: Course, name: str) -> None:
    """Set everybody's penalty anew: settings, waivers.toml and marks that people gave may have changed since."""
    from assignment.marking.gradebook import Book

    results = list(_results(course, name))
    if not results:
        return
    with Book(course, name) as book:
        known = book.marks()
        for student, result in results:
            if student in known:
                book.penalise(student, result)


def _results(course: Course, name: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for student in course.students(name):
        result = earlier(course, name, student)
        if result is not None:
            yield student, result


def _zeroing(course: Course, name: str, student: str, result: Mapping[str, Any]) -> list[str]:
    return policy(course).zeroes(result["rules"], load(course).waived(student, name))
