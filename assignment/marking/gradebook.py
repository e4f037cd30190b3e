"""Write results, penalties and decisions into nbgrader's gradebook; the one way in which this project does it.

`grade` and the preprocessor of `nbgrader autograde` both call this. Scores and comments that a person gave stay for as
long as the hand-in they were given on; on another one they are set aside, to be decided on again.
"""

from __future__ import annotations

import sqlite3
import time
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from assignment.course import PATIENCE, SQLITE, Course, database_error
from assignment.errors import AssignmentError
from assignment.grading.result import Result
from assignment.homework import cell_id, load_master
from assignment.homework.notebook import NotebookJson
from assignment.marking import result_of
from assignment.marking.breakdown import CENT
from assignment.marking.decisions import Decision, again, decide_on, examined, load, results_of, withdraw
from assignment.marking.lateness import handed_in, lateness, marked_late
from assignment.marking.ledger import Ledger, MarkChange, nets, set_aside
from assignment.rules import RULES, Policy
from assignment.text import counted, one_line, points

BY_HAND = "by hand"  # in formgrader: nobody tells this program, so it is noted when it is next seen
KEPT = 20  # backups of the gradebook


class Adjustments:
    """What becomes of scores by what nbgrader_config.py and waivers.toml say now: awards, lateness, broken rules."""

    def __init__(self, course: Course, name: str) -> None:
        """AssignmentError names what is wrong in either file."""
        self._course = course
        self._name = name
        self._lateness = lateness(course, name)
        self._policy = Policy.from_config(course.config())
        self._decisions = load(course)

    def set(self, gradebook: Any, student: str, result: Result) -> None:
        """Set a student's awards and penalty: for lateness at most the score, for a broken rule the maximum more.

        So a zero stays one whatever points a person gives later, and the two can be told apart. Nothing is committed.
        """
        folder = self._course.submitted(student, self._name).parent
        record = gradebook.find_submission_notebook(self._name, self._name, student)
        ledger, submission = Ledger(gradebook.db, self._name, student), result.made_by.submission
        awards = self._decisions.awards(student, self._name, submission)
        undone = self._decisions.undone(student, self._name, submission)
        by_cell = [{cell_id("check", of): decision for of, decision in some.items()} for some in (awards, undone)]
        ledger.award(record, *by_cell)
        self._lateness.record(record.assignment, handed_in(folder))
        gradebook.db.flush()  # the score that is read next counts what was just saved
        late = self._lateness.points(record, marked_late(folder))
        waived = self._decisions.waived(student, self._name, submission)
        zeroes = self._policy.zeroes(result.rules, waived)
        was, penalty = record.late_submission_penalty or 0.0, late + (record.max_score if zeroes else 0.0)
        if was == penalty:
            return
        record.late_submission_penalty = penalty or None
        if bool(zeroes) == (was >= record.max_score):
            ledger.note("lateness", f"{points(late)} off" if late else "")
        else:
            waivers = [w for rule, w in self._decisions.waivers(student, self._name).items() if rule in waived]
            why = [f"{rule} broken" for rule in zeroes] or [f"{w.rule} waived: {w.why}" for w in waivers]
            deciders = {w.who: 0 for w in waivers} if not zeroes else {undone[r].who: 0 for r in zeroes if r in undone}
            ledger.note("rules", "; ".join(why), ", ".join(deciders))


