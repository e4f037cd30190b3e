"""Late work: when a submission came, how late that is, what it costs; an nbgrader plugin set in nbgrader_config.py.

c.AssignLatePenalties.plugin_class = "assignment.marking.lateness.LatePenalty"
"""

import math
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from nbgrader.plugins import BasePlugin
from nbgrader.preprocessors import AssignLatePenalties
from nbgrader.utils import parse_utc
from traitlets import Dict, Float, TraitError

from assignment import words
from assignment.course import Course
from assignment.errors import AssignmentError
from assignment.marking.breakdown import Arrival
from assignment.submission.attachments import TIMESTAMP, read_record

DAY = 86_400.0
CLASS = "LatePenalty"


class LatePenalty(BasePlugin):  # type: ignore[misc]
    """Points for each day begun after the deadline; a late mark without a time costs a flat sum. By default nothing."""

    deadline = Dict(help="ISO time with its zone, by assignment; default: nbgrader's due date.").tag(config=True)
    extensions = Dict(help="Days more, by assignment and student.").tag(config=True)
    grace = Float(0.0, min=0, help="Minutes after the deadline that count as in time.").tag(config=True)
    per_day = Float(0.0, min=0, help="Points for each day begun.").tag(config=True)
    most = Float(math.inf, min=0, help="No more points than this.").tag(config=True)
    flat = Float(0.0, min=0, help="Points for a late mark without a time, as archives have it.").tag(config=True)

    def due(self, assignment: str) -> datetime | None:
        """Return the assignment's deadline, None if none is set; AssignmentError if it is no time with a zone."""
        text = self.deadline.get(assignment)
        if text is None:
            return None
        try:
            moment = datetime.fromisoformat(str(text))
        except ValueError:
            moment = None
        if moment is None or moment.tzinfo is None:
            raise AssignmentError(
                f"nbgrader_config.py: c.{CLASS}.deadline: {text!r} is no time with its zone; "
                'write it like "2026-11-08T23:59:59+08:00"'
            )
        return moment

    def extension(self, assignment: str, student: str) -> timedelta:
        """Return by how much a student's deadline is later; AssignmentError if it is no number of days."""
        students = self.extensions.get(assignment, {})
        days = {str(id): days for id, days in students.items()}.get(student, 0) if isinstance(students, dict) else ""
        if isinstance(days, bool) or not isinstance(days, int | float) or not 0 <= days < 10_000:
            raise AssignmentError(
                f"nbgrader_config.py: c.{CLASS}.extensions: not a number of days for {student}; "
                f'write {{"{assignment}": {{"{student}": 2}}}}'
            )
        return timedelta(days=days)

    def days(self, seconds: float) -> int:
        """Return the days that count for so many seconds after the deadline, each begun one; 0 within the grace."""
        return math.ceil(max(0.0, seconds - 60 * float(self.grace)) / DAY)

    def late_submission_penalty(self, student_id: str, score: float, total_seconds_late: float) -> float | None:
        """What nbgrader asks: the points for so many seconds, None for none; never more than the score."""
        return min(self.days(total_seconds_late) * self.per_day, self.most, score) or None


