"""What a class has earned, out of nbgrader's gradebook: one net mark a student, or why there is none to send."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from assignment.course import Course
from assignment.errors import AssignmentError
from assignment.marking.results import earlier


@dataclass(frozen=True)
class Mark:
    """A student's mark, everything counted: manual scores in, penalties off, never negative."""

    student: str
    name: str
    net: float
    max: float


@dataclass(frozen=True)
class LeftOut:
    """A student whose mark or feedback does not go out, and why."""

    student: str
    name: str
    why: str


def marks(
    course: Course, assignment: str, withhold: Mapping[str, str] | None = None
) -> tuple[list[Mark], list[LeftOut]]:
    """Return the marks of everybody who handed in, and those left out, both by student.

    withhold: student -> why the mark must not go out. AssignmentError if the gradebook does not know the assignment.
    """
    from nbgrader.api import MissingEntry

    found: dict[str, Mark] = {}
    ungraded: dict[str, str] = {}
    with course.gradebook() as gradebook:
        names = {student.id: shown_name(student.last_name, student.first_name) for student in gradebook.students}
        try:
            most = float(gradebook.find_assignment(assignment).max_score)
        except MissingEntry:
            raise AssignmentError(f"gradebook.db: nothing graded of {assignment}; run: assignment grade") from None
        for student, net in nets(gradebook, assignment).items():
            if net is None:
                ungraded[student] = _verdict(course, assignment, student)
            else:
                found[student] = Mark(student, names.get(student, ""), net, most)
    sent, left = [], []
    for student in sorted({*course.students(assignment), *found, *ungraded}):
        why = (withhold or {}).get(student, "") or ungraded.get(student, "") or stale(course, assignment, student)
        if student in found and not why:
            sent.append(found[student])
        else:
            left.append(LeftOut(student, names.get(student, ""), why or "not graded yet; run: assignment grade"))
    return sent, left


def nets(gradebook: Any, assignment: str) -> dict[str, float | None]:
    """Return what each student's submission earned, penalties off; None where a score is missing.

    Two queries for the whole class: asking nbgrader's record of each submission takes a dozen.
    """
    from nbgrader.api import Grade, SubmittedAssignment, SubmittedNotebook
    from sqlalchemy import func

    submissions = gradebook.db.query(SubmittedAssignment).filter(SubmittedAssignment.assignment.has(name=assignment))
    student = SubmittedAssignment.student_id
    missing = Grade.auto_score.is_(None) & Grade.manual_score.is_(None)
    grades = submissions.join(SubmittedAssignment.notebooks).join(SubmittedNotebook.grades).filter(Grade.max_score > 0)
    complete = {who for who, lacks in grades.with_entities(student, func.max(missing)).group_by(student) if not lacks}
    earned = submissions.with_entities(student, SubmittedAssignment.score, SubmittedAssignment.late_submission_penalty)
    return {
        who: round(max(0.0, float(score) - float(penalty or 0.0)), 2) if who in complete else None
        for who, score, penalty in earned
    }


def stale(course: Course, assignment: str, student: str) -> str:
    """Return why a student's result is not that of the notebook in submitted/, "" if it is (or none was kept)."""
    submitted = course.submitted(student, assignment)
    result = earlier(course, assignment, student)
    made_by = (result or {}).get("made_by") or {}
    if "submission" not in made_by or not submitted.is_file():
        return ""
    if hashlib.sha256(submitted.read_bytes()).hexdigest() != made_by["submission"]:
        return "handed in anew since it was graded; run: assignment grade"
    return ""


def shown_name(last: str | None, first: str | None) -> str:
    """Return a name as in Canvas's gradebook: "Doe, Jane", or what there is of it."""
    return ", ".join(part for part in (last, first) if part)


def _verdict(course: Course, assignment: str, student: str) -> str:
    """Return why nothing was scored."""
    result = earlier(course, assignment, student)
    if result is None or result.get("verdict") == "graded":
        return "not graded yet; run: assignment grade"
    reason = f" ({result['reason']})" if result.get("reason") else ""
    return f"{result['verdict']}{reason}: grade it by hand in formgrader, or see that it is handed in again"
