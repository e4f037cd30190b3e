"""What nbgrader_config.py says about examining: limits of the sandbox as traits, with the defaults of Limits."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from traitlets import Float, Int, TraitError
from traitlets.config import Configurable

from assignment.course import CONFIG, Course
from assignment.errors import AssignmentError
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
    """Return the limits for this course. AssignmentError names the line that is wrong."""
    config = course.config()
    unknown = sorted(set(config.get("Examine", {})) - set(_TRAITS))
    if unknown:
        raise AssignmentError(
            f"{CONFIG}: c.Examine.{unknown[0]}: no such limit; there are {', '.join(sorted(_TRAITS))}"
        )
    try:
        settings = Examine(config=config)
    except TraitError as error:
        raise AssignmentError(f"{CONFIG}: c.Examine: {error}; put it right") from None
    return Limits(**{name: getattr(settings, name) for name in _TRAITS})


def policy(course: Course) -> Policy:
    """Return what a breach of each rule costs in this course. Raises AssignmentError."""
    return Policy.from_config(course.config())
