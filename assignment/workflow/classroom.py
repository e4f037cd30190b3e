"""Every student's standing: what was examined, what people changed since, what Canvas said; for pages and exports."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from assignment.course import Course, replace_file
from assignment.errors import AssignmentError
from assignment.homework.notebook import dumps
from assignment.marking.lateness import canvas_of
from assignment.marking.roster import read_roster
from assignment.marking.waivers import load
from assignment.plugins.feedback import result_of, standing_of, who_of
from assignment.report.annotate import annotate
from assignment.report.class_page import report, report_csv, report_json
from assignment.report.feedback_view import title
from assignment.report.feedback_words import comment_words
from assignment.report.student_page import page

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Graded:
    """One graded submission, as the student's page and the class page take it."""

    student: str
    who: dict[str, Any]
    notebook: dict[str, Any]  # the autograded one
    result: dict[str, Any]
    standing: dict[str, Any]
    canvas: dict[str, Any]


def graded(course: Course, name: str, only: str = "") -> Iterator[Graded]:
    """Yield everybody (or `only` one) who has an autograded notebook and a record in the gradebook, by student id."""
    config, decisions = course.config(), load(course)
    with course.gradebook() as gradebook:
        records = {s.student.id: s for s in gradebook.assignment_submissions(name)}
        for student in sorted(records) if not only else records.keys() & {only}:
            path = course.autograded(student, name)
            if not path.exists():
                continue
            notebook = json.loads(path.read_text(encoding="utf-8"))
            record = next(n for n in records[student].notebooks if n.name == name)
            canvas, result = canvas_of(course.submitted(student, name).parent), result_of(notebook)
            standing = standing_of(record, result, canvas, config, decisions)
            yield Graded(student, who_of(record, canvas), notebook, result, standing, canvas)


def write_feedback(course: Course, name: str, progress: Progress | None = None) -> list[Path]:
    """Write every student's page to feedback/ and return the paths."""
    paths = []
    everybody = list(graded(course, name))
    for count, one in enumerate(everybody, 1):
        path = course.feedback(one.student, name)
        replace_file(path, page(one.result, one.notebook, one.who, one.standing))
        paths.append(path)
        if progress:
            progress(count, len(everybody))
    return paths


def write_report(course: Course, name: str) -> dict[str, Path]:
    """Write the class page, and the same as JSON and CSV, to exported/NAME/ and return the paths by kind."""
    folder = course.exported(name)
    everybody = list(graded(course, name))
    rows = [_row(course, name, one) for one in everybody]
    heading = title(everybody[0].notebook) if everybody else name
    handed_in = {row["student"] for row in rows}
    missing = [
        {"student": user, "name": student.name}
        for user, student in read_roster(course, name, None).items()
        if user not in handed_in and not student.test
    ]
    about = {"assignment": name, "title": heading, "missing": missing, "made_at": f"{datetime.now():%Y-%m-%d %H:%M}"}
    made = {}
    for kind, make in (("html", report), ("json", report_json), ("csv", report_csv)):
        made[kind] = folder / f"report.{kind}"
        replace_file(made[kind], make(rows, about))
    return made


def annotated(course: Course, name: str, student: str) -> bytes:
    """Return the notebook that goes back to one student. Raises AssignmentError if there is none."""
    for one in graded(course, name, only=student):
        return dumps(annotate(one.notebook, one.result, one.standing)).encode()
    raise AssignmentError(f"{student}: not graded yet; run: assignment grade {student}")


def comment_for(course: Course, name: str) -> Callable[[Course, str, str], str]:
    """Return what says in one comment how a student's mark came about; the page that goes with it says the rest."""
    words = {one.student: comment_words(one.result, one.standing) for one in graded(course, name)}
    return lambda _course, _name, student: words[student]


def _row(course: Course, name: str, one: Graded) -> dict[str, Any]:
    path = Path(os.path.relpath(course.autograded(one.student, name), course.exported(name)))
    return {
        "student": one.student,
        "name": one.who["sortable"],
        "login": one.who["login"],
        "result": one.result,
        "standing": one.standing,
        "late": one.standing["late"]["late"],
        "notebook": path.as_posix(),
    }
