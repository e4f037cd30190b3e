"""Where the best of several hand-ins counts: which one it is, and how it comes into submitted/."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from assignment.course import Course, replace_file
from assignment.grading.examiner import Examiner
from assignment.grading.result import Result
from assignment.marking.results import earlier
from assignment.submission.handed_in import attempts, best_counts, put, read_record
from assignment.workflow.pool import Dispatcher

RESULT = "result.json"  # beside each attempt: what it got


def count_best(
    course: Course, name: str, students: Iterable[str], examiner: Examiner, pool: Dispatcher[Any]
) -> dict[str, int]:
    """Put each student's best attempt into submitted/ where the course wants that -> student: attempts to choose from.

    The best has the highest mark after rules and lateness; of equal ones the graded one, one in time, the newest.
    What somebody put into submitted/ by hand stays. Attempts that were examined before are not again.
    """
    if not best_counts(course, name):
        return {}
    tries = {student: paths for student in students if (paths := _to_choose(course, name, student))}
    results = _results([path for paths in tries.values() for path in paths], examiner, pool)
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


def _results(paths: list[Path], examiner: Examiner, pool: Dispatcher[Any]) -> dict[Path, Result]:
    """What each attempt gets, kept beside it."""
    results = {path: result for path in paths if (result := _known(path, examiner))}
    due = {f"{path.parents[1].name}/{path.parent.name}": path for path in paths if path not in results}
    pool.add(due.items())
    for key, examined in pool.results():
        results[due[key]] = examined.result
        replace_file(due[key].with_name(RESULT), json.dumps(examined.result.as_dict(), ensure_ascii=False))
    return results


def _known(path: Path, examiner: Examiner) -> Result | None:
    try:
        result = Result.from_dict(json.loads(path.with_name(RESULT).read_text("utf-8")))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return result if result.made_by == examiner.made_by(examiner.read(path)[0]) else None


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
