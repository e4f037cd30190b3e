"""Check: notebook files graded directly, several at a time, told in the order in which they were named."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from assignment.course import Course
from assignment.examiner.pool import Pool
from assignment.examiner.result import Result
from assignment.examiner.warm import Warm
from assignment.grade import DIED, examiner_for


def check(
    course: Course, name: str, files: Sequence[Path], warm: Warm, jobs: int | None = None
) -> Iterator[tuple[Path, Result]]:
    """Yield each file's result as soon as it and those before it are there; nothing is written.

    A file that kills the process which examines it has a verdict like any other. AssignmentError if none can start.
    """
    examiner = examiner_for(course, name)
    waiting: dict[str, Result] = {}
    number = 0
    with Pool(min(jobs or os.cpu_count() or 1, len(files)), lambda: examiner, warm) as pool:
        pool.add((str(place), file) for place, file in enumerate(files))
        for key, examined in pool.results():
            waiting[key] = (examined or examiner.unexamined(b"", "crashed", DIED)).result
            while str(number) in waiting:
                yield files[number], waiting.pop(str(number))
                number += 1
