"""Write results, penalties and decisions into nbgrader's gradebook; the one way in which this project does it.

`grade` and the preprocessor of `nbgrader autograde` both call this. Scores and comments that a person gave stay for as
long as the hand-in they were given on; on another one they are set aside, to be decided on again.
"""

from __future__ import annotations

import sqlite3
import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from assignment.course import PATIENCE, SQLITE, Course, database_error
from assignment.errors import AssignmentError
from assignment.grading.result import Result
from assignment.homework.master import load_master
from assignment.homework.notebook import NotebookJson
from assignment.marking.breakdown import nets
from assignment.marking.decisions import Decision, examined, load, results_of, waive, withdraw
from assignment.marking.lateness import handed_in, lateness, marked_late
from assignment.marking.results import result_of
from assignment.rules import RULES, Policy
from assignment.text import counted, one_line, points

# Beside nbgrader's tables: which hand-in each submission is of, and what people gave on another one.
TABLES = (
    "CREATE TABLE IF NOT EXISTS assignment_hand_in (assignment TEXT, student TEXT, sha256 TEXT, given_on TEXT, "
    "PRIMARY KEY (assignment, student))",
    "CREATE TABLE IF NOT EXISTS assignment_set_aside (assignment TEXT, student TEXT, cell TEXT, score REAL, "
    "comment TEXT, sha256 TEXT, given_on TEXT, PRIMARY KEY (assignment, student, cell))",
)
WHERE = "WHERE assignment = :assignment AND student = :student"
HANDED_IN = "INSERT OR REPLACE INTO assignment_hand_in VALUES (:assignment, :student, :sha256, :given_on)"
SET_ASIDE = (
    "INSERT OR REPLACE INTO assignment_set_aside VALUES "
    "(:assignment, :student, :cell, :score, :comment, :sha256, :given_on)"
)
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
        zeroes = self._policy.zeroes(
            result.rules, self._decisions.waived(student, self._name, result.made_by.submission)
        )
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
        came = handed_in(self._course.submitted(student, self._name).parent)
        save_grades(self.gradebook, self._name, student, notebook, came)
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


def save_grades(gradebook: Any, name: str, student: str, notebook: NotebookJson, came: datetime | None = None) -> None:
    """Save the automatic scores of an autograded notebook (JSON) for a submission that the gradebook knows.

    What a person gave on another hand-in is set aside; came: when this one was handed in. A verdict without scores
    (unreadable, crashed, memory) leaves them empty, to be looked at by a person. Nothing is committed: the caller does
    that once, so that a submission is in the gradebook as a whole or not at all.
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
    if result is not None and result.made_by.submission:
        _set_aside(gradebook.db, name, student, record, result.made_by.submission, came)
    query = gradebook.db.query  # a record at a time, nbgrader would look up the name of each cell by itself
    for grade, cell in query(Grade, BaseCell.name).join(Grade.cell).filter(Grade.notebook_id == record.id):
        grade.auto_score = determine_grade(from_dict(cells[cell]))[0] if scored else None
        grade.needs_manual_grade = grade.manual_score is not None or not scored
    stubs = dict(query(SourceCell.name, SourceCell.source).filter(SourceCell.notebook_id == record.notebook_id).all())
    for comment, cell in query(Comment, BaseCell.name).join(Comment.cell).filter(Comment.notebook_id == record.id):
        comment.auto_comment = "No response." if cells[cell]["source"] == stubs[cell] else None


@dataclass(frozen=True)
class SetAside:
    """A score or comment that a person gave on another hand-in than the one that is graded now."""

    student: str
    cell: str
    score: float | None
    comment: str | None
    given_on: str
    """Which hand-in, for people: "the submission of 2026-11-03"."""


@dataclass(frozen=True)
class OpenDecision:
    """What a person decided on one hand-in, and has to decide again for another."""

    student: str
    what: str
    given_on: str


def _set_aside(db: Any, name: str, student: str, record: Any, submission: str, came: datetime | None) -> None:
    """Take what a person gave on another hand-in out of the sum, give back what was given on this one. No commit.

    Two small tables in nbgrader's own database, so that both happen in the transaction that saves the scores.
    """
    from sqlalchemy import text

    for statement in TABLES:
        db.execute(text(statement))
    of = {"assignment": name, "student": student}
    known = db.execute(text(f"SELECT sha256, given_on FROM assignment_hand_in {WHERE}"), of).first()
    if known and known.sha256 != submission:
        for cell, (score, comment) in _by_hand(db, record).items():
            row = of | {"cell": cell, "score": score, "comment": comment, "sha256": known.sha256}
            db.execute(text(SET_ASIDE), row | {"given_on": known.given_on})
        _give_back(db, record, dict.fromkeys(_by_hand(db, record), (None, None)))
        again = of | {"sha256": submission}
        rows = db.execute(text(f"SELECT * FROM assignment_set_aside {WHERE} AND sha256 = :sha256"), again).all()
        _give_back(db, record, {row.cell: (row.score, row.comment) for row in rows})
        db.execute(text(f"DELETE FROM assignment_set_aside {WHERE} AND sha256 = :sha256"), again)
    given_on = f"the submission of {came:%Y-%m-%d}" if came else f"the submission graded on {datetime.now():%Y-%m-%d}"
    if not known or known.sha256 != submission:
        db.execute(text(HANDED_IN), of | {"sha256": submission, "given_on": given_on})


def _by_hand(db: Any, record: Any) -> dict[str, tuple[float | None, str | None]]:
    """Return what a person gave in nbgrader's record of a submission: (score, comment) by cell."""
    scores = {grade.name: grade.manual_score for grade in record.grades if grade.manual_score is not None}
    comments = {comment.name: comment.manual_comment for comment in record.comments if comment.manual_comment}
    return {cell: (scores.get(cell), comments.get(cell)) for cell in {**scores, **comments}}


