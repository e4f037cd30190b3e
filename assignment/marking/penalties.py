"""What lateness and broken rules take off a mark; the one place where nbgrader's penalty column is set."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from assignment.course import Course
from assignment.marking.lateness import handed_in, lateness, marked_late
from assignment.marking.waivers import load
from assignment.plugins.settings import policy


class Penalties:
    """The penalties of one assignment by what nbgrader_config.py and waivers.toml say now."""

    def __init__(self, course: Course, name: str) -> None:
        """AssignmentError names what is wrong in either file."""
        self._course = course
        self._name = name
        self._lateness = lateness(course, name)
        self._policy = policy(course)
        self._decisions = load(course)

    def set(self, gradebook: Any, student: str, result: Mapping[str, Any]) -> None:
        """Set a student's penalty: for lateness, no more than the score; for a broken rule, the whole maximum more.

        So a zero stays one whatever points a person gives later, and the two can be told apart. Nothing is committed.
        """
        folder = self._course.submitted(student, self._name).parent
        record = gradebook.find_submission_notebook(self._name, self._name, student)
        self._lateness.record(record.assignment, handed_in(folder))
        gradebook.db.flush()  # the score that is read next counts what was just saved
        late = self._lateness.points(record, marked_late(folder))
        zeroes = self._policy.zeroes(result["rules"], self._decisions.waived(student, self._name))
        record.late_submission_penalty = (late + (record.max_score if zeroes else 0.0)) or None
