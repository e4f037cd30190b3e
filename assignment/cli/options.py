"""The options that several verbs share, and the course and assignment they mean."""

from __future__ import annotations

import getpass
from contextvars import ContextVar
from pathlib import Path
from typing import Annotated

import typer

from assignment.course import Course
from assignment.errors import AssignmentError

CourseOption = Annotated[
    Path | None,
    typer.Option("--course", metavar="DIR", help="The course's folder, with nbgrader_config.py (default: here)."),
]
NameOption = Annotated[
    str | None, typer.Option("--assignment", metavar="NAME", help="Which assignment; not needed while there is one.")
]
NoSandbox = Annotated[
    bool, typer.Option("--no-sandbox", help="Go on without containment: student code can read and write your files.")
]
WhoOption = Annotated[
    str | None, typer.Option("--who", metavar="NAME", help="Who decides (default: the user logged in).")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for a program instead of words for people.")]
Jobs = Annotated[
    int | None, typer.Option("--jobs", metavar="N", min=1, help="Submissions at a time (default: one a core).")
]
Undo = Annotated[bool, typer.Option("--undo", help="Take back what was decided last.")]
# Course and assignment as they were typed in front of the verb.
BEFORE: ContextVar[tuple[Path | None, str | None]] = ContextVar("BEFORE", default=(None, None))
Students = Annotated[list[str] | None, typer.Argument(metavar="STUDENT...", hidden=True)]


def chosen(course: Path | None, name: str | None) -> tuple[Course, str]:
    """Return the course and the assignment that the options mean. Raises AssignmentError."""
    found = course_of(course)
    return found, found.assignment(name or BEFORE.get()[1])


def course_of(course: Path | None) -> Course:
    """Return the course that --course means, behind the verb or in front of it, else the one here."""
    return Course.find(course or BEFORE.get()[0])


def people(course: Course, name: str, students: list[str] | None) -> list[str]:
    """Return the Canvas user ids of students who are named by id or name. Raises AssignmentError."""
    from assignment.workflow.roster import identified

    return identified(course, name, students or [])


def decider(named: str | None) -> str:
    """Return who decides. Raises AssignmentError where the machine does not know its user's name."""
    if named:
        return named
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        raise AssignmentError("--who: this machine does not know your name; type it with --who NAME") from None


def shown(course: Course, path: Path) -> str:
    """Return the path as a person in the course's folder would write it."""
    return path.relative_to(course.root).as_posix() if path.is_relative_to(course.root) else str(path)
