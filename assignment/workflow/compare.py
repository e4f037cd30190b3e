"""What grading again with today's master, limits and rules would change, before anything is written."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from assignment.course import Course
from assignment.errors import AssignmentError
from assignment.grading.result import Result, part_changes
from assignment.homework.master import Master, cell_id, source_of
from assignment.homework.notebook import NotebookJson
from assignment.marking import earlier, read_autograded
from assignment.plugins import examiner_for
from assignment.report.student_page import kind
from assignment.rules.policy import difference
from assignment.sandbox.zygote import Zygote
from assignment.workflow.pool import examine_all
from assignment.workflow.proving import prove_marks


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
    diffs: dict[str, str] = field(default_factory=dict)
    """Why, where the homework changed: a small diff of each check and given cell that did."""


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
    prove_marks(course, name, examiner, zygote, known=False)
    step = progress or (lambda done, total, who: None)
    found, count = Comparison(len(before)), 0
    after: dict[str, Result] = {}
    tasks = [(student, course.submitted(student, name)) for student in before]
    examined_now = examine_all(tasks, examiner, zygote, jobs, lambda who: step(count, len(before), who))
    for count, (student, examined) in enumerate(examined_now, 1):
        after[student] = examined.result
        step(count, len(before), "")
    for student, old in before.items():
        _add(found, student, old, after[student])
        if found.changes and not found.diffs and old.made_by.master != examiner.homework.digest:
            found.diffs = _diffs(read_autograded(course, name, student), examiner.homework.master)
    return found


def _add(found: Comparison, student: str, old: Result, new: Result) -> None:
    """Add what is another in the new result of a student."""
    if old.verdict != new.verdict:
        found.verdicts[student] = (old.verdict, new.verdict)
    if old.net != new.net:
        found.nets[student] = (old.net, new.net)
    changes = part_changes(old, new)
    found.changes += [Change(c.exercise, c.part, student, c.before, c.after) for c in changes]


def _diffs(notebook: NotebookJson, master: Master) -> dict[str, str]:
    """What is another in the checks and given cells since an autograded notebook was made, by cell."""
    diffs: dict[str, str] = {}
    for cell in notebook["cells"]:
        role, name = kind(cell)
        if role in ("check", "given") and cell_id(role, name) in {own.id for own in master.cells}:
            diff, _ = difference(source_of(cell), master.cell(cell_id(role, name)).source)
            diffs |= {f"{role} {name}": diff} if diff else {}
    return diffs
