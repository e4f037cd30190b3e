"""The command line: one verb a step of the pipeline; only this module and `tables` print."""

from __future__ import annotations

import getpass
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from assignment.course import Course
from assignment.errors import AssignmentError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    help="Release a graded notebook homework, collect it from Canvas, grade it, return marks and feedback.\n\n"
    "Exit status: 0 done; 1 something has to be put right (one line says what); 2 wrong words on the command line, or "
    "a file that `check` could not grade; 130 stopped by Ctrl-C, with everything finished so far kept.",
)
out = Console(highlight=False)
err = Console(stderr=True, highlight=False)

CourseOption = Annotated[
    Path | None,
    typer.Option("--course", metavar="DIR", help="The course's folder (with nbgrader_config.py) [default: here]."),
]
NameOption = Annotated[
    str | None, typer.Option("--assignment", metavar="NAME", help="Which assignment; not needed while there is one.")
]
NoSandbox = Annotated[
    bool, typer.Option("--no-sandbox", help="Go on without containment: student code can read and write your files.")
]
WhoOption = Annotated[str | None, typer.Option("--who", help="Who decides [default: the user logged in].")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for a program instead of a table for people.")]


def main() -> None:
    """Run the command line; every error that a person can mend is one line on stderr and exit status 1."""
    try:
        app()
    except AssignmentError as error:
        err.print(f"[bold red]error:[/] {_escape(str(error))}", soft_wrap=True)
        if error.details:
            err.print(error.details, markup=False, soft_wrap=True)
        raise SystemExit(1) from None
    except KeyboardInterrupt:
        err.print("stopped; what was finished is kept, run the same command again to go on")
        raise SystemExit(130) from None


def _escape(text: str) -> str:
    from rich.markup import escape

    return escape(text)


def _course(course: Path | None, name: str | None) -> tuple[Course, str]:
    found = Course.find(course)
    return found, found.assignment(name)


@contextmanager
def _progress(what: str) -> Iterator[Callable[[int, int], None]]:
    """A progress bar on stderr with rate and time left; it leaves no trace when it is done."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=err, transient=True) as bar:
        task = bar.add_task(what, total=None, rate="")

        def step(done: int, total: int) -> None:
            speed = bar.tasks[0].speed
            bar.update(task, completed=done, total=total, rate=f"{speed:.1f}/s" if speed else "")

        yield step


@app.command()
def build(
    course: CourseOption = None,
    name: NameOption = None,
    take_back: Annotated[
        bool, typer.Option("--take-back", help="Carry edits made to the notebook in Jupyter back into the text first.")
    ] = False,
) -> None:
    """Make the master notebook source/NAME/NAME.ipynb from its text source/NAME.py.

    A notebook that was edited in Jupyter since the last build is never overwritten: the difference is shown, and
    --take-back carries it into the text.
    """
    from assignment import build as verb

    found, chosen = _course(course, name)
    built = (verb.take_back if take_back else verb.build)(found, chosen)
    state = "written" if built.changed else "up to date"
    out.print(f"{_shown(found, built.path)}: {state}, {len(built.master.cells)} cells, {built.master.max:g} points")


@app.command()
def release(course: CourseOption = None, name: NameOption = None) -> None:
    """Make release/NAME/NAME.ipynb, what students get, and prove that no solution and no hidden test is in it."""
    from assignment.release import release as verb

    found, chosen = _course(course, name)
    with err.status("building the release with nbgrader"):
        made = verb(found, chosen)
    out.print(f"{_shown(found, made.path)}: release {made.release}, {made.points:g} points, nothing leaked")


@app.command()
def collect(
    archive: Annotated[Path, typer.Argument(help="The zip from Canvas: Download Submissions.")],
    roster: Annotated[
        Path | None, typer.Option(help="The gradebook CSV exported from Canvas; remembered for the next time.")
    ] = None,
    course: CourseOption = None,
    name: NameOption = None,
    as_json: AsJson = False,
) -> None:
    """Take a Canvas submissions archive apart into submitted/, and say what became of every file and every student."""
    from assignment import tables
    from assignment.collect import collect as verb

    found, chosen = _course(course, name)
    with _progress("collecting") as step:
        collected = verb(found, chosen, archive, roster, progress=step)
    tables.show_collected(out, collected, as_json)


@app.command()
def grade(
    students: Annotated[list[str] | None, typer.Argument(help="Only these students (Canvas user ids).")] = None,
    course: CourseOption = None,
    name: NameOption = None,
    jobs: Annotated[int | None, typer.Option(min=1, help="Submissions at a time [default: all cores].")] = None,
    again: Annotated[bool, typer.Option("--again", help="Also those that are graded and have not changed.")] = False,
    no_sandbox: NoSandbox = False,
    as_json: AsJson = False,
) -> None:
    """Grade everything new or changed in submitted/, into autograded/ and nbgrader's gradebook.

    Marks that a person gave stay. The gradebook is backed up first. A run that was stopped is finished by the next.
    """
    from assignment import tables
    from assignment.grade import grade as verb

    found, chosen = _course(course, name)
    with _progress("grading") as step:
        graded = verb(found, chosen, jobs, students or (), again, not no_sandbox, step)
    tables.show_graded(out, found, chosen, graded, as_json)


@app.command()
def check(
    files: Annotated[list[Path], typer.Argument(help="Notebooks to grade.")],
    course: CourseOption = None,
    name: NameOption = None,
    no_sandbox: NoSandbox = False,
    as_json: AsJson = False,
) -> None:
    """Grade notebook files directly; nothing of the course is touched.

    Exit status 0 when every file was graded, whatever the marks; 2 when one could not be.
    """
    from assignment import tables
    from assignment.grade import examiner_for

    found, chosen = _course(course, name)
    graded = True
    with examiner_for(found, chosen, not no_sandbox) as examiner:
        for file in files:
            result = examiner.examine_file(file).result
            graded = graded and result.verdict == "graded"
            if as_json:
                print(json.dumps({"file": str(file), **result.as_dict()}, ensure_ascii=False), flush=True)
            else:
                tables.show_checked(out, file, result)
    if not graded:
        raise typer.Exit(2)


@app.command()
def rules(
    students: Annotated[list[str] | None, typer.Argument(help="Only these students (Canvas user ids).")] = None,
    course: CourseOption = None,
    name: NameOption = None,
) -> None:
    """Show what was found about the three rules, with the evidence, and what was decided."""
    from assignment import tables
    from assignment.waivers import load
    from assignment.zeros import findings_of

    found, chosen = _course(course, name)
    everybody = students or [one for one in found.students(chosen) if found.autograded(one, chosen).exists()]
    findings = {student: findings_of(found, chosen, student) for student in everybody}
    tables.show_rules(out, chosen, findings, load(found))


@app.command()
def confirm(
    students: Annotated[list[str] | None, typer.Argument(help="Whose zero (Canvas user ids).")] = None,
    every: Annotated[bool, typer.Option("--all", help="Every zero that `assignment rules` shows.")] = False,
    why: Annotated[str, typer.Option(help="A word on it, for the file.")] = "",
    who: WhoOption = None,
    course: CourseOption = None,
    name: NameOption = None,
) -> None:
    """Confirm that a mark is 0 for a broken rule; `export` and `push` send no zero that nobody has looked at.

    It holds for the evidence there is today: if a later grading finds something else, it must be confirmed again.
    """
    from assignment.zeros import confirm_zero, unseen

    found, chosen = _course(course, name)
    if bool(students) == every:
        raise AssignmentError("confirm: name the students, or type --all")
    for student in students or unseen(found, chosen):
        confirmed = confirm_zero(found, chosen, student, _who(who), why)
        out.print(f"{student}: {'confirmed, ' + ', '.join(confirmed) if confirmed else 'no zero to confirm'}")


@app.command()
def waive(
    student: Annotated[str, typer.Argument(help="Who is let off (Canvas user id).")],
    rule: Annotated[str, typer.Option(help="todo, imports or outputs.")],
    why: Annotated[str, typer.Option(help="The reason; it stands in waivers.toml.")],
    who: WhoOption = None,
    course: CourseOption = None,
    name: NameOption = None,
) -> None:
    """Let a student off a rule: the marks earned count again, now and after every regrade."""
    from assignment.zeros import waive_rule

    found, chosen = _course(course, name)
    waive_rule(found, chosen, student, rule, why, _who(who))
    out.print(f"{student}: rule '{rule}' waived; see waivers.toml")


@app.command()
def export(
    roster: Annotated[
        Path | None,
        typer.Option(help="A gradebook CSV exported from Canvas just now [default: the one collected with]."),
    ] = None,
    column: Annotated[
        str | None, typer.Option(help="Id or title of the assignment's column, if it is not plain.")
    ] = None,
    course: CourseOption = None,
    name: NameOption = None,
) -> None:
    """Write what goes back to Canvas by hand: in exported/NAME/, grades.csv (Import), feedback.zip (Upload Submissions)."""
    from assignment import tables
    from assignment.classroom import annotated
    from assignment.export import export_feedback, export_grades
    from assignment.zeros import refuse_unseen

    found, chosen = _course(course, name)
    refuse_unseen(found, chosen)
    grades = export_grades(found, chosen, roster, column=column)
    with err.status("packing the feedback"):
        feedback = export_feedback(found, chosen, annotated)
    tables.show_exported(out, found, grades, feedback)


@app.command()
def fetch(course: CourseOption = None, name: NameOption = None, as_json: AsJson = False) -> None:
    """Fetch everybody's newest attempt from Canvas into submitted/, with late marks and times.

    CANVAS_URL is the assignment's page (https://…/courses/12/assignments/34) and CANVAS_TOKEN an access token, both in
    the environment. A run that was stopped goes on where it was.
    """
    from assignment import tables
    from assignment.canvas.rest import connect
    from assignment.fetch import fetch as verb

    found, chosen = _course(course, name)
    with connect() as remote, _progress("fetching") as step:
        fetched = verb(found, chosen, remote, progress=step)
    tables.show_collected(out, fetched, as_json)


@app.command()
def push(
    yes: Annotated[bool, typer.Option("--yes", help="Do it; without, only what would be sent is shown.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would be sent (the default).")] = False,
    course: CourseOption = None,
    name: NameOption = None,
) -> None:
    """Send marks, a comment and the feedback page to Canvas, each exactly once, however often it is stopped and run.

    CANVAS_URL and CANVAS_TOKEN as for `fetch`. Without --yes nothing is sent.
    """
    from assignment import tables
    from assignment.canvas.rest import connect
    from assignment.classroom import comment_for, write_feedback
    from assignment.push import push as verb
    from assignment.zeros import refuse_unseen

    found, chosen = _course(course, name)
    if yes and dry_run:
        raise AssignmentError("push: --yes and --dry-run contradict each other; type one of them")
    refuse_unseen(found, chosen)
    write_feedback(found, chosen)
    with connect() as remote, _progress("sending") as step:
        pushed = verb(found, chosen, remote, comment_for(found, chosen), yes=yes, progress=step)
    tables.show_pushed(out, pushed, yes)


@app.command()
def feedback(course: CourseOption = None, name: NameOption = None) -> None:
    """Write every student's feedback page to feedback/STUDENT/NAME/NAME.html."""
    from assignment.classroom import write_feedback

    found, chosen = _course(course, name)
    with _progress("writing pages") as step:
        paths = write_feedback(found, chosen, step)
    out.print(f"feedback/: {len(paths)} pages")


@app.command()
def report(course: CourseOption = None, name: NameOption = None) -> None:
    """Write the class page exported/NAME/report.html, and the same as report.json and report.csv."""
    from assignment.classroom import write_report

    found, chosen = _course(course, name)
    for path in write_report(found, chosen).values():
        out.print(_shown(found, path))


@app.command()
def demo(
    folder: Annotated[Path | None, typer.Argument(help="Where to leave the demo course [default: nowhere].")] = None,
    course: CourseOption = None,
    name: NameOption = None,
) -> None:
    """Make a class of fourteen and take it through release, collect, grade and export, as a TA would."""
    from assignment.demo import prepared

    found, chosen = _course(course, name)
    with prepared(found, chosen, folder) as (copy, archive, roster):
        for verb, arguments in (
            ("release", []),
            ("collect", [str(archive), "--roster", str(roster)]),
            ("grade", []),
            ("confirm", ["--all"]),
            ("export", []),
            ("report", []),
        ):
            words = " ".join(_shown(copy, Path(argument)) for argument in arguments)
            out.print(f"[bold]$ assignment {verb}[/] {words}")
            app([verb, *arguments, "--course", str(copy.root), "--assignment", chosen], standalone_mode=False)
            out.print()


def _who(named: str | None) -> str:
    return named or getpass.getuser()


def _shown(course: Course, path: Path) -> str:
    """The path as a person in the course's folder would write it."""
    return path.relative_to(course.root).as_posix() if path.is_relative_to(course.root) else str(path)
