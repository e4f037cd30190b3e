"""Grade a class: every submission through an examiner, results into the gradebook and autograded/, one writer.

Where the best of several attempts counts, all are examined first, and the best is put into submitted/. `check` and
`compare` examine too, and write nothing.
"""

import hashlib
import json
import os
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path

from assignment.course import Course, FullError, replace_file
from assignment.errors import AssignmentError
from assignment.grading.examiner import Examined, Examiner
from assignment.grading.result import Regrade, Result, part_changes, regraded
from assignment.homework import Master, cell_id, source_of
from assignment.homework.notebook import NotebookJson
from assignment.marking import earlier, read_autograded
from assignment.plugins import examiner_for
from assignment.rules import difference
from assignment.sandbox.zygote import Zygote
from assignment.submission.attachments import attempts, best_counts, put, read_record
from assignment.workflow.pool import Dispatcher, Pool, Task, examine_all

RESULT = "result.json"  # beside each attempt: what it got
Progress = Callable[[int, int, str], None]  # submissions done, in all, and who has been under examination for long


@dataclass
class Grade:
    """What a run of `grade` did with one submission.

    net, before: the mark now and before the run, with a person's points and every penalty; None where there is none.
    """

    student: str
    result: Result
    net: float | None
    before: float | None
    regraded: bool


@dataclass
class Graded:
    """A run of `grade` over a class."""

    grades: list[Grade] = field(default_factory=list)
    seconds: float = 0.0
    failed: list[str] = field(default_factory=list)  # files of single students that could not be written
    best: dict[str, int] = field(default_factory=dict)  # by student: of how many attempts the best counts
    left_out: list[str] = field(default_factory=list)  # machines of a cluster that did not examine, and why

    @property
    def changed(self) -> list[Grade]:
        """Those whose mark is another than before."""
        return [grade for grade in self.grades if grade.before is not None and grade.before != grade.net]


def grade(
    course: Course,
    name: str,
    jobs: int | None = None,
    only: Collection[str] = (),
    again: bool = False,
    progress: Progress | None = None,
    zygote: Zygote | None = None,
    fresh: bool = False,
    on: str = "",
    never_lower: bool = False,
) -> Graded:
    """Grade what is new or changed in submitted/ (all of it with `again`; only these students with `only`).

    Every submission is one transaction: gradebook first, then its autograded notebook, whose fingerprint says that it
    is done. A run that was killed is finished by the next one. Before its first marks the homework itself is proved.
    zygote: one that the caller began early; fresh: begin a new gradebook; on: a cluster (workflow.cluster), "" for
    `jobs` processes of this machine; never_lower: where the same hand-in would get less, what it had counts.
    """
    start, failed = time.monotonic(), list[str]()
    students = _students(course, name, only)
    course.check_gradebook(fresh)
    # Reads master, mistakes, releases and limits: what is wrong with them is said before anything is examined.
    examiner = examiner_for(course, name)
    step, count, total = progress or (lambda done, total, who: None), 0, 0
    with nullcontext(zygote) if zygote else Zygote.start() as ready, ExitStack() as stack:
        due, done = _split(course, name, students, examiner, again)
        unproved = due and not (done or (again and any(_done(course, name, who, examiner) for who in students)))
        if unproved and on:  # now: a process with Dask's threads is no place to fork from
            _prove(course, name, examiner, ready)
        pool = stack.enter_context(_pool(on, jobs, len(students), examiner, ready, lambda who: step(count, total, who)))
        if best := count_best(course, name, students, examiner, pool):
            due, done = _split(course, name, students, examiner, again)
        pool.add(_tasks(course, name, due))  # begun meanwhile: nothing of it is kept before the homework is proved
        if unproved and not on:
            _prove(course, name, examiner, ready)
        from assignment.marking.gradebook import Book, backup  # nbgrader takes a second to import
        from assignment.marking.lateness import handed_in

        for student in students:
            handed_in(course.submitted(student, name).parent)  # a time that is none is said before anything is graded
        backup(course)
        with Book(course, name, fresh) as book:
            before = book.marks()
            lost = book.unlike(done)  # the gradebook was replaced since
            results = {student: result for student, result in done.items() if student not in lost}
            for student, result in results.items():
                book.penalise(student, result)
            pool.add(_tasks(course, name, lost))
            total = len(due) + len(lost)
            for count, (student, examined) in enumerate(_compared(course, name, pool.results(), never_lower), 1):
                book.save(student, examined.notebook, examined.result)
                failed += _kept(course, name, student, examined)
                results[student] = examined.result
                step(count, total, "")
            now, examined_now = book.marks(), {*due, *lost}
    grades = [Grade(who, results[who], now[who], before.get(who), who in examined_now) for who in sorted(results)]
    return Graded(grades, time.monotonic() - start, failed, best, pool.left_out)


