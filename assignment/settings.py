"""What nbgrader_config.py says about examining: limits of the sandbox as traits, with the defaults of Limits."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from traitlets import Float, Int
from traitlets.config import Configurable

from assignment.course import Course
from assignment.examiner.limits import Limits
from assignment.rules import Policy

_TRAITS: dict[str, Any] = {
    field.name: (Int if isinstance(field.default, int) else Float)(field.default, min=0).tag(config=True)
    for field in fields(Limits)
}
Examine = type(
    "Examine", (Configurable,), {"__doc__": "Limits of an examination; see assignment/examiner/limits.py.", **_TRAITS}
)


def limits(course: Course) -> Limits:
    """Return the limits for this course. Raises TraitError, which names the trait, if one is no number."""
    settings = Examine(config=course.config())
    return Limits(**{name: getattr(settings, name) for name in _TRAITS})


def policy(course: Course) -> Policy:
    """Return what a breach of each rule costs in this course. Raises AssignmentError."""
    return Policy.from_config(course.config())
