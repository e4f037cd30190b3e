"""The result of each submission, where it is kept: in the metadata of its autograded notebook."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assignment.course import Course, replace_file

if TYPE_CHECKING:  # whoever only reads results needs no examiner
    from assignment.grading.examiner import Examined


def earlier(course: Course, name: str, student: str) -> dict[str, Any] | None:
    """Return the result in the student's autograded notebook, None if there is none."""
    try:
        notebook = json.loads(course.autograded(student, name).read_text(encoding="utf-8"))
        result = notebook["metadata"]["assignment"]["result"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return result if isinstance(result, dict) else None


def write_autograded(course: Course, name: str, student: str, examined: Examined) -> Path:
    """Write the examined notebook where nbgrader and formgrader look for it."""
    path = course.autograded(student, name)
    replace_file(path, json.dumps(examined.notebook, ensure_ascii=False))  # indented it takes three times as long
    return path
