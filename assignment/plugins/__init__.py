"""Our parts in nbgrader's own commands; here what nbgrader_config.py says about examining: limits and rules."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from traitlets import Float, Int, TraitError
from traitlets.config import Configurable

from assignment.course import CONFIG, Course
from assignment.errors import AssignmentError
from assignment.grading.examiner import Examiner
from assignment.grading.reference import Homework
from assignment.homework import Master, load_master
from assignment.homework.notebook import releases
from assignment.rules import Policy, read_release
from assignment.sandbox import Limits

_TRAITS: dict[str, Any] = {
    field.name: (Int if isinstance(field.default, int) else Float)(field.default, min=0).tag(config=True)
    for field in fields(Limits)
}
LimitSettings = type(
    "LimitSettings",
    (Configurable,),
    {"__doc__": "Limits of an examination; see assignment/sandbox/__init__.py.", **_TRAITS},
)  # the preprocessor Examine inherits them, so that nbgrader knows c.Examine too


def limits(course: Course) -> Limits:
    """Return the limits for this course. AssignmentError names the line that is wrong."""
    config = course.config()
    unknown = sorted(set(config.get("Examine", {})) - set(_TRAITS))
    if unknown:
        raise AssignmentError(
            f"{CONFIG}: c.Examine.{unknown[0]}: no such limit; there are {', '.join(sorted(_TRAITS))}"
        )
    try:
        settings = LimitSettings(**config.get("Examine", {}))
    except TraitError as error:
        raise AssignmentError(f"{CONFIG}: c.Examine: {error}; put it right") from None
    return Limits(**{name: getattr(settings, name) for name in _TRAITS})


def examiner_for(course: Course, name: str) -> Examiner:
    """Return an examiner of this course's assignment, not yet started. AssignmentError if nothing was released."""
    published = releases(course, name)
    *_, current = published.values()
    read_release(current)
    return examiner_of(course, load_master(course.source(name)), published)


def examiner_of(course: Course, master: Master, published: Mapping[str, Master]) -> Examiner:
    """Return an examiner of this master for hand-ins made from these releases, not yet started."""
    homework = Homework(master, course.mistakes_text(master.name))
    return Examiner(homework, published, limits(course), Policy.from_config(course.config()), course.secret())
