"""A new term's course out of an old one: its homeworks and settings, nothing of its class."""

from __future__ import annotations

import ast
import json
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from assignment.course import CONFIG, Course
from assignment.errors import AssignmentError
from assignment.workflow.build import build

ID = "c.CourseDirectory.course_id"
# Settings of one class or one machine: each statement of the config that mentions one is commented out.
LEFT = re.compile(r"\bLatePenalty\b.*\b(deadline|extensions)\b|\bCourseDirectory\.(db_url|root)\b", re.DOTALL)


@dataclass(frozen=True)
class NewCourse:
    """A course that was begun, its homeworks, and the lines of the old config that are comments now."""

    course: Course
    homeworks: tuple[str, ...]
    left_out: tuple[str, ...]


def begin(old: Course, folder: Path, course_id: str) -> NewCourse:
    """Begin a course in a new or an empty folder with the homeworks and the config of an old one.

    Left out are class data, releases, decisions, the secret, deadlines and extensions. AssignmentError, with nothing
    left behind, if the id is the old one's, or the config sets a deadline where it cannot be found.
    """
    folder = folder.resolve()
    if not course_id.strip() or course_id == str(old.config().CourseDirectory.get("course_id", "")):
        raise AssignmentError(f"--course-id {course_id!r}: must be another than the old course's; decisions go by it")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise AssignmentError(f"{folder}: not empty; name an empty or a new folder")
    if folder.is_relative_to(old.root / "source"):
        raise AssignmentError(f"{folder}: lies in the homeworks that would be copied; name a folder elsewhere")
    config, left_out = _config((old.root / CONFIG).read_text("utf-8"), course_id)
    part = folder.with_name(f".part-{folder.name}")
    try:
        shutil.rmtree(part, ignore_errors=True)  # what a kill left
        shutil.copytree(old.root / "source", part / "source", ignore=shutil.ignore_patterns(".*", "__pycache__"))
        (part / CONFIG).write_text(config, encoding="utf-8")
        if (old.root / ".gitignore").is_file():
            shutil.copy(old.root / ".gitignore", part)
        course = Course(part)
        _refuse_leftovers(course, course_id)
        for name in course.assignments():
            build(course, name)
        part.rename(folder)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise
    begun = Course(folder)
    return NewCourse(begun, tuple(begun.assignments()), left_out)


def _config(text: str, course_id: str) -> tuple[str, tuple[str, ...]]:
    """Return a config with another course_id and without what belongs to a class -> (text, what is left out)."""
    lines, left_out, named = text.splitlines(), [], False
    for statement in ast.parse(text).body:
        first, last = statement.lineno - 1, statement.end_lineno or statement.lineno
        source = "\n".join(lines[first:last])
        if source.startswith(ID):
            lines[first:last] = [f"{ID} = {json.dumps(course_id, ensure_ascii=False)}", *[""] * (last - first - 1)]
            named = True
        elif LEFT.search(source):
            lines[first:last] = [f"# {line}" for line in lines[first:last]]
            left_out.append(" ".join(source.split()))
    lines += [] if named else [f"{ID} = {json.dumps(course_id, ensure_ascii=False)}"]
    return "\n".join(lines) + "\n", tuple(left_out)


def _refuse_leftovers(course: Course, course_id: str) -> None:
    """Raise AssignmentError if the new config still says what only the old one may."""
    config = course.config()
    late = config.get("LatePenalty", {})
    settings = {f"LatePenalty.{key}": late.get(key) for key in ("deadline", "extensions")}
    settings |= {f"CourseDirectory.{key}": config.CourseDirectory.get(key) for key in ("db_url", "root")}
    for setting, value in settings.items():
        if value:
            raise AssignmentError(f"{CONFIG}: c.{setting} is set inside another statement; set it at the top level")
    if config.CourseDirectory.get("course_id") != course_id:
        raise AssignmentError(f"{CONFIG}: {ID} is set more than once, or by a statement that begins otherwise")
