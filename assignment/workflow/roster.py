"""The class list: Canvas's gradebook export, remembered, and put into nbgrader's student records."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from assignment.canvas.archive import ANONYMOUS, DIGITS
from assignment.canvas.gradebook import RosterEntry, read_gradebook
from assignment.course import CONFIG, Course, replace_file
from assignment.errors import AssignmentError
from assignment.homework.master import load_master
from assignment.marking.breakdown import shown_name
from assignment.marking.decisions import FILE, load
from assignment.text import one_line

ROSTER = "roster.csv"  # in collected/NAME/
COLUMN = "column.txt"  # beside it: the id of the assignment's column in Canvas
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


def refuse_other(path: Path, roster: Mapping[str, RosterEntry], students: Iterable[str], whose: str) -> None:
    """Raise AssignmentError for a roster that names nobody of these students (anonymous ones stand on none)."""
    named = {student for student in students if not student.startswith(ANONYMOUS)}
    if named and roster.keys().isdisjoint(named):
        raise AssignmentError(
            f"{path}: names nobody of those {whose}, so it is another course's or an old one; "
            "export the gradebook of this course in Canvas (Grades > Export)"
        )


def known_column(course: Course, assignment: str) -> str | None:
    """Return the id of the column that the marks went to last time, None the first time."""
    path = course.collected(assignment) / COLUMN
    text = path.read_text("utf-8", errors="replace").strip() if path.is_file() else ""
    return text if re.fullmatch(DIGITS, text) else None


def remember_column(course: Course, assignment: str, id: str) -> None:
    """Keep the id of the column that the marks go to."""
    replace_file(course.collected(assignment) / COLUMN, f"{id}\n")


def title_of(course: Course, assignment: str) -> str:
    """Return the homework's title: the first top heading of its master."""
    for cell in load_master(course.source(assignment)).cells:
        if cell.kind == "prose" and (heading := re.search(r"^#[ \t]+(\S.*)$", cell.source, re.MULTILINE)):
            return heading[1].strip()
    return assignment


def strangers(course: Course, assignment: str) -> list[str]:
    """Return a line for each decision about somebody who handed in nothing, and each extension of somebody unknown."""
    students, roster = set(course.students(assignment)), read_roster(course, assignment, None)
    lines = [
        f"{FILE}: decision {number} is about {one_line(decision.student, 40)}, of whom nothing is in submitted/; "
        "check the id, or delete it"
        for number, decision in load(course).of(assignment).items()
        if decision.student not in students
    ]
    extensions = course.config().get("LatePenalty", {}).get("extensions", {}).get(assignment, {})
    unknown = sorted({str(student) for student in extensions} - students - roster.keys()) if roster else []
    return lines + [
        f"{CONFIG}: c.LatePenalty.extensions: {one_line(student, 40)} is neither on the roster nor in submitted/; "
        "check the id"
        for student in unknown
    ]


def dropped(course: Course, assignment: str) -> list[str]:
    """Return who handed in and is not on the roster (any more); nobody where there is no roster."""
    roster = read_roster(course, assignment, None)
    handed_in = course.students(assignment) if roster else []
    return [student for student in handed_in if student not in roster and not student.startswith(ANONYMOUS)]


def identified(course: Course, assignment: str, named: Iterable[str]) -> list[str]:
    """Return Canvas user ids for ids and names: a name, or words of one, that only one student has.

    What is no name of anybody stays as it is; AssignmentError lists the students where several fit.
    """
    ids, given = set(course.students(assignment)), list(named)
    if ids.issuperset(given):
        return given
    names = {user: student.name for user, student in read_roster(course, assignment, None).items()}
    with course.gradebook() as gradebook:
        names |= {s.id: shown_name(s.last_name, s.first_name) or s.id for s in gradebook.students}
    found = []
    for text in given:
        fitting = [] if text in ids | names.keys() else [user for user, name in names.items() if _fits(text, name)]
        exact = [user for user in fitting if _joined(text) == _joined(names[user])]
        fitting = exact or fitting
        if len(fitting) > 1:
            listed = "; ".join(f"{one_line(names[user], 60)} ({user})" for user in fitting[:8])
            raise AssignmentError(f"{text}: several students have that name; type the id: {listed}")
        found += fitting or [text]
    return found


def _fits(text: str, name: str) -> bool:
    """Whether all words of a text are words of a name, in any order; Chinese names are one word."""
    typed = set(_name_words(text))
    return bool(typed) and (typed <= set(_name_words(name)) or _joined(text) == _joined(name))


def _joined(name: str) -> str:
    return "".join(_name_words(name))


def _name_words(name: str) -> list[str]:
    return name.casefold().replace(",", " ").split()


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
