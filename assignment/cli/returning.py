"""Verbs that look at a graded class and give it back: report, feedback, export, push."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from assignment.cli import tables
from assignment.cli.terminal import COURSE, AsJson, NoSandbox, chosen, complain, out, progress, say, waiting, warn
from assignment.course import Course
from assignment.errors import AssignmentError
from assignment.text import counted

POLICIES = """\
before importing see in Canvas, in the gradebook:
- the column's Grade Posting Policy: automatic shows every mark at once
- Settings > Late Policies: what they deduct is taken off beside our penalties"""


def report(
    since: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Compare with another term's hand-ins too: that course's submitted/."),
    ] = None,
    no_sandbox: NoSandbox = False,
) -> None:
    """Write the class page exported/NAME/report.html: the class in pictures, and what to look at.

    The same is written as report.json and report.csv for a program, every student's page, which it opens, and whose
    work is more alike than chance makes it to similarity.html: for the teaching staff only. Who is not on the roster
    any more, or not in submitted/, is left out.

    \b
    Examples:
      assignment report
      assignment report --since ../2025/submitted
    """
    from assignment.sandbox.zygote import Zygote
    from assignment.workflow.classroom import other_terms, write_feedback, write_report
    from assignment.workflow.roster import dropped

    found, which = chosen()
    _settle_graded(found, which)
    others = None
    if since:
        with Zygote.start(contain=not no_sandbox) as zygote, progress("reading other terms") as step:
            others = other_terms(found, which, since, zygote, step)
    with progress("writing pages") as step:
        write_feedback(found, which, step)  # which the report opens
    for path in write_report(found, which, others).values():
        say(found.shown(path))
    if gone := dropped(found, which):
        say(f"not on the roster, left out: {', '.join(gone)}")
    _name_ungraded(found, which)


def _settle_graded(course: Course, name: str) -> None:
    """Set every penalty anew. AssignmentError where nothing is graded, or marks are an older master's."""
    from assignment.marking.decisions import refuse_outdated
    from assignment.marking.gradebook import refresh_penalties
    from assignment.marking.results import refuse_ungraded

    refuse_ungraded(course, name)
    refuse_outdated(course, name)
    refresh_penalties(course, name)


def _name_ungraded(course: Course, name: str) -> None:
    """Name the hand-ins that no page shows."""
    from assignment.marking.results import behind, damaged

    warn(*behind(course, name))
    complain(damaged(course, name))


def formgrader(
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Print the address, open nothing.")] = False,
) -> None:
    """Open nbgrader's formgrader on this course, to give scores and comments by hand; Ctrl-C ends it.

    The address that is printed works on this machine only, and holds a password: do not pass it on.

    \b
    Examples:
      assignment formgrader
      assignment formgrader --no-browser
    """
    import webbrowser

    from assignment.workflow.formgrader import formgrader as verb

    with verb(Course.find(COURSE.get())) as served:
        print(served.url, flush=True)
        if not no_browser and not webbrowser.open(served.url):
            say("no browser could be opened; open that address yourself")
        with suppress(KeyboardInterrupt):
            served.process.wait()
            raise AssignmentError("formgrader ended by itself; run it again")


def feedback() -> None:
    """Write every student's feedback page, feedback/STUDENT/NAME/NAME.html.

    `push` does this by itself. `nbgrader generate_feedback` writes the same pages.

    \b
    Example:
      assignment feedback
    """
    from assignment.workflow.classroom import write_feedback

    found, which = chosen()
    _settle_graded(found, which)
    with progress("writing pages") as step:
        paths = write_feedback(found, which, step)
    say(f"feedback/: {counted(len(paths), 'page')}")
    _name_ungraded(found, which)


def export(
    roster: Annotated[
        Path | None,
        typer.Option(
            metavar="CSV", help="A gradebook exported from Canvas just now (default: the one collected with)."
        ),
    ] = None,
    column: Annotated[
        str | None,
        typer.Option(metavar="ID", help="Id or title of the assignment's column there; remembered."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Write what goes back to Canvas by hand, into exported/NAME/.

    grades.csv is for Grades > Import, feedback.zip for the assignment's Upload Submissions. It is said whose mark in
    Canvas would change, and who is left out and why. Refused while a zero waits for `confirm` or `waive`.

    \b
    Examples:
      assignment export
      assignment export --roster gradebook-today.csv
    """
    from assignment.workflow.classroom import annotated
    from assignment.workflow.export import export_feedback, export_grades

    found, which = chosen()
    _settle_decided(found, which)
    grades = export_grades(found, which, roster, column=column)
    with waiting("packing the feedback"):
        packed = export_feedback(found, which, annotated(found, which))
    tables.show_exported(found, grades, packed, as_json)
    if not as_json:
        out.print(POLICIES)


def _settle_decided(course: Course, name: str) -> None:
    """Set every penalty anew. AssignmentError while marks are an older master's, or wait for a person."""
    from assignment.marking.decisions import refuse_outdated, refuse_unseen
    from assignment.marking.gradebook import refresh_penalties, refuse_open

    refuse_outdated(course, name)
    refuse_unseen(course, name)
    refuse_open(course, name)
    refresh_penalties(course, name)


def push(
    yes: Annotated[bool, typer.Option("--yes", help="Do it; without, only what would be sent is shown.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would be sent (the default).")] = False,
    as_json: AsJson = False,
) -> None:
    """Send marks, a comment and the feedback page to Canvas, each exactly once.

    However often it is stopped and run again, nothing is sent twice and nobody is left out. CANVAS_URL and
    CANVAS_TOKEN as for `fetch`. Without --yes nothing is sent. Refused while a zero waits for `confirm` or `waive`.

    \b
    Examples:
      assignment push
      assignment push --yes
    """
    from assignment.canvas.api import connect
    from assignment.workflow.classroom import comments, write_feedback
    from assignment.workflow.push import push as verb

    found, which = chosen()
    if yes and dry_run:
        raise AssignmentError("push: --yes and --dry-run contradict each other; type one of them")
    _settle_decided(found, which)
    write_feedback(found, which)
    with connect() as remote, progress("sending") as step:
        pushed = verb(found, which, remote, comments(found, which), yes=yes, progress=step)
    tables.show_pushed(pushed, yes, as_json)
