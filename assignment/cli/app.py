"""The command line: one verb a step of the pipeline. Nothing below this package prints."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from assignment.cli import authoring, deciding, grading, returning, tables
from assignment.cli.terminal import COURSE, NAME, AsJson, Verbs, chosen, out, run, say
from assignment.course import CONFIG, Course

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
        from importlib.metadata import version

        print(f"assignment {version('assignment')}")
        raise typer.Exit


@app.callback()
def options(
    _: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
    course: Annotated[
        Path | None,
        typer.Option("--course", metavar="DIR", help="The course's folder, with nbgrader_config.py (default: here)."),
    ] = None,
    name: Annotated[
        str | None,
        typer.Option("--assignment", metavar="NAME", help="Which assignment; not needed while there is one."),
    ] = None,
) -> None:
    """What every verb shares."""
    COURSE.set(course)
    NAME.set(name)


@app.command(rich_help_panel="Try it")
def demo(
    folder: Annotated[Path | None, typer.Argument(metavar="FOLDER", hidden=True)] = None,
) -> None:
    """Take a made-up class of fourteen through a term, as a TA would.

    The commands typed and what they print are shown. With FOLDER, a new or an empty one, the demo course stays there
    to be looked at; without, it is gone afterwards.

    \b
    Example:
      assignment demo /tmp/demo
    """
    from assignment.workflow.new import prepared

    found, which = chosen()
    with prepared(found, which, folder) as (copy, archive, roster):
        for step, arguments in (
            ("release", []),
            ("collect", [str(archive), "--roster", str(roster)]),
            ("grade", []),
            ("confirm", ["--all"]),
            ("export", []),
            ("report", []),
        ):
            words = " ".join(["assignment", step, *(copy.shown(Path(argument)) for argument in arguments)])
            out.print(f"[bold]$ {words}[/]")
            app([step, *arguments, "--course", str(copy.root), "--assignment", which], standalone_mode=False)
            out.print()
        if folder:
            say(f"the course stays in {copy.root}")


@app.command(rich_help_panel="Try it")
def doctor(as_json: AsJson = False) -> None:
    """Is this machine fit to grade? Each lack is shown with its remedy.

    Looked at are Python, the packages, bubblewrap, user namespaces, limits, memory, disk, and how long one examination
    takes. Exit status 1 when nothing could be graded here.

    \b
    Example:
      assignment doctor
    """
    from assignment.workflow.doctor import probes

    here = Course.find(COURSE.get()) if COURSE.get() or Path(CONFIG).is_file() else None
    seen = list(probes(here))
    tables.show_probes(seen, as_json)
    if any(probe.unfit for probe in seen):
        raise SystemExit(1)


def main() -> None:
    """Run the command line."""
    run(lambda: app(prog_name="assignment"))
