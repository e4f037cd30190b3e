"""What grading again with today's master, limits and rules would change, before anything is written."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from assignment.course import Course
from assignment.errors import AssignmentError
from assignment.grading.result import Result
from assignment.marking.results import earlier
from assignment.plugins.settings import examiner_for
from assignment.sandbox.zygote import Zygote
from assignment.workflow.pool import Pool
from assignment.workflow.proving import prove_marks

RULES = "rules"  # in the place of an exercise: what the rules take off


@dataclass(frozen=True)
class Change:
    """One part of one student that would get other points."""

    exercise: str
    part: str
    student: str
    before: float
    after: float


@dataclass
class Comparison:
    """A class as it is graded and as it would be: by parts, and by automatic marks after the rules."""

    students: int = 0
    changes: list[Change] = field(default_factory=list)
    nets: dict[str, tuple[float, float]] = field(default_factory=dict)
    """Marks that would change, by student: before and after."""
    verdicts: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Verdicts that would change, by student."""


def compare(
    course: Course,
    name: str,
    zygote: Zygote,
    jobs: int | None = None,
    only: Collection[str] = (),
    progress: Callable[[int, int, str], None] | None = None,
) -> Comparison:
    """Examine what was graded once more and compare; nothing is written. AssignmentError if nothing was graded.

    Who handed in something else since is compared too: with `grade` their marks would change as well.
    """
    graded = {student: earlier(course, name, student) for student in course.students(name)}
    before = {student: result for student, result in graded.items() if result and (not only or student in only)}
    if unknown := sorted(set(only) - before.keys()):
        raise AssignmentError(f"autograded/: no result of {', '.join(unknown)}; grade them first: assignment grade")
    if not before:
        raise AssignmentError(f"autograded/: nobody's {name} is graded yet; there is nothing to compare with")
    examiner = examiner_for(course, name)
    prove_marks(course, name, examiner, zygote)
    step = progress or (lambda done, total, who: None)
    found, count = Comparison(len(before)), 0
    workers = min(jobs or os.cpu_count() or 1, len(before))
    after: dict[str, Result] = {}
    with Pool(workers, examiner, zygote, lambda who: step(count, len(before), who)) as pool:
        pool.add((student, course.submitted(student, name)) for student in before)
        for count, (student, examined) in enumerate(pool.results(), 1):
            after[student] = examined.result
            step(count, len(before), "")
    for student, old in before.items():
        _add(found, student, old, after[student])
    return found


def _add(found: Comparison, student: str, old: Result, new: Result) -> None:
    """Add what is another in the new result of a student."""
    if old.verdict != new.verdict:
        found.verdicts[student] = (old.verdict, new.verdict)
    if old.net != new.net:
        found.nets[student] = (old.net, new.net)
    points, now = _points(old), _points(new)
    if bool(old.net - old.score) != bool(new.net - new.score):  # the rules take off what they did not, or the reverse
        points[RULES, "net"], now[RULES, "net"] = old.net - old.score, new.net - new.score
    for exercise, part in now | points:
        one, other = points.get((exercise, part), 0.0), now.get((exercise, part), 0.0)
        if one != other:
            found.changes.append(Change(exercise, part, student, one, other))


def _points(result: Result) -> dict[tuple[str, str], float]:
    return {(check.name, part.name): part.score for check in result.checks for part in check.parts}
