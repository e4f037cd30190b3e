"""A class that is graded: where everybody stands, what waits for a person, the pages, and formgrader to change marks.

Standing: what was examined, what people changed since, what Canvas said; for pages and for what goes back.
"""

import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from urllib.request import urlopen

from assignment import words
from assignment.course import Course, FullError, replace_file
from assignment.errors import AssignmentError
from assignment.grading.result import Result
from assignment.homework import load_master
from assignment.homework.notebook import NotebookJson, dumps
from assignment.marking import read_autograded, result_of
from assignment.marking.breakdown import CENT, Standing, standing_of
from assignment.marking.decisions import load, unseen
from assignment.marking.gradebook import open_decisions
from assignment.marking.lateness import Lateness
from assignment.plugins import examiner_for
from assignment.report.annotated import annotate
from assignment.report.class_page import (
    REMEDIES,
    Absent,
    ClassMember,
    OpenCase,
    alone,
    report,
    report_csv,
    report_json,
    summarise,
)
from assignment.report.patterns import similarity, similarity_page
from assignment.report.student_page import codes, page, title
from assignment.sandbox.zygote import Zygote
from assignment.submission.attachments import read_record
from assignment.submission.likeness import known
from assignment.text import points
from assignment.workflow.collect import dropped, read_roster
from assignment.workflow.pool import end_with_parent, examine_all

Progress = Callable[[int, int], None]
Work = tuple[Result, dict[str, str]]  # what is compared of a hand-in: its result, and its code by exercise
START = 120.0  # seconds until formgrader answers; only a machine with much else to do needs them


def graded(course: Course, name: str) -> Iterator[tuple[Standing, NotebookJson]]:
    """Yield where everybody stands who handed in and has a record in the gradebook, with the autograded notebook.

    Whoever has a damaged autograded notebook is left out, and who is not in submitted/ any more.
    """
    there = set(course.students(name))
    config, decisions = course.config(), load(course)
    lateness = Lateness(config, name)
    with course.gradebook() as gradebook:
        records = {s.student.id: s for s in gradebook.assignment_submissions(name)}
        for student in sorted(there & records.keys()):
            try:
                notebook = read_autograded(course, name, student)
            except (OSError, ValueError, RecursionError):
                continue  # assignment.marking.damaged names it
            record = next(n for n in records[student].notebooks if n.name == name)
            result = result_of(notebook)
            if result is None:
                continue
            canvas = read_record(course.submitted(student, name).parent)
            late = lateness.arrival(record.assignment, bool(canvas and canvas.late))
            yield standing_of(record, result, canvas, late, config, decisions), notebook


def waiting(course: Course, name: str) -> list[tuple[str, OpenCase]]:
    """Return what waits for a person, with the student's name.

    Rules broken, old decisions on new hand-ins, no mark, not examined by itself; in that order.
    """
    zeros, again = unseen(course, name), _again(course, name)
    cases: list[list[tuple[str, OpenCase]]] = [[], [], [], []]
    for standing, _ in graded(course, name):
        who, whose, result = standing.student, standing.name, standing.result
        if rules := zeros.get(who):
            commands = [f"assignment confirm {who}", *(f'assignment waive {who} --rule {r} --why "…"' for r in rules)]
            cases[0].append((whose, OpenCase(who, f"0 for {', '.join(rules)}", "\n".join(commands))))
        cases[1] += [(whose, case) for case in again if case.student == who]
        if not standing.breakdown.marked:
            command = REMEDIES.get(result.verdict, "assignment grade --again STUDENT").replace("STUDENT", who)
            cases[2].append((whose, OpenCase(who, f"no mark: {result.verdict}: {result.reason}", command)))
        cases[3] += [(whose, case) for case in alone(who, result, name)]
    return [each for kind in cases for each in kind]


def _again(course: Course, name: str) -> list[OpenCase]:
    """What was decided on an earlier hand-in, and has to be decided again."""
    how = "assignment decide {} --keep, or --drop"
    waits = open_decisions(course, name)
    return [OpenCase(one.student, f"{one.what}, given on {one.given_on}", how.format(one.student)) for one in waits]


def write_feedback(course: Course, name: str, progress: Progress = lambda done, total: None) -> list[Path]:
    """Write every student's page to feedback/ and return the paths.

    AssignmentError, when all others are written, names those that could not be.
    """
    paths, failed = [], []
    everybody = list(graded(course, name))
    for count, (standing, notebook) in enumerate(everybody, 1):
        path = course.feedback(standing.student, name)
        try:
            replace_file(path, page(standing, notebook))
            paths.append(path)
        except FullError:
            raise
        except AssignmentError as error:
            failed.append(str(error))
        progress(count, len(everybody))
    if failed:
        raise AssignmentError(f"{failed[0]}; all others are written", "\n".join(failed[1:]))
    return paths


