"""What every verb shares: its options and the course they mean, the two streams, a progress bar, the last word."""

import errno
import fcntl
import getpass
import json
import sqlite3
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from contextvars import ContextVar
from copy import copy
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeElapsedColumn, TimeRemainingColumn
from typer.core import TyperGroup

from assignment.course import CONFIG, Course, database_error
from assignment.errors import AssignmentError

STOPPED = "stopped; what was finished is kept; the next run goes on"
INTERRUPTED = 130  # exit status of a program that Ctrl-C ended

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
Why = Annotated[str, typer.Option(metavar="WORDS", help="The reason; the student reads it too.", show_default=False)]
Undo = Annotated[bool, typer.Option("--undo", help="Take back what was decided last.")]
# What --course and --assignment say, in front of the verb or behind it.
COURSE: ContextVar[Path | None] = ContextVar("COURSE", default=None)
NAME: ContextVar[str | None] = ContextVar("NAME", default=None)
Students = Annotated[list[str] | None, typer.Argument(metavar="STUDENT...", hidden=True)]

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)


def chosen() -> tuple[Course, str]:
    """Return the course and the assignment that --course and --assignment mean. Raises AssignmentError."""
    course = Course.find(COURSE.get())
    return course, course.assignment(NAME.get())


def people(course: Course, name: str, students: list[str] | None) -> list[str]:
    """Return the Canvas user ids of students who are named by id or name. Raises AssignmentError."""
    from assignment.workflow.collect import identified

    return identified(course, name, students or [])


def decider(named: str | None) -> str:
    """Return who decides. Raises AssignmentError where the machine does not know its user's name."""
    if named:
        return named
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        raise AssignmentError("--who: this machine does not know your name; type it with --who NAME") from None


class Verbs(TyperGroup):
    """All commands: each has the program's --course and --assignment too, and its section on the first help page."""

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        for command in self.commands.values():
            for option in [copy(option) for option in self.params if option.name in ("course", "name")]:
                option.expose_value, option.callback = False, _remember  # the verb need not know of it
                command.params.append(option)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the sections, which rich_help_panel names, in the order in which they first appear."""
        sections: dict[str, list[tuple[str, str]]] = {}
        for name, command in self.commands.items():
            title = str(getattr(command, "rich_help_panel", ""))
            sections.setdefault(title, []).append((name, command.get_short_help_str(120)))
        for title, rows in sections.items():
            with formatter.section(title):
                formatter.write_dl(rows)


def _remember(_: Any, option: Any, value: Any) -> None:
    if value is not None:
        (COURSE if option.name == "course" else NAME).set(value)


def say(line: str) -> None:
    """Print a line in which anybody's words may stand: no mark-up, never broken."""
    out.print(line, markup=False, soft_wrap=True)


def print_json(value: object) -> None:
    """Print a line for a program; what JSON does not know, a path, as text."""
    print(json.dumps(value, ensure_ascii=False, default=str), flush=True)


def warn(*lines: str) -> None:
    """Print such lines on stderr."""
    for line in lines:
        err.print(line, markup=False, soft_wrap=True)


@contextmanager
def progress(what: str) -> Iterator[Callable[..., None]]:
    """A progress bar on stderr with rate and time left; it leaves no trace when it is done."""
    counts = (BarColumn(bar_width=20), MofNCompleteColumn(), "{task.fields[rate]}")
    columns = ("{task.description}", *counts, TimeElapsedColumn(), "left", TimeRemainingColumn())
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as bar:
        task = bar.add_task(what, total=None, rate="")

        def step(done: int, total: int, who: str = "") -> None:
            speed = bar.tasks[0].speed
            label = f"{what} (long: {escape(who)})" if who else what
            bar.update(task, completed=done, total=total, description=label, rate=f"{speed:.1f}/s" if speed else "")

        yield step


def waiting(what: str) -> AbstractContextManager[object]:
    """A word on stderr while something takes its time, on a terminal only."""
    return err.status(what) if err.is_terminal else nullcontext()


@contextmanager
def alone(course: Course, verb: str) -> Iterator[None]:
    """Let one command of its kind at a time work in a course; one that must wait for another says so."""
    with (course.root / CONFIG).open("rb") as file:
        with suppress(OSError):  # on a file system without locks nobody waits
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                other = f"another `assignment {verb}` is at work in this course"
                warn(f"{other}; this one waits until it is done")
                fcntl.flock(file, fcntl.LOCK_EX)
        yield


def complain(lines: Iterable[str]) -> None:
    """Say on stderr what could not be done for single students, and end with status 1 if there is any."""
    lines = list(lines)
    for line in lines:
        err.print(f"[bold red]error:[/] {escape(_one_line(line))}", soft_wrap=True)
    if lines:
        raise SystemExit(1)


def run(program: Callable[[], Any]) -> None:
    """Run the program; whatever stops it is said in one line on stderr and by the exit status, never as a traceback."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # a terminal without Chinese shows something at least
    try:
        program()
    except (KeyboardInterrupt, SystemExit) as stop:
        if isinstance(stop, SystemExit) and stop.code != INTERRUPTED:
            raise
        err.print(STOPPED)
        raise SystemExit(INTERRUPTED) from None
    except Exception as error:
        line, details = explain(error)
        err.print(f"[bold red]error:[/] {escape(line)}", soft_wrap=True)
        if details:
            warn(details)
        raise SystemExit(1) from None


def explain(error: Exception) -> tuple[str, str]:
    """Return in one line what a person can do about an error, and details where there are any.

    What nobody foresaw leaves its traceback in a file, to be sent to whoever maintains the program.
    """
    if isinstance(error, AssignmentError):
        return _one_line(error), error.details
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {error.strerror}; see that it may be read or written by you", ""
    if isinstance(original := getattr(error, "orig", None), sqlite3.Error):  # SQLAlchemy's, under nbgrader's gradebook
        error = original
    if isinstance(error, sqlite3.Error):
        return _one_line(database_error(Path("gradebook.db"), error)), ""
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "the disk is full; free some space and run this again, what was finished is kept", ""
    if isinstance(error, FileNotFoundError) and "temporary directory" in str(error):
        return "no folder for temporary files can be written; free some space or name one in TMPDIR", ""
    text = "".join(traceback.format_exception(error))
    what = f"{type(error).__name__}: {_one_line(error)}; that is a fault of this program: report it with"
    try:
        with tempfile.NamedTemporaryFile(
            "w", prefix="assignment-error-", suffix=".txt", delete=False, encoding="utf-8", errors="backslashreplace"
        ) as file:
            file.write(text)
    except OSError:
        return f"{what} these lines", text
    return f"{what} the file {file.name}", ""


def _one_line(error: object) -> str:
    return " ".join(str(error).split())
