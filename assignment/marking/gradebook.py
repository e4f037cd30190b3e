"""Write results, penalties and decisions into nbgrader's gradebook; the one way in which this project does it.

`grade` and the preprocessor of `nbgrader autograde` both call this. Scores that a person gave are never touched.
"""

from __future__ import annotations

import sqlite3
import time
import warnings
from contextlib import ExitStack, closing
from datetime import datetime
from pathlib import Path
from typing import Any

from assignment.course import PATIENCE, SQLITE, Course, database_error
from assignment.errors import AssignmentError
from assignment.grading.result import Result
from assignment.homework.master import load_master
from assignment.homework.notebook import NotebookJson
from assignment.marking.breakdown import nets
from assignment.marking.decisions import examined, load, results_of, waive
from assignment.marking.lateness import handed_in, lateness, marked_late
from assignment.marking.results import result_of
from assignment.rules import RULES, Policy

KEPT = 20  # backups of the gradebook


class Penalties:
    """The penalties of one assignment by what nbgrader_config.py and waivers.toml say now."""

    def __init__(self, course: Course, name: str) -> None:
        """AssignmentError names what is wrong in either file."""
        self._course = course
        self._name = name
        self._lateness = lateness(course, name)
        self._policy = Policy.from_config(course.config())
        self._decisions = load(course)

    def set(self, gradebook: Any, student: str, result: Result) -> None:
        """Set a student's penalty: for lateness, no more than the score; for a broken rule, the whole maximum more.

        So a zero stays one whatever points a person gives later, and the two can be told apart. Nothing is committed.
        """
        folder = self._course.submitted(student, self._name).parent
        record = gradebook.find_submission_notebook(self._name, self._name, student)
        self._lateness.record(record.assignment, handed_in(folder))
        gradebook.db.flush()  # the score that is read next counts what was just saved
        late = self._lateness.points(record, marked_late(folder))
        zeroes = self._policy.zeroes(result.rules, self._decisions.waived(student, self._name))
        record.late_submission_penalty = (late + (record.max_score if zeroes else 0.0)) or None


class Book:
    """nbgrader's gradebook, open for one assignment; a context manager."""

    def __init__(self, course: Course, name: str, fresh: bool = False) -> None:
        self._course = course
        self._name = name
        self._fresh = fresh
        self._penalties = Penalties(course, name)
        self._open = ExitStack()

    def __enter__(self) -> Book:
        self.gradebook = self._open.enter_context(self._course.gradebook(self._fresh))
        register(self._course, self._name, self.gradebook)
        return self

    def __exit__(self, *_: Any) -> None:
        self._open.close()

    def marks(self) -> dict[str, float | None]:
        """The net mark, everything counted, of every student who has a submission; None where there is no mark."""
        return nets(self.gradebook, self._name)

    def save(self, student: str, notebook: NotebookJson, result: Result) -> None:
        """Save one student's result as a whole, with the time of the submission and the penalty.

        notebook: the autograded one, as JSON.
        """
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Object of type .* not in session")  # nbgrader builds its records so
            self.gradebook.update_or_create_student(student)
            self.gradebook.update_or_create_submission(self._name, student)
        save_grades(self.gradebook, self._name, student, notebook)
        self.penalise(student, result)

    def penalise(self, student: str, result: Result) -> None:
        """Set anew what lateness and the breaches in a result cost, and commit."""
        self._penalties.set(self.gradebook, student, result)
        self.gradebook.db.commit()


def register(course: Course, name: str, gradebook: Any) -> None:
    """Make the assignment's cells known to the gradebook as `nbgrader generate_assignment` does, if they are not.

    A fresh clone has a release but no gradebook; the files of the course are left as they are.
    """
    import nbformat
    from nbgrader.api import MissingEntry
    from nbgrader.preprocessors import ClearSolutions, ComputeChecksums, LockCells, SaveCells

    master = load_master(course.source(name))
    try:
        record = gradebook.find_notebook(name, name)
    except MissingEntry:
        pass
    else:
        code = {cell.id for cell in master.cells if cell.kind != "prose"}
        points = {cell.name: cell.max_score for cell in record.grade_cells}
        sources = {cell.name for cell in record.source_cells}  # saved last: whoever was killed meanwhile lacks some
        if points == {cell.id: cell.points for cell in master.checks} and sources == code:
            return
    gradebook.update_or_create_assignment(name)
    notebook = nbformat.read(course.source(name), as_version=4)
    about = {"nbgrader": {"notebook": name, "assignment": name, "db_url": course.gradebook_url()}}
    for step in (LockCells, ClearSolutions, ComputeChecksums, SaveCells):
        notebook, _ = step(config=course.config()).preprocess(notebook, about)
    gradebook.db.expire_all()


