"""The command line, with the verbs that need no class: new, build, prove, release, demo, doctor."""

from pathlib import Path
from typing import Annotated

import typer

from assignment.cli import deciding, grading, tables
from assignment.cli.terminal import COURSE, NAME, AsJson, Verbs, chosen, out, progress, run, say, waiting
from assignment.course import CONFIG, Course
from assignment.text import counted

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


def new(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", hidden=True)],
    course_id: Annotated[str, typer.Option("--course-id", metavar="ID", help="Of the new term; decisions go by it.")],
    old: Annotated[
        Path | None, typer.Option("--from", metavar="COURSE", help="The course to take it from (default: here).")
    ] = None,
) -> None:
    """Begin the course of a new term in FOLDER, with the homeworks and settings of an old one.

    Nothing of the old class comes along: no submissions, marks, decisions, releases, deadlines or extensions, and
    hidden data are drawn from a new secret.

    \b
    Example:
      assignment new ../autumn-2027 --course-id cs7353-2027
    """
    from assignment.workflow.new import begin

    begun, left_out = begin(Course.find(old or COURSE.get()), folder, course_id)
    say(f"{begun.root}: course {course_id}, {', '.join(begun.assignments())}")
    for line in left_out:
        say(f"left out of nbgrader_config.py: {line}")
    say("now set the deadline in nbgrader_config.py there, look through the rest, and run: assignment release")


def build(
    take_back: Annotated[
        bool, typer.Option("--take-back", help="Carry edits made to the notebook in Jupyter back into the text first.")
    ] = False,
    check: Annotated[
        bool,
        typer.Option("--check", help="Then examine it as `release` does: full marks for its own solutions, or not."),
    ] = False,
) -> None:
    """Make the master notebook source/NAME/NAME.ipynb from its text source/NAME.py.

    The same text gives the same notebook, byte for byte. A notebook that was edited in Jupyter since the last build is
    never overwritten: the difference is shown, and --take-back carries it into the text.

    \b
    Examples:
      assignment build
      assignment build --take-back
      assignment build --check
    """
    from assignment.homework.percent import commands
    from assignment.workflow import build as verb

    found, which = chosen()
    built = (verb.take_back if take_back else verb.build)(found, which)
    state = "written" if built.changed else "up to date"
    size = f"{counted(len(built.master.cells), 'cell')}, {counted(built.master.max, 'point')}"
    say(f"{found.shown(built.path)}: {state}, {size}")
    text = found.source_text(which)
    for line, command in commands(found.read(text)):
        note = f"note: {command!r} is a command of IPython in the notebook; a comment begins with another word"
        say(f"{found.shown(text)}:{line}: {note}")
    if check:
        from assignment.workflow.release import examine

        with waiting("examining the solutions and the empty release"):
            examine(found, which)
        say("its own solutions get every point, the untouched release none")


def prove(
    draws: Annotated[
        int, typer.Option("--draws", min=1, show_default=False, help="Draws of hidden data (default: 20).")
    ] = 20,
    every: Annotated[
        int, typer.Option("--every", min=1, show_default=False, help="Try one in so many changes (default: 1).")
    ] = 1,
    as_json: AsJson = False,
) -> None:
    """Try how well the checks of a homework tell right work from wrong.

    Its own solutions and the right variants in source/NAME_variants/ must get every point, and each named mistake must
    lose one. Then every solution is changed in one place at a time: a change that loses nothing is listed, for either a
    check is blind to it or it changes nothing. Shown too: how near right and wrong work come to each threshold, and
    hidden blocks in which nothing failed that passes what students see. Nothing is written but the built notebook.

    \b
    Examples:
      assignment prove
      assignment prove --every 10
    """
    from assignment.workflow.proving import prove as verb

    found, which = chosen()
    with progress("solutions") as step:
        proof = verb(found, which, draws, every, step)
    tables.show_proof(proof, as_json)


def release() -> None:
    """Make release/NAME/NAME.ipynb, the notebook that students get.

    First the homework is examined like a submission: its own solutions must get every point, the untouched release
    none. Then nbgrader takes the solutions and hidden tests out, and it is proved that none is left, nor a part of one.
    A leak is an error that names the cell, and no release stays behind. A copy is kept in published/NAME/: submissions
    made from an earlier release are still recognised after a correction in mid-term. Commit both.

    \b
    Example:
      assignment release
    """
    from assignment.workflow.release import release as verb

    found, which = chosen()
    with waiting("examining the homework and building the release"):
        made = verb(found, which)
    say(f"{found.shown(found.release(which))}: release {made.release}, {counted(made.max, 'point')}, nothing leaked")


def demo(folder: Annotated[Path | None, typer.Argument(metavar="FOLDER", hidden=True)] = None) -> None:
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


SECTIONS = {
    "Write a homework": (new, build, prove, release),
    "Bring a class in and grade it": (grading.collect, grading.fetch, grading.grade, grading.compare, grading.check),
    "Decide": (deciding.rules, deciding.confirm, deciding.waive, deciding.award, deciding.decide, deciding.history),
    "Look and give back": (grading.report, grading.formgrader, grading.feedback, grading.export, grading.push),
    "Try it": (demo, doctor),
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


def main() -> None:
    """Run the command line."""
    run(lambda: app(prog_name="assignment"))