class Lateness:
    """Late work of one assignment, by whatever plugin the course's AssignLatePenalties has."""

    def __init__(self, config: Any, name: str) -> None:
        """config: the course's nbgrader_config.py. AssignmentError if what it says of lateness is wrong."""
        self._name = name
        step = AssignLatePenalties(config=config)
        unknown = sorted(key for key in config.get(CLASS, {}) if key not in LatePenalty.class_trait_names(config=True))
        if unknown:
            raise AssignmentError(
                f"nbgrader_config.py: c.{CLASS}.{unknown[0]}: no such setting; there are "
                + ", ".join(sorted(LatePenalty.class_own_traits(config=True)))
            )
        try:
            step.init_plugin()
        except TraitError as error:
            raise AssignmentError(f"nbgrader_config.py: {error}; put it right") from None
        self._step = step
        self._ours = step.plugin_inst if isinstance(step.plugin_inst, LatePenalty) else LatePenalty()
        self.due = self._ours.due(name)
        for student in self._ours.extensions.get(name, {}):
            self._ours.extension(name, str(student))

    def record(self, submission: Any, moment: datetime | None) -> None:
        """Tell nbgrader's record of a submission when it came, and when it was due where the course says so."""
        submission.timestamp = moment
        extension = self._ours.extension(self._name, submission.student.id)
        if self.due is not None:
            submission.assignment.duedate = self.due.astimezone(UTC).replace(tzinfo=None)
            submission.extension = extension or None
        elif extension and submission.assignment.duedate is not None:
            submission.extension = extension

    def points(self, notebook: Any, marked: bool) -> float:
        """Return what lateness takes off the score in nbgrader's record of a submission; marked: Canvas's late mark."""
        return self._points(notebook.student.id, float(notebook.score), self._seconds(notebook.assignment), marked)

    def cost(self, student: str, score: float, came: datetime | None, marked: bool) -> float:
        """Return what lateness would take off a score that came at a moment (UTC, without zone; None: not known)."""
        if came is None or self.due is None:
            return self._points(student, score, None, marked)
        due = self.due.astimezone(UTC).replace(tzinfo=None) + self._ours.extension(self._name, student)
        return self._points(student, score, (came - due).total_seconds(), marked)

    def _points(self, student: str, score: float, seconds: float | None, marked: bool) -> float:
        if seconds is None:
            flat = 0.0 if self._ours.extension(self._name, student) else self._ours.flat
            return min(flat, self._ours.most, score) if marked else 0.0
        if seconds <= 0:
            return 0.0
        points = self._step.plugin_inst.late_submission_penalty(student, score, seconds)
        return min(max(float(points or 0.0), 0.0), score)

    def arrival(self, submission: Any, marked: bool) -> Arrival:
        """Return when a submission came, by nbgrader's record of it; marked: Canvas's late mark."""
        seconds = self._seconds(submission)
        days = self._ours.days(seconds or 0.0)
        zone = self.due.tzinfo if self.due else UTC
        moment = submission.timestamp and submission.timestamp.replace(tzinfo=UTC).astimezone(zone)
        remarks = []
        if submission.assignment.duedate is not None and (days or submission.extension):
            due = submission.duedate.replace(tzinfo=UTC).astimezone(zone)
            extension = submission.extension / timedelta(days=1) if submission.extension else 0.0
            remarks.append(words.due(f"{due:%Y-%m-%d %H:%M}", extension))
        if days and self._ours.per_day:
            most = self._ours.most if days * self._ours.per_day > self._ours.most else None
            remarks.append(words.days_counted(days, most))
        return Arrival(
            late=marked if seconds is None else days > 0,
            days=seconds / DAY if seconds and days else 0.0,
            submitted_at=f"{moment:%Y-%m-%d %H:%M} {moment.tzname()}" if moment else None,
            words="，".join(remarks),
        )

    @staticmethod
    def _seconds(submission: Any) -> float | None:
        """Return how long after its deadline a submission came, None where it is not known when, or when it was due."""
        known = submission.timestamp is not None and submission.assignment.duedate is not None
        return float(submission.total_seconds_late) if known else None


def lateness(course: Course, name: str) -> Lateness:
    """Return what the course says about late work. AssignmentError names the line that is wrong."""
    config = course.config()
    for setting in ("deadline", "extensions"):
        given = config.get(CLASS, {}).get(setting, {})
        unknown = sorted(set(given) - set(course.assignments())) if isinstance(given, dict) else []
        if unknown:
            raise AssignmentError(f"nbgrader_config.py: c.{CLASS}.{setting}: no assignment {unknown[0]} in source/")
    return Lateness(config, name)


def handed_in(folder: Path) -> datetime | None:
    """Return when the submission in a folder came, in UTC without zone as nbgrader has it; None if nobody knows.

    nbgrader's timestamp.txt says it, else Canvas's record. AssignmentError if what stands there is no time.
    """
    path = folder / TIMESTAMP
    record = read_record(folder)
    known = record.submitted_at if record else None
    text = path.read_text("utf-8", errors="replace").strip() if path.is_file() else known
    try:
        moment: datetime | None = parse_utc(text) if text else None
    except (ValueError, OverflowError):
        raise AssignmentError(
            f"{path}: {(text or '')[:60]!r} is no time; write it like 2026-11-08 15:59:59 UTC, or delete the file"
        ) from None
    return moment


def marked_late(folder: Path) -> bool:
    """Return whether Canvas marked the submission in a folder as late."""
    record = read_record(folder)
    return record is not None and record.late