def save_grades(gradebook: Any, name: str, student: str, notebook: NotebookJson) -> None:
    """Save the automatic scores of an autograded notebook (JSON) for a submission that the gradebook knows.

    A verdict without scores (unreadable, crashed, memory) leaves them empty, to be looked at by a person. Nothing is
    committed: the caller does that once, so that a submission is in the gradebook as a whole or not at all.
    """
    from nbformat import from_dict
    from nbgrader.api import BaseCell, Comment, Grade, SourceCell
    from nbgrader.utils import determine_grade

    cells = {
        cell["metadata"]["nbgrader"]["grade_id"]: cell for cell in notebook["cells"] if "nbgrader" in cell["metadata"]
    }
    result = result_of(notebook)
    scored = result is not None and result.marked
    record = gradebook.find_submission_notebook(name, name, student)
    query = gradebook.db.query  # a record at a time, nbgrader would look up the name of each cell by itself
    for grade, cell in query(Grade, BaseCell.name).join(Grade.cell).filter(Grade.notebook_id == record.id):
        grade.auto_score = determine_grade(from_dict(cells[cell]))[0] if scored else None
        grade.needs_manual_grade = grade.manual_score is not None or not scored
    stubs = dict(query(SourceCell.name, SourceCell.source).filter(SourceCell.notebook_id == record.notebook_id).all())
    for comment, cell in query(Comment, BaseCell.name).join(Comment.cell).filter(Comment.notebook_id == record.id):
        comment.auto_comment = "No response." if cells[cell]["source"] == stubs[cell] else None


def waive_rule(course: Course, name: str, student: str, rule: str, why: str, who: str) -> float | None:
    """Let a student off a rule, now and in every later grading, and return the mark that this gives at once."""
    result = examined(course, name, student)
    if rule in RULES and not any(finding.breach and finding.rule == rule for finding in result.rules):
        raise AssignmentError(f"{student}: no breach of rule {rule!r} was found in {name}; nothing to waive")
    waive(course, student, name, rule, why, who)
    with Book(course, name) as book:
        book.penalise(student, result)
        return book.marks().get(student)


def refresh_penalties(course: Course, name: str) -> None:
    """Set everybody's penalty anew: settings, waivers.toml and marks that people gave may have changed since."""
    results = list(results_of(course, name))
    if not results:
        return
    with Book(course, name) as book:
        known = book.marks()
        for student, result in results:
            if student in known:
                book.penalise(student, result)


def backup(course: Course) -> Path | None:
    """Copy the gradebook as it stands, also while others have it open; the newest KEPT copies stay."""
    gradebook, folder = Path(course.gradebook_url().removeprefix(SQLITE)), course.backups()
    if not gradebook.is_file():
        return None
    folder.mkdir(exist_ok=True)
    copy = folder / f"gradebook-{datetime.now():%Y%m%d-%H%M%S-%f}.db"
    deadline = time.monotonic() + PATIENCE

    def give_up(*_: int) -> None:
        if time.monotonic() > deadline:
            raise sqlite3.OperationalError("database is locked")

    try:
        with closing(sqlite3.connect(gradebook)) as source, closing(sqlite3.connect(copy)) as target:
            source.backup(target, progress=give_up)
    except sqlite3.Error as error:
        copy.unlink(missing_ok=True)  # a damaged gradebook must not push good copies out
        raise database_error(gradebook, error) from None
    for old in sorted(folder.glob("gradebook-*.db"))[:-KEPT]:
        old.unlink()
    return copy
