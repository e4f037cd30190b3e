"""Make the release through nbgrader."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from assignment.course import Course, tools_in_path
from assignment.errors import AssignmentError
from assignment.homework.master import load_master
from assignment.homework.releases import keep
from assignment.workflow.build import build


@dataclass(frozen=True)
class Released:
    """A release: its file, the kept copy, its hash and the points it is worth."""

    path: Path
    published: Path
    release: str
    points: float


def release(course: Course, name: str) -> Released:
    """Build the master and generate its release with nbgrader; AssignmentError on a leak, and no release is left."""
    from nbgrader.converters import GenerateAssignment
    from nbgrader.coursedir import CourseDirectory
    from nbgrader.utils import capture_log

    build(course, name)
    config = course.config()
    folder = CourseDirectory(config=config, root=str(course.root), assignment_id=name)
    with tools_in_path():
        result = capture_log(GenerateAssignment(coursedir=folder, config=config, force=True))
    if not result["success"]:
        raise AssignmentError(_reason(name, result["log"]))
    path = course.release(name)
    if sorted(file.name for file in path.parent.iterdir()) != [path.name]:
        raise AssignmentError(f"release/{name}: holds more than the notebook; see source/{name}")
    master = load_master(path)
    return Released(path, keep(course, name), master.release, master.max)


def _reason(name: str, log: str) -> str:
    """Return what went wrong from nbgrader's log: our own word, or its last error."""
    ours = re.findall(r"AssignmentError: (.*)", log)
    if ours:
        return str(ours[-1])
    if "there are submissions associated with" in log:
        return (
            f"release of {name}: nbgrader keeps the set of cells once submissions are graded; "
            "correct cells in place, without adding, removing or renaming any"
        )
    errors = re.findall(r"^(\w[\w.]*(?:Error|Exception): .*)", log, re.MULTILINE)
    return f"release of {name}: nbgrader failed: {errors[-1] if errors else log.strip()[-300:]}"
