"""A small course and the files of its class, as the tests of everything Canvas need them."""

import functools
import hashlib
import json
import tempfile
import warnings
import zipfile
from pathlib import Path

from sqlalchemy.exc import SAWarning

from assignment.course import Course

EXERCISES = ["step_forward", "Model.loss"]
OTHER = json.dumps({"cells": [{"source": ["print(1)"]}]}).encode()  # a notebook, but not the homework


def notebook(text: str = "") -> bytes:
    """Return a notebook that is the homework (it defines its exercises)."""
    return json.dumps({"cells": [{"source": ["def step_forward(x):\n", "class Model:\n", text]}]}).encode()


@functools.cache
def _empty_gradebook() -> bytes:
    """Make an empty gradebook once: nbgrader starts a program of its own for each new one."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "nbgrader_config.py").write_text("c = get_config()\n")
        with Course(Path(folder)).gradebook():
            pass
        return (Path(folder) / "gradebook.db").read_bytes()


def make_course(root: Path) -> Course:
    """Return a new course whose homework `hw` has two exercises, built but without cells to run."""
    cells = [
        {"cell_type": "code", "source": "", "metadata": {"assignment": {"kind": "solve", "name": name}}}
        for name in EXERCISES
    ]
    (root / "source" / "hw").mkdir(parents=True)
    built = {"metadata": {"assignment": {"name": "hw"}}, "cells": cells}
    (root / "source" / "hw" / "hw.ipynb").write_text(json.dumps(built))
    (root / "nbgrader_config.py").write_text("c = get_config()\n")
    (root / "gradebook.db").write_bytes(_empty_gradebook())
    return Course(root)


def pack(path: Path, entries: dict[str, bytes]) -> Path:
    """Write an archive as Canvas does: flat, deflated."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in entries.items():
            file.writestr(name, data)
    return path


def grade_class(
    course: Course, given: dict[str, tuple[float | None, float | None, float]], assignment: str = "hw"
) -> None:
    """Put marks into the gradebook: student -> (automatic, manual, penalty); two cells of 60 and 40 points.

    The automatic and the manual score are those of the 60-point cell; the other has its 40 unless the automatic one is
    None: then nothing was scored.
    """
    with course.gradebook() as gradebook, warnings.catch_warnings():
        warnings.simplefilter("ignore", SAWarning)  # of nbgrader's own way with its tables
        gradebook.update_or_create_assignment(assignment, course_id="")
        gradebook.update_or_create_notebook(assignment, assignment)
        for cell, most in (("check-a", 60), ("check-b", 40)):
            gradebook.update_or_create_grade_cell(cell, assignment, assignment, max_score=most, cell_type="code")
        for student, (auto, manual, penalty) in given.items():
            gradebook.update_or_create_student(student)
            gradebook.update_or_create_submission(assignment, student)
            notebook = gradebook.find_submission_notebook(assignment, assignment, student)
            notebook.late_submission_penalty = penalty
            for grade in notebook.grades:
                grade.auto_score = None if auto is None else auto if grade.name == "check-a" else 40.0
                grade.manual_score = manual if grade.name == "check-a" else None
        gradebook.db.commit()


def hand_in(course: Course, students: dict[str, str], assignment: str = "hw") -> None:
    """Put a notebook with its canvas.json into submitted/ for each user id -> name."""
    for number, (user, name) in enumerate(students.items()):
        path = course.submitted(user, assignment)
        path.parent.mkdir(parents=True)
        path.write_bytes(notebook(user))
        record = {"name": name, "user": user, "attachment": str(88000 + number), "file": "hw2.ipynb"}
        path.with_name("canvas.json").write_text(json.dumps(record), encoding="utf-8")


def autograde(course: Course, student: str, verdict: str = "graded", reason: str = "", assignment: str = "hw") -> None:
    """Put an autograded notebook of what lies in submitted/ where `grade` puts it."""
    digest = hashlib.sha256(course.submitted(student, assignment).read_bytes()).hexdigest()
    result = {"verdict": verdict, "max": 100.0, "reason": reason, "made_by": {"submission": digest}}
    path = course.autograded(student, assignment)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"metadata": {"assignment": {"result": result}}, "cells": []}))
