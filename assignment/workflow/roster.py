"""The class list: Canvas's gradebook export, remembered, and put into nbgrader's student records."""

from collections.abc import Iterable
from pathlib import Path

from assignment.canvas.gradebook import RosterEntry, read_gradebook
from assignment.course import Course
from assignment.errors import AssignmentError

ROSTER = "roster.csv"  # in collected/NAME/
HARMLESS = str.maketrans("<>", "‹›")  # formgrader's page of a submission does not escape names


def read_roster(course: Course, assignment: str, roster_csv: Path | None) -> dict[str, RosterEntry]:
    """Return the roster given, else that of last time, else an empty one; AssignmentError if it names nobody."""
    path = roster_csv or course.collected(assignment) / ROSTER
    if not roster_csv and not path.is_file():
        return {}
    roster = read_gradebook(path).roster
    if not roster:
        raise AssignmentError(f"{path}: names no student; export the gradebook in Canvas (Grades > Export)")
    return roster


def enrol(course: Course, roster: Iterable[RosterEntry], strangers: Iterable[RosterEntry] = ()) -> None:
    """Put names and logins into nbgrader's student records; strangers get theirs only where none is known."""
    with course.gradebook() as gradebook:
        known = {student.id: student for student in gradebook.students}
        for student, weak in [*((s, False) for s in roster), *((s, True) for s in strangers)]:
            first, last = (part.translate(HARMLESS) for part in student.names)
            wanted = {
                "first_name": first,
                "last_name": last,
                "email": student.login or None,
                "lms_user_id": student.user,
            }
            present = known.get(student.user)
            if present and (weak or all(getattr(present, key) == value for key, value in wanted.items())):
                continue
            gradebook.update_or_create_student(student.user, **wanted)
