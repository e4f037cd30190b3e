"""How a mark came about: automatic marks, a person's changes, penalties, net mark, in one sum that always adds up.

`settle` makes the sum of one submission, `standing_of` reads it out of nbgrader's gradebook, `marks` reads what a whole
class has earned.
"""

import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from assignment.course import Course
from assignment.errors import AssignmentError
from assignment.grading.result import CheckResult, Result
from assignment.homework import cell_id
from assignment.marking import earlier, stale
from assignment.marking.decisions import Decisions
from assignment.marking.ledger import Ledger, nets
from assignment.rules import Policy
from assignment.submission.attachments import Attachment

CENT = 0.005  # scores that differ by less are the same


class ScoreChange(NamedTuple):
    """A score that a person changed."""

    was: float
    now: float


@dataclass(frozen=True)
class Arrival:
    """When a submission came, as feedback shows it."""

    late: bool = False
    days: float = 0.0  # how late, 0 in time or where nobody knows
    submitted_at: str | None = None
    words: str = ""  # for the student: the deadline, what counts


@dataclass(frozen=True)
class Penalty:
    """Points taken off a mark."""

    kind: str  # late or rules
    points: float


@dataclass(frozen=True)
class BreakdownRow:
    """A line of the sum that ends in the net mark."""

    kind: str  # auto, manual, award, floor, late or rules
    name: str  # the check that a person changed or gave an award for, else ""
    points: float
    words: str = ""


@dataclass(frozen=True)
class Breakdown:
    """How one submission's mark came about; feedback page, annotated notebook and class page agree on it."""

    auto: float  # what the examination gave
    manual: Mapping[str, ScoreChange]  # what a person changed, by check
    score: float  # automatic, manual and awarded points, before penalties; never negative
    max: float
    penalty: float
    net: float  # the mark: score without the penalties, never negative
    rows: tuple[BreakdownRow, ...]  # their points add up to the net mark
    late: Arrival = field(default_factory=Arrival)
    comments: Mapping[str, str] = field(default_factory=dict)  # a person's comments, by check
    waived: Mapping[str, str] = field(default_factory=dict)  # the reason of each waiver, by rule
    spared: tuple[str, ...] = ()  # the rules whose breach costs nothing, because it was waived or is only flagged
    marked: bool = True  # whether there is a mark at all: the submission was examined, or has points nevertheless
    awards: Mapping[str, float] = field(default_factory=dict)
    """Points that a person gave beside the examination's, by check."""

    @property
    def zeroed(self) -> bool:
        """Whether a broken rule made the mark 0."""
        return any(row.kind == "rules" for row in self.rows)

    def earned(self, check: CheckResult) -> float:
        """The points of an exercise with all that people gave."""
        change = self.manual.get(check.name)
        return round((change.now if change else finite(check.score)) + self.awards.get(check.name, 0.0), 2)


@dataclass(frozen=True)
class Standing:
    """A student with a graded submission: who it is, what was found, how the mark came about."""

    student: str  # Canvas user id
    name: str  # as it is read: Jane Doe, 王小明
    sortable: str  # as in Canvas's gradebook: Doe, Jane
    login: str
    file: str  # the student's own name of the file
    result: Result
    breakdown: Breakdown
    best: bool = False  # whether the best of several hand-ins counts, not the last
    objection: tuple[str, str] = ("", "")  # until when and where a student may object to the mark, as the course says


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


