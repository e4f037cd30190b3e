"""The command line: one verb a step of the pipeline. Only `commands`, the tables and `terminal` print."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from assignment.cli import authoring, deciding, grading, returning
from assignment.cli.options import BEFORE, AsJson, CourseOption, NameOption, chosen, course_of, shown
from assignment.cli.terminal import Verbs, out, run
from assignment.course import CONFIG

HELP = """Release a graded notebook homework, collect it from Canvas, grade it, return marks and feedback.

Every command acts on the course in the current folder, the one with nbgrader_config.py, or in --course DIR.
`assignment COMMAND --help` says more, with examples.

\b
Exit status:
  0    done
  1    something has to be put right; one line on stderr says what
  2    wrong words on the command line, or a file that `check` could not grade
  130  stopped by Ctrl-C; what was finished is kept
"""
SECTIONS = {
    "Write a homework": (authoring.new, authoring.build, authoring.prove, authoring.release),
    "Bring a class in and grade it": (grading.collect, grading.fetch, grading.grade, grading.compare, grading.check),
    "Decide": (deciding.rules, deciding.confirm, deciding.waive, deciding.award, deciding.decide, deciding.history),
    "Look and give back": (
        returning.report,
        returning.formgrader,
        returning.feedback,
        returning.export,
        returning.push,
    ),
}

app = typer.Typer(
    cls=Verbs,
    help=HELP,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for section, verbs in SECTIONS.items():
    for verb in verbs:
        app.command(rich_help_panel=section)(verb)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"assignment {version('assignment')}")
        raise typer.Exit


@app.callback()
def options(
    _: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
    course: CourseOption = None,
    name: NameOption = None,
) -> None:
    """What every verb shares."""
    BEFORE.set((course, name))


@app.command(rich_help_panel="Try it")
def demo(
    folder: Annotated[Path | None, typer.Argument(metavar="FOLDER", hidden=True)] = None,
    course: CourseOption = None,
    name: NameOption = None,
) -> None:
    """Take a made-up class of fourteen through a term, as a TA would.

    The commands typed and what they print are shown. With FOLDER, a new or an empty one, the demo course stays there
    to be looked at; without, it is gone afterwards.

    \b
    Example:
      assignment demo /tmp/demo
    """
    from assignment.workflow.demo import prepared

    found, which = chosen(course, name)
    with prepared(found, which, folder) as (copy, archive, roster):
        for step, arguments in (
            ("release", []),
            ("collect", [str(archive), "--roster", str(roster)]),
            ("grade", []),
            ("confirm", ["--all"]),
            ("export", []),
            ("report", []),
        ):
            words = " ".join(["assignment", step, *(shown(copy, Path(argument)) for argument in arguments)])
            out.print(f"[bold]$ {words}[/]")
            app([step, *arguments, "--course", str(copy.root), "--assignment", which], standalone_mode=False)
            out.print()
        if folder:
            out.print(f"the course stays in {escape(str(copy.root))}", soft_wrap=True)


@app.command(rich_help_panel="Try it")
def doctor(course: CourseOption = None, as_json: AsJson = False) -> None:
    """Is this machine fit to grade? Each lack is shown with its remedy.

    Looked at are Python, the packages, bubblewrap, user namespaces, limits, memory, disk, and how long one examination
    takes. Exit status 1 when nothing could be graded here.

    \b
    Example:
      assignment doctor
    """
    from assignment.cli.tables import show_probes
    from assignment.workflow.doctor import probes

    here = course_of(course) if course or BEFORE.get()[0] or Path(CONFIG).is_file() else None
    seen = list(probes(here))
    show_probes(out, seen, as_json)
    if any(probe.unfit for probe in seen):
        raise SystemExit(1)


def main() -> None:
    """Run the command line."""
    run(lambda: app(prog_name="assignment"))