def _give_back(db: Any, record: Any, by_hand: Mapping[str, tuple[float | None, str | None]]) -> None:
    """Write scores and comments by cell into nbgrader's record of a submission; None takes one away."""
    for grade in record.grades:
        if grade.name in by_hand:
            grade.manual_score = by_hand[grade.name][0]
    for comment in record.comments:
        if comment.name in by_hand:
            comment.manual_comment = by_hand[comment.name][1]
    db.flush()


def set_aside(gradebook: Any, name: str) -> list[SetAside]:
    """Return the scores and comments of an assignment that were given on another hand-in, by student and cell."""
    from sqlalchemy import text

    for statement in TABLES:
        gradebook.db.execute(text(statement))
    query = text("SELECT * FROM assignment_set_aside WHERE assignment = :assignment ORDER BY student, cell")
    rows = gradebook.db.execute(query, {"assignment": name}).all()
    return [SetAside(row.student, row.cell, row.score, row.comment, row.given_on) for row in rows]


def open_decisions(course: Course, name: str) -> list[OpenDecision]:
    """Return what was decided on another hand-in than the one that is graded now: it is shown, not applied."""
    waiting = [OpenDecision(student, *_waiver_words(waiver)) for student, waiver in _open_waivers(course, name)]
    with course.gradebook() as gradebook:
        for entry in set_aside(gradebook, name):
            score = [] if entry.score is None else [f"the score {points(entry.score)}"]
            comment = [f"the comment {one_line(entry.comment, 60)!r}"] if entry.comment else []
            what = f"{' and '.join(score + comment)} for {entry.cell.partition('-')[2] or entry.cell}"
            waiting.append(OpenDecision(entry.student, what, entry.given_on))
    return waiting


def _open_waivers(course: Course, name: str) -> Iterator[tuple[str, Decision]]:
    decisions = load(course)
    for student, result in results_of(course, name):
        broken = {finding.rule for finding in result.rules if finding.breach}
        for rule, waiver in decisions.waivers(student, name).items():
            if rule in broken and not waiver.on(result.made_by.submission):
                yield student, waiver


def _waiver_words(waiver: Decision) -> tuple[str, str]:
    return f"the waiver of rule '{waiver.rule}'", f"an earlier submission, on {waiver.when[:10]}"


def refuse_open(course: Course, name: str) -> None:
    """Raise AssignmentError, with a list, while a decision that was given on another hand-in waits."""
    waiting = open_decisions(course, name)
    if waiting:
        students = sorted({decision.student for decision in waiting})
        raise AssignmentError(
            f"{counted(len(waiting), 'decision')} of an earlier hand-in not decided on again; for each student run: "
            f"assignment decide {students[0]} --keep, or --drop",
            "\n".join(f"  {decision.student}: {decision.what}, given on {decision.given_on}" for decision in waiting),
        )


def decide(course: Course, name: str, student: str, keep: bool, who: str) -> list[OpenDecision]:
    """Let what was decided on a student's earlier hand-in count for the one graded now, or drop it; return what it was.

    AssignmentError if nothing waits.
    """
    waiting = [decision for decision in open_decisions(course, name) if decision.student == student]
    if not waiting:
        raise AssignmentError(f"{student}: nothing to decide; `assignment decide` lists what waits")
    result = examined(course, name, student)
    for owner, waiver in _open_waivers(course, name):
        if owner == student and keep:
            waive(course, student, name, waiver.rule, waiver.why, who, submission=result.made_by.submission)
        elif owner == student:
            withdraw(course, waiver, who)
    with Book(course, name) as book:
        from sqlalchemy import text

        record = book.gradebook.find_submission_notebook(name, name, student)
        entries = [entry for entry in set_aside(book.gradebook, name) if entry.student == student]
        if keep:
            _give_back(book.gradebook.db, record, {entry.cell: (entry.score, entry.comment) for entry in entries})
        book.gradebook.db.execute(
            text(f"DELETE FROM assignment_set_aside {WHERE}"), {"assignment": name, "student": student}
        )
        book.penalise(student, result)
    return waiting


def waive_rule(course: Course, name: str, student: str, rule: str, why: str, who: str) -> float | None:
    """Let a student off a rule, now and in every later grading, and return the mark that this gives at once."""
    result = examined(course, name, student)
    if rule in RULES and not any(finding.breach and finding.rule == rule for finding in result.rules):
        raise AssignmentError(f"{student}: no breach of rule {rule!r} was found in {name}; nothing to waive")
    waive(course, student, name, rule, why, who, submission=result.made_by.submission)
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
