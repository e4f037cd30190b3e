"""From a result to a mark; here the result itself, kept in the metadata of the autograded notebook."""

import hashlib
import json
from typing import Any

from assignment.course import Course
from assignment.errors import AssignmentError
from assignment.grading.result import Result


def earlier(course: Course, name: str, student: str) -> Result | None:
    """Return the result in the student's autograded notebook, None if there is none."""
    try:
        return result_of(read_autograded(course, name, student))
    except (OSError, ValueError, RecursionError):
        return None


def read_autograded(course: Course, name: str, student: str) -> Any:
    """Return a student's autograded notebook as JSON; OSError, ValueError or RecursionError if there is none."""
    return json.loads(course.autograded(student, name).read_text(encoding="utf-8"))


def result_of(notebook: Any) -> Result | None:
    """Return the result that an autograded notebook (JSON) carries, None if it carries none that can be read."""
    try:
        return Result.from_dict(notebook["metadata"]["assignment"]["result"])
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


def damaged(course: Course, name: str) -> list[str]:
    """Return a line for each autograded notebook that cannot be read: its student is left out of what is made of it."""
    there = {student: course.autograded(student, name) for student in course.students(name)}
    return [
        f"{course.shown(path)}: damaged, left out; run: assignment grade {student}"
        for student, path in there.items()
        if path.exists() and earlier(course, name, student) is None
    ]


def behind(course: Course, name: str) -> list[str]:
    """Return a line for each hand-in that is not graded yet, or of whose student an earlier one is."""
    lines = []
    for student in course.students(name):
        why = stale(course, name, student)
        if not why and not course.autograded(student, name).exists():
            why = "not graded yet; run: assignment grade"
        lines += [f"{student}: {why}"] if why else []
    return lines


def refuse_ungraded(course: Course, name: str) -> None:
    """Raise AssignmentError while nothing of a class is graded: there is nothing to show."""
    students = course.students(name)
    course.check_gradebook()
    if not students:
        raise AssignmentError(f"submitted/: no submissions of {name}; collect them first: assignment collect ARCHIVE")
    if not any(course.autograded(student, name).exists() for student in students):
        raise AssignmentError(f"autograded/: nobody's {name} is graded yet; run: assignment grade")


def stale(course: Course, name: str, student: str) -> str:
    """Return why a student's result is not that of the notebook in submitted/, "" if it is (or none was kept)."""
    submitted = course.submitted(student, name)
    result = earlier(course, name, student)
    made_of = result.made_by.submission if result else ""
    if not made_of or not submitted.is_file() or hashlib.sha256(submitted.read_bytes()).hexdigest() == made_of:
        return ""
    return "handed in anew since it was graded; run: assignment grade"
