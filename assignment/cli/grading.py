"""Verbs that take a class from its hand-ins to Canvas: bring it in, grade it, look at it, give it back."""

from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from assignment.cli import tables
from assignment.cli.terminal import (
    COURSE,
    AsJson,
    Jobs,
    NoSandbox,
    Students,
    alone,
    chosen,
    complain,
    out,
    people,
    print_json,
    progress,
    say,
    waiting,
    warn,
)
from assignment.course import Course
from assignment.errors import AssignmentError
from assignment.text import counted


def collect(
    archive: Annotated[Path, typer.Argument(metavar="ARCHIVE", hidden=True)],
    roster: Annotated[
        Path | None,
        typer.Option(metavar="CSV", help="The gradebook exported from Canvas; remembered for the next time."),
    ] = None,
    groups: Annotated[
        Path | None,
        typer.Option(metavar="CSV", help="The group set exported from Canvas, for work in groups; remembered too."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Take a Canvas submissions archive apart into submitted/.

    ARCHIVE is the zip that Canvas gives for Download Submissions. It is said what became of every entry, and who on
    the roster handed in nothing. The folder of a student in submitted/ is the Canvas user id. Collecting again, also
    an older archive, does no harm; the archive's own bytes are kept in collected/NAME/.

    \b
    Examples:
      assignment collect submissions.zip --roster gradebook.csv
      assignment collect submissions-late.zip
    """
    from assignment.workflow.collect import collect as verb

    found, which = chosen()
    with progress("collecting") as step:
        collected = verb(found, which, archive, roster, progress=step, groups_csv=groups)
    tables.show_collected(collected, as_json)


def fetch(as_json: AsJson = False) -> None:
    """Fetch everybody's newest attempt from Canvas into submitted/, with late marks and times.

    CANVAS_URL in the environment is the address of the assignment's page, CANVAS_TOKEN an access token (Account >
    Settings > New Access Token). A run that was stopped goes on where it was.

    \b
    Example:
      export CANVAS_URL=https://canvas.example.edu/courses/12/assignments/34
      export CANVAS_TOKEN=...
      assignment fetch
    """
    from assignment.canvas.api import connect
    from assignment.workflow.collect import fetch as verb

    found, which = chosen()
    with connect() as remote, progress("fetching") as step:
        fetched = verb(found, which, remote, progress=step)
    tables.show_collected(fetched, as_json)


def grade(
    students: Students = None,
    jobs: Jobs = None,
    again: Annotated[bool, typer.Option("--again", help="Also those that are graded and have not changed.")] = False,
    fresh: Annotated[bool, typer.Option("--fresh", help="Begin a new gradebook where the old one is gone.")] = False,
    never_lower: Annotated[
        bool, typer.Option("--never-lower", help="What a hand-in had counts where it would get less now.")
    ] = False,
    on: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Examine on a Dask cluster (tcp://HOST:8786, or local:N to try).")
    ] = "",
    no_sandbox: NoSandbox = False,
    as_json: AsJson = False,
) -> None:
    """Grade everything new or changed in submitted/.

    Results go to autograded/ and into nbgrader's gradebook, which is copied to backups/ first. Scores and comments
    that a person gave stay. Penalties for lateness and broken rules are set anew for everybody. A run that was stopped
    is finished by the next one. With STUDENT (Canvas user ids) only these are graded.

    \b
    Examples:
      assignment grade
      assignment grade --again 1042 1043
      assignment grade --again --never-lower
      assignment grade --json | jq 'select(.verdict != "graded").student'
      assignment grade --on tcp://10.0.0.7:8786
    """
    if on and (jobs or no_sandbox):
        raise AssignmentError(
            "--on: a cluster has its own workers, all with a sandbox; leave --jobs and --no-sandbox out"
        )
    from assignment.sandbox.zygote import Zygote

    found, which = chosen()
    with Zygote.start(contain=not no_sandbox) as zygote:  # begun first: it takes a while
        from assignment.workflow.grade import grade as verb

        with alone(found, "grade"), progress("grading") as step:
            who = people(found, which, students)
            graded = verb(found, which, jobs, who, again, step, zygote, fresh, on, never_lower)
    from assignment.marking.gradebook import open_decisions  # after nbgrader, which grading imports beside its workers
    from assignment.workflow.collect import strangers

    tables.show_graded(found, which, graded, as_json)
    odd = [f"submitted/{folder}: no name of a student's; rename the folder" for folder in found.odd_folders(which)]
    for decision in open_decisions(found, which):
        line = f"{decision.student}: {decision.what} does not count, it was given on {decision.given_on}"
        warn(f"{line}; run: assignment decide {decision.student} --keep, or --drop")
    warn(*graded.left_out, *strangers(found, which))
    complain([*graded.failed, *odd])


def compare(
    students: Students = None, jobs: Jobs = None, no_sandbox: NoSandbox = False, as_json: AsJson = False
) -> None:
    """Show what `grade --again` would change, before anything is written.

    What was graded is examined once more with today's master, limits and rules: which parts would get other points,
    how many students go up and down, and whose automatic mark would be another. With --json one object a line and
    change: exercise, part, student, before, after.

    \b
    Examples:
      assignment compare
      assignment compare --json 1042
    """
    from assignment.sandbox.zygote import Zygote

    found, which = chosen()
    with Zygote.start(contain=not no_sandbox) as zygote:
        from assignment.workflow.grade import compare as verb

        with progress("comparing") as step:
            compared = verb(found, which, zygote, jobs, people(found, which, students), step)
    tables.show_compared(found, compared, as_json)


def check(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", hidden=True)],
    jobs: Jobs = None,
    no_sandbox: NoSandbox = False,
    as_json: AsJson = False,
) -> None:
    """Grade notebook files directly; nothing of the course is touched.

    Exit status 0 when every FILE was graded, whatever the marks; 2 when one could not be. With --json one object a
    line and file, in the order named.

    \b
    Examples:
      assignment check submitted/1042/rnn/rnn.ipynb
      assignment check --json submitted/*/rnn/rnn.ipynb > results.jsonl
    """
    from assignment.sandbox.zygote import Zygote

    found, which = chosen()
    graded = True
    with Zygote.start(contain=not no_sandbox) as zygote:  # begun first: it takes a while
        from assignment.workflow.grade import check as verb

        for file, result in verb(found, which, files, zygote, jobs):
            graded = graded and result.verdict == "graded"
            if as_json:
                row = {"file": str(file), **result.as_dict(), "net": result.net if result.marked else None}
                print_json(row)
            else:
                tables.show_checked(file, result)
    if not graded:
        raise typer.Exit(2)


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
    from assignment.workflow.collect import dropped

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
    from assignment.marking import refuse_ungraded
    from assignment.marking.decisions import refuse_outdated
    from assignment.marking.gradebook import refresh_penalties

    refuse_ungraded(course, name)
    refuse_outdated(course, name)
    refresh_penalties(course, name)


def _name_ungraded(course: Course, name: str) -> None:
    """Name the hand-ins that no page shows."""
    from assignment.marking import behind, damaged

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

    from assignment.workflow.classroom import formgrader as verb

    with verb(Course.find(COURSE.get())) as (url, process):
        print(url, flush=True)
        if not no_browser and not webbrowser.open(url):
            say("no browser could be opened; open that address yourself")
        with suppress(KeyboardInterrupt):
            process.wait()
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
        str | None, typer.Option(metavar="ID", help="Id or title of the assignment's column there; remembered.")
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
    from assignment.workflow.returning import export_feedback, export_grades

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
    older: Annotated[bool, typer.Option("--older", help="Also marks of those who handed in anew since.")] = False,
    as_json: AsJson = False,
) -> None:
    """Send marks, a comment and the feedback page to Canvas, each exactly once.

    However often it is stopped and run again, nothing is sent twice and nobody is left out. CANVAS_URL and
    CANVAS_TOKEN as for `fetch`. Without --yes nothing is sent. Refused while a zero waits for `confirm` or `waive`. Who
    has handed in something newer than was graded is left out.

    \b
    Examples:
      assignment push
      assignment push --yes
    """
    from assignment.canvas.api import connect
    from assignment.workflow.classroom import comments, write_feedback
    from assignment.workflow.returning import push as verb

    found, which = chosen()
    if yes and dry_run:
        raise AssignmentError("push: --yes and --dry-run contradict each other; type one of them")
    _settle_decided(found, which)
    write_feedback(found, which)
    with connect() as remote, progress("sending") as step:
        pushed = verb(found, which, remote, comments(found, which), yes, step, older)
    tables.show_pushed(pushed, yes, as_json)