def write_report(course: Course, name: str, others: Mapping[str, Work] | None = None) -> dict[str, Path]:
    """Write the class page, the page of similar work, and JSON and CSV, to exported/NAME/; return the paths by kind.

    others: what was handed in in other terms, to be compared with (`other_terms`).
    """
    others = others or {}
    folder = course.exported(name)
    gone = set(dropped(course, name))
    everybody = {standing.student: (standing, notebook) for standing, notebook in graded(course, name)}
    everybody = {who: pair for who, pair in everybody.items() if who not in gone}
    roster, there = read_roster(course, name, None), set(course.students(name))
    missing = [Absent(who, person.name) for who, person in roster.items() if who not in there and not person.test]
    heading = next((title(notebook) for _, notebook in everybody.values()), name)
    pending = [case for case in _again(course, name) if case.student in everybody]
    now = f"{datetime.now():%Y-%m-%d %H:%M}"
    decisions = load(course)
    sources = {who: codes(notebook) for who, (_, notebook) in everybody.items()}
    pages = {who: course.feedback(who, name) for who in everybody}
    members = [
        ClassMember(
            standing,
            Path(os.path.relpath(pages[who], folder)).as_posix() if pages[who].exists() else "",
            sources[who],
            decisions.confirmed(who, name, standing.result.rules),
            roster[who].section if who in roster else "",
        )
        for who, (standing, _) in everybody.items()
    ]
    results = {who: standing.result for who, (standing, _) in everybody.items()}
    judged = {who: decisions.on_similarity(who, name, result.made_by.submission) for who, result in results.items()}
    variants = [path.read_text("utf-8", errors="replace") for path in course.variants(name).glob("**/*.py")]
    alike = similarity(
        results | {who: result for who, (result, _) in others.items()},
        known(load_master(course.source(name)), course.mistakes_text(name), variants),
        others.keys(),
        {who: words for who, words in judged.items() if words},
    )
    sources |= {who: source for who, (_, source) in others.items()}
    summary = summarise(members, name, heading, now, missing, pending, alike.groups)
    people = {row.student: row for row in summary.students}
    made = {
        "html": (folder / "report.html", report(summary)),
        "similarity": (folder / "similarity.html", similarity_page(alike, summary.title, people, sources)),
        "json": (folder / "report.json", report_json(summary)),
        "csv": (folder / "report.csv", report_csv(summary)),
    }
    for path, text in made.values():
        replace_file(path, text)
    return {kind: path for kind, (path, _) in made.items()}


def other_terms(course: Course, name: str, folder: Path, zygote: Zygote, progress: Progress) -> dict[str, Work]:
    """Read what was handed in in another term, without running it; folder: that course's submitted/.

    Returns it by TERM/STUDENT. AssignmentError if the folder holds nothing of the assignment.
    """
    term = folder.resolve().parent.name
    files = {f"{term}/{path.parts[-3]}": path for path in sorted(folder.glob(f"*/{name}/{name}.ipynb"))}
    if not files:
        raise AssignmentError(f"{folder}: no STUDENT/{name}/{name}.ipynb; name another course's submitted/")
    examiner = examiner_for(course, name)
    examiner.reads_only = True
    found = {}
    for count, (who, examined) in enumerate(examine_all(files.items(), examiner, zygote), 1):
        found[who] = examined.result, codes(examined.notebook)
        progress(count, len(files))
    return found


def annotated(course: Course, name: str) -> Iterator[tuple[str, bytes]]:
    """Yield the notebooks that go back, by student."""
    for standing, notebook in graded(course, name):
        yield standing.student, dumps(annotate(standing, notebook)).encode()


def comments(course: Course, name: str) -> dict[str, str]:
    """Return by student what says in Canvas how a mark came about; the page that goes with it says the rest."""
    return {standing.student: comment(standing) for standing, _ in graded(course, name)}


def comment(standing: Standing) -> str:
    """Return what Canvas says of a mark."""
    breakdown = standing.breakdown
    lost = []
    for check in standing.result.checks:
        score = breakdown.earned(check)
        if score < check.max - CENT:
            lost.append((check.name, points(score), points(check.max)))
    taken = [(row.kind, points(row.points)) for row in breakdown.rows if row.kind in ("late", "rules")]
    verdict = words.verdict(standing.result.verdict)
    return words.comment(points(breakdown.net), points(breakdown.max), verdict, taken, lost)


@contextmanager
def formgrader(course: Course) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Serve nbgrader's formgrader on this machine until the context is left -> its address (with a password), it.

    AssignmentError if it does not start.
    """
    course.check_gradebook()
    token = secrets.token_hex(16)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = ["--no-browser", "--ip=127.0.0.1", f"--port={port}", "--ServerApp.port_retries=0"]
    process = subprocess.Popen(
        [sys.executable, "-m", "jupyter", "server", *options, *["--allow-root"] * (os.geteuid() == 0)],
        cwd=course.root,
        env=os.environ | {"JUPYTER_TOKEN": token},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # Ctrl-C is for us; the server is ended below
        preexec_fn=end_with_parent,  # or with a terminal that is closed
    )
    try:
        url = f"http://127.0.0.1:{port}/formgrader?token={token}"
        _wait(url, process)
        yield url, process
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(10)
        process.kill()
        process.wait()


def _wait(url: str, process: subprocess.Popen[bytes]) -> None:
    limit, why = time.monotonic() + START, "it did not answer"
    while process.poll() is None and time.monotonic() < limit:
        try:
            with urlopen(url, timeout=5):
                return
        except OSError as error:
            why = str(error)
            time.sleep(0.2)
    raise AssignmentError(
        f"formgrader did not start ({why}); try `jupyter lab` here, menu Nbgrader > Formgrader, which says more"
    )
