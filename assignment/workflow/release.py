"""Make the release through nbgrader."""

from __future__ import annotations

import re
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

from assignment.course import Course, tools_in_path
from assignment.errors import AssignmentError
from assignment.homework.master import load_master
from assignment.homework.releases import keep
from assignment.sandbox.zygote import Zygote
from assignment.workflow.build import build


@dataclass(frozen=True)
class Released:
    """A release: its file, the kept copy, its hash and the points it is worth."""

    path: Path
    published: Path
    release: str
    points: float


def release(course: Course, name: str, zygote: Zygote | None = None) -> Released:
    """Build the master, examine it, and generate its release with nbgrader.

    AssignmentError where its solutions do not get full marks, or on a leak; then no release is left.
    zygote: what to examine with, for a caller that has one.
    """
    from nbgrader.converters import GenerateAssignment
    from nbgrader.coursedir import CourseDirectory
    from nbgrader.utils import capture_log

    examine(course, name, zygote)
    config = course.config()
    folder = CourseDirectory(config=config, root=str(course.root), assignment_id=name)
    with tools_in_path():
        result = capture_log(GenerateAssignment(coursedir=folder, config=config, force=True))
    if "there are submissions associated with" in result.get("log", ""):
        from assignment.marking.gradebook import register

        with course.gradebook() as gradebook:  # which says it in the same words as `grade`
            register(course, name, gradebook)
    if not result["success"]:
        raise AssignmentError(_reason(name, result["log"]))
    path = course.release(name)
    if sorted(file.name for file in path.parent.iterdir()) != [path.name]:
        raise AssignmentError(f"release/{name}: holds more than the notebook; see source/{name}")
    master = load_master(path)
    return Released(path, keep(course, name), master.release, master.max)


def examine(course: Course, name: str, zygote: Zygote | None = None) -> None:
    """Build the master and examine it, with the known solutions beside it; raises as prove_marks does."""
    from assignment.plugins.settings import examiner_of
    from assignment.workflow.proving import prove_once

    built = build(course, name)
    with nullcontext(zygote) if zygote else Zygote.start() as ready:
        examiner = examiner_of(course, built.master, {built.master.release: built.master.released})
        prove_once(course, name, examiner, ready, again=True)


def _reason(name: str, log: str) -> str:
    """Return what went wrong from nbgrader's log: our own word, or its last error."""
    ours = re.findall(r"AssignmentError: (.*)", log)
    if ours:
        return str(ours[-1])
    errors = re.findall(r"^(\w[\w.]*(?:Error|Exception): .*)", log, re.MULTILINE)
    return f"release of {name}: nbgrader failed: {errors[-1] if errors else log.strip()[-300:]}"
