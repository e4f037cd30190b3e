"""Verbs that bring a class in and grade it: collect, fetch, grade, check."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from assignment.cli import tables
from assignment.cli.terminal import (
    AsJson,
    Jobs,
    NoSandbox,
    Students,
    alone,
    chosen,
    complain,
    people,
    print_json,
    progress,
    warn,
)
from assignment.errors import AssignmentError


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
    from assignment.workflow.roster import strangers

    tables.show_graded(found, which, graded, as_json)
    odd = [f"submitted/{folder}: no name of a student's; rename the folder" for folder in found.odd_folders(which)]
    for decision in open_decisions(found, which):
        line = f"{decision.student}: {decision.what} does not count, it was given on {decision.given_on}"
        warn(f"{line}; run: assignment decide {decision.student} --keep, or --drop")
    warn(*graded.left_out, *strangers(found, which))
    complain([*graded.failed, *odd])


def compare(
    students: Students = None,
    jobs: Jobs = None,
    no_sandbox: NoSandbox = False,
    as_json: AsJson = False,
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
        from assignment.workflow.compare import compare as verb

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