def _pool(
    on: str, jobs: int | None, most: int, examiner: Examiner, zygote: Zygote, watch: Callable[[str], None]
) -> Dispatcher:
    """The workers of a cluster, or so many processes here."""
    if not on:
        return Pool(min(jobs or os.cpu_count() or 1, most), examiner, zygote, watch)
    from assignment.workflow.cluster import Cluster  # few need it

    return Cluster(on, examiner, watch)


def _prove(course: Course, name: str, examiner: Examiner, zygote: Zygote) -> None:
    """As proving.prove_once."""
    from assignment.workflow.proving import prove_once  # imports libcst, which takes a while, beside the workers

    prove_once(course, name, examiner, zygote)


def _compared(
    course: Course, name: str, results: Iterable[tuple[str, Examined]], never_lower: bool
) -> Iterator[tuple[str, Examined]]:
    """The same, each with what is another than before on the same hand-in."""
    for student, examined in results:
        old = earlier(course, name, student)
        again = regraded(old, examined.result) if old else None
        yield student, _again(course, name, student, examined, old, again, never_lower) if old and again else examined


def _again(
    course: Course, name: str, student: str, examined: Examined, old: Result, again: Regrade, never_lower: bool
) -> Examined:
    """What was found, with what changed; or what was found before, where a mark is not to fall."""
    new, notebook = examined.result, examined.notebook
    if never_lower and again.after < again.before and old.max == new.max:
        notebook, again = read_autograded(course, name, student), replace(again, kept=True)
        new = replace(old, made_by=new.made_by)
    new = replace(new, regrade=again)
    notebook["metadata"]["assignment"]["result"] = new.as_dict()
    return Examined(new, notebook)


def _kept(course: Course, name: str, student: str, examined: Examined) -> list[str]:
    """Write a student's autograded notebook; what went wrong with it, unless the disk is full."""
    try:
        replace_file(course.autograded(student, name), json.dumps(examined.notebook, ensure_ascii=False))
    except FullError:
        raise
    except AssignmentError as error:
        return [str(error)]
    return []


def _students(course: Course, name: str, only: Collection[str]) -> list[str]:
    students = course.students(name)
    unknown = sorted(set(only) - set(students))
    if unknown:
        raise AssignmentError(f"submitted/: nothing from {', '.join(unknown)}; see the folder for who handed in")
    if not students:
        raise AssignmentError(f"submitted/: no submissions of {name}; collect them first: assignment collect ARCHIVE")
    return [student for student in students if student in only] if only else students


def _tasks(course: Course, name: str, students: Sequence[str]) -> list[Task]:
    return [(student, course.submitted(student, name)) for student in students]


def _split(
    course: Course, name: str, students: Sequence[str], examiner: Examiner, again: bool
) -> tuple[list[str], dict[str, Result]]:
    """Who has to be examined, and who has a result made by the same examiner of the same bytes."""
    due: list[str] = []
    done: dict[str, Result] = {}
    for student in students:
        if not again and (result := _done(course, name, student, examiner)):
            done[student] = result
        else:
            due.append(student)
    return due, done


def _done(course: Course, name: str, student: str, examiner: Examiner) -> Result | None:
    """The result that this examiner has made of what a student handed in, if it has."""
    result = earlier(course, name, student)
    same = result and result.made_by == examiner.made_by(examiner.read(course.submitted(student, name))[0])
    return result if same else None


def count_best(
    course: Course, name: str, students: Iterable[str], examiner: Examiner, pool: Dispatcher
) -> dict[str, int]:
    """Put each student's best attempt into submitted/ where the course wants that -> student: attempts to choose from.

    The best has the highest mark after rules and lateness; of equal ones the graded one, one in time, the newest.
    What somebody put into submitted/ by hand stays. Attempts that were examined before are not again.
    """
    if not best_counts(course, name):
        return {}
    tries = {student: paths for student in students if (paths := _to_choose(course, name, student))}
    results = _attempts([path for paths in tries.values() for path in paths], examiner, pool)
    from assignment.marking.lateness import handed_in, lateness, marked_late  # nbgrader takes a second to import

    late = lateness(course, name)
    for student, paths in tries.items():
        present, graded, worth = course.submitted(student, name), earlier(course, name, student), {}
        for path in paths:
            net, marked, late_mark = results[path].net, results[path].marked, marked_late(path.parent)
            off = late.cost(student, net, handed_in(path.parent), late_mark)
            was = graded is not None and graded.made_by.submission == _digest(path)
            worth[path] = (round(net - off, 2), marked, was, not late_mark, int(path.parent.name))
        best = max(paths, key=worth.__getitem__)
        if read_record(present.parent) != read_record(best.parent) or _digest(present) != _digest(best):
            put(course, name, student, best)
    return {student: len(paths) for student, paths in tries.items()}


