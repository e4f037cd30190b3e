"""What every verb shares on the terminal: its two streams, a progress bar, the help page's sections, the last word."""

from __future__ import annotations

import errno
import fcntl
import sqlite3
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from typer.core import TyperGroup

from assignment.course import CONFIG, Course, database_error
from assignment.errors import AssignmentError

STOPPED = "stopped; what was finished is kept; the next run goes on (--again: anew)"
INTERRUPTED = 130  # exit status of a program that Ctrl-C ended

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)


class Verbs(TyperGroup):
    """The commands on the first help page, in sections: each in the one that its rich_help_panel names."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the sections in the order in which they first appear."""
        sections: dict[str, list[tuple[str, str]]] = {}
        for name, command in self.commands.items():
            title = str(getattr(command, "rich_help_panel", ""))
            sections.setdefault(title, []).append((name, command.get_short_help_str(120)))
        for title, rows in sections.items():
            with formatter.section(title):
                formatter.write_dl(rows)


@contextmanager
def progress(what: str) -> Iterator[Callable[..., None]]:
    """A progress bar on stderr with rate and time left; it leaves no trace when it is done."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=20),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as bar:
        task = bar.add_task(what, total=None, rate="")

        def step(done: int, total: int, who: str = "") -> None:
            speed = bar.tasks[0].speed
            label = f"{what} (long: {escape(who)})" if who else what
            bar.update(task, completed=done, total=total, description=label, rate=f"{speed:.1f}/s" if speed else "")

        yield step


@contextmanager
def waiting(what: str) -> Iterator[None]:
    """A word on stderr while something takes its time, on a terminal only."""
    if not err.is_terminal:
        yield
        return
    with err.status(what):
        yield


@contextmanager
def alone(course: Course, verb: str) -> Iterator[None]:
    """Let one command of its kind at a time work in a course; one that must wait for another says so."""
    with (course.root / CONFIG).open("rb") as file:
        with suppress(OSError):  # on a file system without locks nobody waits
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                other = f"another `assignment {verb}` is at work in this course"
                err.print(f"{other}; this one waits until it is done", soft_wrap=True)
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
            err.print(details, markup=False, soft_wrap=True)
        raise SystemExit(1) from None


def explain(error: Exception) -> tuple[str, str]:
    """Return in one line what a person can do about an error, and details where there are any.

    What nobody foresaw leaves its traceback in a file, to be sent to whoever maintains the program.
    """
    if isinstance(error, AssignmentError):
        return _one_line(error), error.details
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {error.strerror}; see that it may be read or written by you", ""
    if _is_gradebook(error) and isinstance(original := getattr(error, "orig", None), sqlite3.Error):
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


def _is_gradebook(error: Exception) -> bool:
    """Whether the error comes from the database under nbgrader's gradebook, which few commands load."""
    sqlalchemy = sys.modules.get("sqlalchemy.exc")
    return sqlalchemy is not None and isinstance(error, sqlalchemy.SQLAlchemyError)


def _one_line(error: object) -> str:
    return " ".join(str(error).split())