class Book:
    """nbgrader's gradebook, open for one assignment; a context manager."""

    def __init__(self, course: Course, name: str, fresh: bool = False) -> None:
        self._course = course
        self._name = name
        self._fresh = fresh
        self._adjustments = Adjustments(course, name)
        self._open = ExitStack()

    def __enter__(self) -> Book:
        self.gradebook = self._open.enter_context(self._course.gradebook(self._fresh))
        register(self._course, self._name, self.gradebook)
        return self

    def __exit__(self, *raised: Any) -> None:
        self._open.__exit__(*raised)

    def marks(self) -> dict[str, float | None]:
        """The net mark, everything counted, of every student who has a submission; None where there is no mark."""
        return nets(self.gradebook.db, self._name)

    def unlike(self, results: Mapping[str, Result]) -> list[str]:
        """Return who has other automatic scores here than these results say, or none: the gradebook was replaced."""
        from nbgrader.api import BaseCell, Grade, SubmittedAssignment, SubmittedNotebook

        query = self.gradebook.db.query(SubmittedAssignment.student_id, BaseCell.name, Grade.auto_score)
        query = query.join(SubmittedAssignment.notebooks).join(SubmittedNotebook.grades).join(Grade.cell)
        here: dict[str, dict[str, float | None]] = {student: {} for student in self.marks()}
        for student, cell, score in query.filter(SubmittedAssignment.assignment.has(name=self._name)):
            here.setdefault(student, {})[cell] = score

        def other(scores: Mapping[str, float | None], result: Result) -> bool:
            if not result.marked:
                return any(score is not None for score in scores.values())
            known = [(scores.get(cell_id("check", check.name)), check.score) for check in result.checks if check.max]
            return any(score is None or abs(score - right) >= CENT for score, right in known)

        return sorted(who for who, result in results.items() if who not in here or other(here[who], result))

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
        """Set anew what awards add, what lateness and the breaches in a result cost, and commit."""
        self.ledger(student).note(BY_HAND)
        self._adjustments.set(self.gradebook, student, result)
        self.gradebook.db.commit()

    def ledger(self, student: str) -> Ledger:
        """What is kept beside nbgrader's records of a student's submission."""
        return Ledger(self.gradebook.db, self._name, student)


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
        if record.submissions and (other := sorted(sources ^ code)):
            raise AssignmentError(
                f"source/{name}.py: nbgrader keeps the set of cells once submissions are graded, and there were added, "
                f"removed or renamed: {', '.join(other[:8])}; correct cells in place (for another set begin a course: "
                "assignment new)"
            )
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
    ledger = Ledger(gradebook.db, name, student)
    ledger.note(BY_HAND)
    submission, before = result.made_by.submission if result else "", ledger.hand_in()
    if submission:
        moment = f"the submission of {came:%Y-%m-%d}" if came else ""
        ledger.change_hand_in(record, submission, moment or f"the submission graded on {datetime.now():%Y-%m-%d}")
    query = gradebook.db.query  # a record at a time, nbgrader would look up the name of each cell by itself
    for grade, cell in query(Grade, BaseCell.name).join(Grade.cell).filter(Grade.notebook_id == record.id):
        grade.auto_score = determine_grade(from_dict(cells[cell]))[0] if scored else None
        grade.needs_manual_grade = grade.manual_score is not None or not scored
    stubs = dict(query(SourceCell.name, SourceCell.source).filter(SourceCell.notebook_id == record.notebook_id).all())
    for comment, cell in query(Comment, BaseCell.name).join(Comment.cell).filter(Comment.notebook_id == record.id):
        comment.auto_comment = "No response." if cells[cell]["source"] == stubs[cell] else None
    ledger.cap(record)
    cause = "graded" if not before else "graded again" if before == submission else "graded, another hand-in"
    made_by = f"submission {submission[:12]}, master {result.made_by.master[:12]}" if result else ""
    ledger.note(cause, made_by)


@dataclass(frozen=True)
class OpenDecision:
    """What a person decided on one hand-in, and has to decide again for another."""

    student: str
    what: str
    given_on: str


def open_decisions(course: Course, name: str) -> list[OpenDecision]:
    """Return what was decided on another hand-in than the one that is graded now: it is shown, not applied."""
    waiting = []
    for student, decision in _on_other(course, name):
        award = f"the award of {counted(decision.points, 'point')} for {decision.exercise}"
        what = award if decision.exercise else f"the waiver of rule '{decision.rule}'"
        waiting.append(OpenDecision(student, what, f"an earlier submission, on {decision.when[:10]}"))
    with course.gradebook() as gradebook:
        for student, cell, by_hand, given_on in set_aside(gradebook.db, name):
            given = [f"the score {points(by_hand.score)}"] if by_hand.score is not None else []
            given += [f"the extra credit {points(by_hand.extra)}"] if by_hand.extra else []
            given += [f"the comment {one_line(by_hand.comment, 60)!r}"] if by_hand.comment else []
            what = f"{' and '.join(given)} for {cell.partition('-')[2] or cell}"
            waiting.append(OpenDecision(student, what, given_on))
    return waiting


def _on_other(course: Course, name: str) -> Iterator[tuple[str, Decision]]:
    """Yield the waivers of rules that are broken now, and the awards, that were given on another hand-in."""
    decisions = load(course)
    for student, result in results_of(course, name):
        broken = {finding.rule for finding in result.rules if finding.breach}
        for decision in decisions.on_other(student, name, result.made_by.submission):
            if decision.exercise or decision.rule in broken:
                yield student, decision


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


def decide(course: Course, name: str, student: str, decided: str | None, who: str) -> list[OpenDecision]:
    """Let what was decided on a student's earlier hand-in count for the one graded now, or not; return what it was.

    decided: kept or dropped; None undoes that, and it waits again. AssignmentError if nothing waits.
    """
    waiting = [decision for decision in open_decisions(course, name) if decision.student == student]
    if decided and not waiting:
        raise AssignmentError(f"{student}: nothing to decide; `assignment decide` lists what waits")
    result = examined(course, name, student)
    submission = result.made_by.submission
    for _, decision in [pair for pair in _on_other(course, name) if decided and pair[0] == student]:
        if decided == "kept":
            again(course, decision, who, submission)
        else:
            withdraw(course, decision, who)
    entries = [entry for entry in load(course).of(name).values() if entry.student == student and not decided]
    for rule, exercise in {(entry.rule, entry.exercise): 0 for entry in entries}:
        *_, before, last = [None, *load(course).history(student, name, rule, exercise)]
        waited = before and before.decision in ("waived", "awarded") and not before.on(submission)
        if before and waited and last.decision in (before.decision, "withdrawn"):
            again(course, before, who, before.submission)
    with Book(course, name) as book:
        ledger = book.ledger(student)
        ledger.note(BY_HAND)
        ledger.decide(book.gradebook.find_submission_notebook(name, name, student), decided)
        ledger.note("decide", decided or "undone", who)
        book.penalise(student, result)
    return waiting if decided else [anew for anew in open_decisions(course, name) if anew.student == student]