def _to_choose(course: Course, name: str, student: str) -> list[Path]:
    """A student's attempts, the oldest first; none where there is only one, or something else lies in submitted/."""
    paths, present = attempts(course, name, student), course.submitted(student, name)
    known = present.is_file() and _digest(present) in map(_digest, paths)
    return paths if known and len(paths) > 1 else []


def _attempts(paths: list[Path], examiner: Examiner, pool: Dispatcher) -> dict[Path, Result]:
    """What each attempt gets, kept beside it."""
    results = {path: result for path in paths if (result := _kept_result(path, examiner))}
    due = {f"{path.parents[1].name}/{path.parent.name}": path for path in paths if path not in results}
    pool.add(due.items())
    for key, examined in pool.results():
        results[due[key]] = examined.result
        replace_file(due[key].with_name(RESULT), json.dumps(examined.result.as_dict(), ensure_ascii=False))
    return results


def _kept_result(path: Path, examiner: Examiner) -> Result | None:
    try:
        result = Result.from_dict(json.loads(path.with_name(RESULT).read_text("utf-8")))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return result if result.made_by == examiner.made_by(examiner.read(path)[0]) else None


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def check(
    course: Course, name: str, files: Sequence[Path], zygote: Zygote, jobs: int | None = None
) -> Iterator[tuple[Path, Result]]:
    """Yield each file's result as soon as it and those before it are there; nothing is written.

    A file that kills the process which examines it has a verdict like any other. AssignmentError if none can start.
    """
    examiner = examiner_for(course, name)
    waiting: dict[str, Result] = {}
    number = 0
    tasks = [(str(place), file) for place, file in enumerate(files)]
    for key, examined in examine_all(tasks, examiner, zygote, jobs):
        waiting[key] = examined.result
        while str(number) in waiting:
            yield files[number], waiting.pop(str(number))
            number += 1


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
    verdicts: dict[str, tuple[str, str]] = field(default_factory=dict)  # verdicts that would change, by student
    diffs: dict[str, str] = field(default_factory=dict)
    """Why, where the homework changed: a small diff of each check and given cell that did."""


def compare(
    course: Course,
    name: str,
    zygote: Zygote,
    jobs: int | None = None,
    only: Collection[str] = (),
    progress: Progress | None = None,
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
    from assignment.workflow.proving import prove_marks  # imports libcst, which takes a while

    prove_marks(course, name, examiner, zygote, known=False)
    step = progress or (lambda done, total, who: None)
    found, count = Comparison(len(before)), 0
    after: dict[str, Result] = {}
    tasks = _tasks(course, name, list(before))
    examined_now = examine_all(tasks, examiner, zygote, jobs, lambda who: step(count, len(before), who))
    for count, (student, examined) in enumerate(examined_now, 1):
        after[student] = examined.result
        step(count, len(before), "")
    for student, old in before.items():
        new = after[student]
        if old.verdict != new.verdict:
            found.verdicts[student] = (old.verdict, new.verdict)
        if old.net != new.net:
            found.nets[student] = (old.net, new.net)
        found.changes += [Change(c.exercise, c.part, student, c.before, c.after) for c in part_changes(old, new)]
        if found.changes and not found.diffs and old.made_by.master != examiner.homework.digest:
            found.diffs = _diffs(read_autograded(course, name, student), examiner.homework.master)
    return found


def _diffs(notebook: NotebookJson, master: Master) -> dict[str, str]:
    """What is another in the checks and given cells since an autograded notebook was made, by cell."""
    from assignment.report.student_page import kind  # what shows pages takes a while

    diffs: dict[str, str] = {}
    for cell in notebook["cells"]:
        role, name = kind(cell)
        if role in ("check", "given") and cell_id(role, name) in {own.id for own in master.cells}:
            diff, _ = difference(source_of(cell), master.cell(cell_id(role, name)).source)
            diffs |= {f"{role} {name}": diff} if diff else {}
    return diffs
