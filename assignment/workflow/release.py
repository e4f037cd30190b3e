"""Make the release of a homework: built, examined, its solutions taken out by nbgrader, and kept."""

import re

from assignment.course import Course, tools_in_path
from assignment.errors import AssignmentError
from assignment.homework import Master, load_master
from assignment.homework.notebook import keep
from assignment.plugins import examiner_of
from assignment.sandbox.zygote import Zygote
from assignment.workflow.build import build
from assignment.workflow.proving import prove_once


def release(course: Course, name: str) -> Master:
    """Build the master, examine it, generate its release with nbgrader and keep a copy; return the release.

    AssignmentError where its solutions do not get full marks, or on a leak; then no release is left.
    """
    from nbgrader.converters import GenerateAssignment
    from nbgrader.coursedir import CourseDirectory
    from nbgrader.utils import capture_log

    examine(course, name)
    config = course.config()
    folder = CourseDirectory(config=config, root=str(course.root), assignment_id=name)
    with tools_in_path():
        result = capture_log(GenerateAssignment(coursedir=folder, config=config, force=True))
    if "there are submissions associated with" in result.get("log", ""):
        from assignment.marking.gradebook import register

        with course.gradebook() as gradebook:  # which says it in the same words as `grade`
            register(course, name, gradebook)
    if not result["success"]:
        ours = re.findall(r"AssignmentError: (.*)", result["log"])
        errors = re.findall(r"^(\w[\w.]*(?:Error|Exception): .*)", result["log"], re.MULTILINE)
        theirs = errors[-1] if errors else result["log"].strip()[-300:]
        raise AssignmentError(str(ours[-1]) if ours else f"release of {name}: nbgrader failed: {theirs}")
    path = course.release(name)
    if sorted(file.name for file in path.parent.iterdir()) != [path.name]:
        raise AssignmentError(f"release/{name}: holds more than the notebook; see source/{name}")
    keep(course, name)
    return load_master(path)


def examine(course: Course, name: str) -> None:
    """Build the master and examine it, with the known solutions beside it; raises as prove_marks does."""
    built = build(course, name)
    examiner = examiner_of(course, built.master, {built.master.release: built.master.released})
    with Zygote.start() as zygote:
        prove_once(course, name, examiner, zygote, again=True)