def finite(value: object) -> float:
    """Return value as a float; anything that is no finite number counts 0."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return 0.0
    return float(value) if math.isfinite(value) else 0.0


def settle(
    result: Result,
    manual: Mapping[str, float] | None = None,
    penalties: Iterable[Penalty] = (),
    late: Arrival | None = None,
    comments: Mapping[str, str] | None = None,
    waived: Mapping[str, str] | None = None,
    spared: Collection[str] = (),
    maximum: float | None = None,
    awards: Mapping[str, tuple[float, str]] | None = None,
) -> Breakdown:
    """Return how the mark of one submission comes about.

    manual: a person's score by check (a cell that no check knows counts as automatic 0); penalties: late ones are taken
    first, never more than is left; maximum: the assignment's points where they are not the result's; awards: points
    more and why, by check.
    """
    scores = {check.name: finite(check.score) for check in result.checks}
    auto = round(sum(scores.values()), 2)
    changes = {
        name: ScoreChange(scores.get(name, 0.0), finite(score))
        for name, score in (manual or {}).items()
        if abs(finite(score) - scores.get(name, 0.0)) >= CENT
    }
    rows = [BreakdownRow("auto", "", auto)]
    rows += [BreakdownRow("manual", name, round(now - was, 2)) for name, (was, now) in changes.items()]
    rows += [BreakdownRow("award", name, more, why) for name, (more, why) in (awards or {}).items() if more >= CENT]
    score = round(sum(row.points for row in rows), 2)
    if score < 0:
        rows.append(BreakdownRow("floor", "", -score))
        score = 0.0
    taken = _taken(score, penalties)
    rows += [BreakdownRow(penalty.kind, "", -penalty.points) for penalty in taken]
    net = round(score - sum(penalty.points for penalty in taken), 2)
    return Breakdown(
        auto=auto,
        manual=changes,
        score=score,
        max=finite(result.max) if maximum is None else finite(maximum),
        penalty=round(score - net, 2),
        net=net,
        rows=tuple(rows),
        late=late or Arrival(),
        comments=dict(comments or {}),
        waived=dict(waived or {}),
        spared=tuple(sorted({*spared, *(waived or {})})),
        marked=result.marked or score > 0,
        awards={name: more for name, (more, _) in (awards or {}).items() if more >= CENT},
    )


def _taken(score: float, penalties: Iterable[Penalty]) -> list[Penalty]:
    """Return what the penalties take off a score: lateness first, never more than is left."""
    taken = []
    for penalty in sorted(penalties, key=lambda penalty: penalty.kind == "rules"):
        if finite(penalty.points) > 0:
            points = round(min(finite(penalty.points), score), 2)
            taken.append(Penalty(penalty.kind, points))
            score = round(score - points, 2)
    return taken


def penalties_of(points: float, result: Result, maximum: float, spared: Collection[str] = ()) -> list[Penalty]:
    """Return the gradebook's one penalty told apart: late, and for a broken rule the whole maximum.

    spared: the rules whose breach costs nothing, because it was waived or is only flagged.
    """
    left = finite(points)
    broken = {finding.rule for finding in result.rules if finding.breach} - set(spared)
    zeroed = bool(broken) and left > 0 and left >= finite(maximum) - CENT
    late = left - finite(maximum) if zeroed else left
    taken = [Penalty("late", round(late, 2))] if late >= CENT else []
    return [*taken, Penalty("rules", finite(maximum))] if zeroed else taken


def standing_of(
    record: Any, result: Result, canvas: Attachment | None, late: Arrival, config: Any, decisions: Decisions
) -> Standing:
    """Return a student's standing by nbgrader's record of a submission, with its manual scores, comments and penalty.

    canvas: what Canvas said of the submission; late: when it came (`Lateness.arrival`); config: the course's;
    decisions: of waivers.toml.
    """
    student = record.student
    first, last = student.first_name or "", student.last_name or ""
    # Canvas's sortable names: "Doe, Jane" reads Jane Doe, while "王, 小明" reads 王小明.
    name = f"{last}{first}" if all(ord(mark) > 0x2E80 for mark in last + first) else f"{first} {last}"
    known = canvas.name if canvas else ""
    return Standing(
        student=str(student.id),
        name=name.strip() or known,
        sortable=shown_name(last, first) or known,
        login=str(student.email or (canvas.login if canvas else "")),
        file=canvas.file if canvas else "",
        result=result,
        breakdown=_breakdown(record, result, late, config, decisions),
        best=config.get("Homework", {}).get("counts", {}).get(record.assignment.name) == "best",
        objection=objection_of(config, record.assignment.name),
    )


def objection_of(config: Any, name: str) -> tuple[str, str]:
    """Until when and where to object, of c.Homework.objections. AssignmentError if it is something else."""
    given = config.get("Homework", {}).get("objections", {}).get(name, {})
    if not isinstance(given, dict) or not {"until", "link"} >= given.keys():
        raise AssignmentError(f'nbgrader_config.py: c.Homework.objections["{name}"]: give "until", "link" or both')
    until, link = (str(given.get(key, "")) for key in ("until", "link"))
    if link and not link.startswith(("https://", "http://", "mailto:")):
        raise AssignmentError(f"nbgrader_config.py: c.Homework.objections: {link!r}: write https://… or mailto:…")
    return until, link


def _breakdown(record: Any, result: Result, late: Arrival, config: Any, decisions: Decisions) -> Breakdown:
    from sqlalchemy.orm import object_session

    assignment = record.assignment.name
    names = {cell_id("check", check.name): check.name for check in result.checks}
    awarded = Ledger(object_session(record), assignment, record.student.id).awarded()
    manual = {
        names.get(grade.name, grade.name): round(grade.score - awarded.get(grade.name, (0.0, ""))[0], 4)
        for grade in record.grades
        # An automatic score of a cell that no check knows (nothing was graded) is no person's doing.
        if grade.manual_score is not None
        or grade.extra_credit
        or (grade.name in names and grade.auto_score is not None)
    }
    solved = {cell_id("solve", name): name for name in names.values()}
    comments = {comment.name: comment.manual_comment for comment in record.comments if comment.manual_comment}
    waived = decisions.waived(record.student.id, assignment, result.made_by.submission)
    zeroes = Policy.from_config(config).zeroes(result.rules, waived)
    spared = {finding.rule for finding in result.rules} - set(zeroes)
    return settle(
        result,
        manual=manual,
        penalties=penalties_of(record.late_submission_penalty or 0.0, result, record.max_score, spared),
        late=late,
        comments={solved.get(name, name): comment for name, comment in comments.items()},
        waived=waived,
        spared=spared,
        maximum=record.max_score,
        awards={names.get(cell, cell): award for cell, award in awarded.items()},
    )


def marks(course: Course, assignment: str) -> tuple[list[Mark], list[LeftOut]]:
    """Return the marks of everybody who handed in, and those left out, both by student.

    AssignmentError if the gradebook does not know the assignment.
    """
    from nbgrader.api import MissingEntry

    earned: dict[str, Mark] = {}
    ungraded: dict[str, str] = {}  # why, "" where nobody knows
    with course.gradebook() as gradebook:
        names = shown_names(gradebook)
        try:
            most = float(gradebook.find_assignment(assignment).max_score)
        except MissingEntry:
            raise AssignmentError(f"gradebook.db: nothing graded of {assignment}; run: assignment grade") from None
        for student, net in nets(gradebook.db, assignment).items():
            if net is not None:
                earned[student] = Mark(student, names.get(student, ""), net, most)
                continue
            ungraded[student], result = "", earlier(course, assignment, student)
            if result and result.verdict != "graded":
                reason = f" ({result.reason})" if result.reason else ""
                by_hand = "grade it by hand in formgrader, or see that it is handed in again"
                ungraded[student] = f"{result.verdict}{reason}: {by_hand}"
    sent, left = [], []
    for student in sorted({*course.students(assignment), *earned, *ungraded}):
        why = ungraded.get(student, "") or stale(course, assignment, student)
        if student in earned and not why:
            sent.append(earned[student])
        else:
            left.append(LeftOut(student, names.get(student, ""), why or "not graded yet; run: assignment grade"))
    return sent, left


def shown_name(last: str | None, first: str | None) -> str:
    """Return a name as in Canvas's gradebook: "Doe, Jane", or what there is of it."""
    return ", ".join(part for part in (last, first) if part)


def shown_names(gradebook: Any) -> dict[str, str]:
    """Return all names in nbgrader's student records by student."""
    return {student.id: shown_name(student.last_name, student.first_name) for student in gradebook.students}