def waive_rule(course: Course, name: str, student: str, rule: str, why: str, who: str) -> float | None:
    """Let a student off a rule, now and in every later grading, and return the mark that this gives at once."""
    result = examined(course, name, student)
    if rule in RULES and not any(finding.breach and finding.rule == rule for finding in result.rules):
        raise AssignmentError(f"{student}: no breach of rule {rule!r} was found in {name}; nothing to waive")
    decide_on(course, Decision(student, name, rule, "waived", why, who, submission=result.made_by.submission))
    return mark_now(course, name, [student])[student]


def mark_now(course: Course, name: str, students: Iterable[str]) -> dict[str, float | None]:
    """Apply what was decided for these students; return their marks."""
    with Book(course, name) as book:
        for student in students:
            book.penalise(student, examined(course, name, student))
        marks = book.marks()
        return {student: marks.get(student) for student in students}


def award_points(
    course: Course, name: str, students: Sequence[str], exercise: str, more: float, why: str, who: str
) -> dict[str, float | None]:
    """Give students points for an exercise beside the examination's; return the marks of those who got any.

    No exercise gets more than it is worth: who has all its points is left as they are. A second award replaces the
    first. AssignmentError if there is no such exercise, or one of the students has no mark; then nothing is written.
    """
    worth = exercise_points(course, name, exercise)
    if not 0 < more <= worth:
        raise AssignmentError(f"{points(more)}: {exercise} is worth {counted(worth, 'point')}; award some of them")
    results = {student: examined(course, name, student) for student in students}
    for student, result in results.items():
        if not result.marked:
            raise AssignmentError(f"{student}: has no mark that points could be added to; grade it in formgrader")
    lack = _lacking(course, name, exercise)
    given = {student: result.made_by.submission for student, result in results.items() if student in lack}
    award = Decision("", name, "", "awarded", why, who, exercise=exercise, points=more)
    for student, submission in given.items():
        decide_on(course, replace(award, student=student, submission=submission))
    return mark_now(course, name, given)


def _lacking(course: Course, name: str, exercise: str) -> set[str]:
    """Who has not all points of an exercise, or has some of them by an award."""
    from nbgrader.api import BaseCell, Grade, SubmittedAssignment, SubmittedNotebook

    with Book(course, name) as book:
        query = book.gradebook.db.query(SubmittedAssignment.student_id, Grade)
        query = query.join(SubmittedAssignment.notebooks).join(SubmittedNotebook.grades).join(Grade.cell)
        mine = SubmittedAssignment.assignment.has(name=name), BaseCell.name == cell_id("check", exercise)
        lack = {student for student, grade in query.filter(*mine) if grade.score < grade.max_score - CENT}
    return lack | set(awardable(course, name, exercise))


def awardable(course: Course, name: str, exercise: str = "") -> list[str]:
    """Return everybody who has a mark; with an exercise those who have an award for it."""
    decisions = load(course)
    marked = [student for student, result in results_of(course, name) if result.marked]
    return [student for student in marked if not exercise or exercise in decisions.awards(student, name)]


def exercise_points(course: Course, name: str, exercise: str) -> float:
    """What an exercise is worth; AssignmentError lists the exercises if there is none of that name."""
    worth = {cell.name: cell.points or 0.0 for cell in load_master(course.source(name)).checks}
    if exercise not in worth:
        raise AssignmentError(f"{exercise}: no exercise of {name}; there are {', '.join(worth)}")
    return worth[exercise]


def history(course: Course, name: str, student: str) -> list[MarkChange]:
    """Return every change of a student's mark; what was changed in formgrader since is noted first."""
    with Book(course, name) as book:
        book.penalise(student, examined(course, name, student))
        return book.ledger(student).history()


def refresh_penalties(course: Course, name: str) -> None:
    """Set everybody's penalty anew: settings, waivers.toml and marks that people gave may have changed since."""
    results = dict(results_of(course, name))
    if not results:
        return
    with Book(course, name) as book:
        known = book.marks()
        results = {student: result for student, result in results.items() if student in known}
        if other := book.unlike(results):
            raise AssignmentError(
                f"gradebook.db: {counted(len(other), 'mark')} of an earlier grading ({', '.join(other[:8])}), as if an "
                "older copy had been put in its place; run: assignment grade"
            )
        for student, result in results.items():
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
