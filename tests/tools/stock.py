"""What nbgrader's stock executor does with the corpus, beside what this project does: python -m tests.tools.stock.

Stock execution contains nothing, so all of it happens inside bubblewrap: one throw-away course a notebook, everything
else read-only, no network, processes and shared memory of its own, memory limited. What ends the whole run (a signal
to everybody) is counted against the notebook that was being graded, and the rest goes on in a new container.
"""

from __future__ import annotations

import json
import os
import resource
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from assignment.course import Course
from assignment.plugins import examiner_for
from assignment.sandbox import Limits
from assignment.sandbox.zygote import Zygote
from assignment.workflow.pool import Pool
from tests import ROOT
from tests.support.corpus import build, load
from tests.support.expected import bound, broken, shares

NAME = "rnn"
CELL_SECONDS = 10  # nbgrader's own default is 30; no honest cell of the corpus takes two
CASE_SECONDS = 60  # after that the grading of one notebook is killed
MEMORY = 3 << 30  # address space of each process of a notebook
WORDS = {"marker": "m4rk3r", "course": "..", "port": "9", "secret": "s3cr3t"}  # what attacks are told
CONFIG = f"""
c = get_config()
c.CourseDirectory.course_id = "stock"
c.ExecutePreprocessor.timeout = c.Execute.timeout = {CELL_SECONDS}
"""


@dataclass(frozen=True)
class Stock:
    """How stock grading of one notebook ended: its score (None: none was recorded) and what stopped it."""

    score: float | None
    ended: str = ""


def course(folder: Path, checkout: Path) -> Course:
    """Make a course with the same homework and nbgrader's own configuration, released by nbgrader."""
    (folder / "source" / NAME).mkdir(parents=True)
    shutil.copy(Course(checkout).source(NAME), folder / "source" / NAME)
    (folder / "nbgrader_config.py").write_text(CONFIG, encoding="utf-8")
    command = [sys.executable, "-m", "nbgrader", "generate_assignment", NAME]
    environment = {**os.environ, "PATH": _path()}
    subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=300, env=environment)
    return Course(folder)


def grade_stock(notebooks: Mapping[str, bytes], checkout: Path = ROOT) -> dict[str, Stock]:
    """Grade notebooks with nbgrader as it comes, each in a course of its own, in containers side by side."""
    jobs = os.cpu_count() or 1
    with tempfile.TemporaryDirectory(prefix="stock-") as folder, ThreadPoolExecutor(jobs) as pool:
        template = course(Path(folder) / "template", checkout).root
        shares = [dict(list(notebooks.items())[start::jobs]) for start in range(jobs)]
        done = pool.map(lambda n: _grade_share(Path(folder) / f"work-{n}", template, shares[n]), range(jobs))
        return {name: graded for share in done for name, graded in share.items()}


def compare(console: Console) -> int:
    """Print what becomes of the corpus here and under stock nbgrader; returns how many expectations fail here."""
    here = Course(ROOT)
    master, release = (json.loads(path(NAME).read_text(encoding="utf-8")) for path in (here.source, here.release))
    worth = shares(master)
    cases = {case.name: case.told(**WORDS) for folder in ("attacks", "honest") for case in load(folder)}
    honest = {case.name for case in load("honest")}
    notebooks = {name: build(case, release, master) for name, case in cases.items()}
    theirs = grade_stock(notebooks)
    ours = _grade_here(here, notebooks)
    wrong = {name: broken(cases[name], *ours[name], worth) for name in cases}
    for name in sorted(cases):
        if wrong[name]:
            console.print(f"{name}: {'; '.join(wrong[name])}", markup=False)

    def count(names: Any) -> tuple[str, str]:
        """How many of ours and of theirs."""
        return str(sum(names(name, ours[name][0]["score"]) for name in cases)), str(
            sum(names(name, theirs[name].score) for name in cases)
        )

    def gains(name: str, score: float | None) -> bool:
        return name not in honest and score is not None and score > bound(cases[name], worth) + 1e-6

    def loses(name: str, score: float | None) -> bool:
        return name in honest and (score is None or score < bound(cases[name], worth) - 1e-6)

    def stops(name: str, score: float | None) -> bool:
        return name not in honest and score is None

    table = Table("", "this project", "stock nbgrader", box=None)
    table.add_row(f"attacks (of {len(cases) - len(honest)}) that gain marks", *count(gains))
    table.add_row("attacks that leave the submission, or the class, without a score", *count(stops))
    table.add_row(f"honest submissions (of {len(honest)}) that lose marks", *count(loses))
    unmet = sum(map(bool, wrong.values()))
    table.add_row("expectations not met", str(unmet), "")
    console.print(table)
    return unmet


def _grade_here(here: Course, notebooks: Mapping[str, bytes]) -> dict[str, tuple[dict[str, Any], dict[str, Any]]]:
    """Result and notebook of every examination by this project."""
    limits = replace(Limits(), cell_seconds=15.0)

    examiner = examiner_for(here, NAME)
    examiner.limits = examiner.sandbox.limits = limits
    with (
        tempfile.TemporaryDirectory(prefix="corpus-") as folder,
        Zygote.start() as zygote,
        Pool(os.cpu_count() or 1, examiner, zygote) as pool,
    ):
        paths = {name: Path(folder) / f"{name}.ipynb" for name in notebooks}
        for name, path in paths.items():
            path.write_bytes(notebooks[name])
        pool.add(paths.items())
        examined = dict(pool.results())
    return {name: (found.result.as_dict(), found.notebook) for name, found in examined.items()}


def _path() -> str:
    """nbgrader calls the alembic that was installed beside it."""
    return os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])


def _grade_share(work: Path, template: Path, notebooks: Mapping[str, bytes]) -> dict[str, Stock]:
    shutil.copytree(template, work / "template")
    for name, data in notebooks.items():
        (work / f"{name}.ipynb").write_bytes(data)
    results: dict[str, Stock] = {}
    waiting = list(notebooks)
    while waiting:
        (work / "waiting.json").write_text(json.dumps(waiting), encoding="utf-8")
        for line in _contained(work):
            results[line["name"]] = Stock(line["score"], line["ended"])
        waiting = [name for name in waiting if name not in results]
        if waiting:  # the container is gone in the middle of this one
            results[waiting.pop(0)] = Stock(None, "ended the grading of everybody")
    return results


def _contained(work: Path) -> Iterator[dict[str, Any]]:
    """Run `_grade_all` in a container; yields the lines that it prints, until it ends or falls silent."""
    empty = ["--tmpfs", "/tmp", "--tmpfs", "/var/tmp", "--tmpfs", "/run", "--tmpfs", "/root"]
    command = ["bwrap", "--unshare-all", "--die-with-parent", "--new-session", "--cap-drop", "ALL"]
    command += ["--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc", *empty]
    for prefix in {Path(sys.prefix), Path(sys.base_prefix), ROOT}:
        command += ["--ro-bind", str(prefix), str(prefix)]  # again: an empty folder may have covered it
    command += ["--bind", str(work), "/tmp/work", "--chdir", "/tmp/work", "--clearenv"]
    environment = {"HOME": "/tmp/work", "PATH": _path(), "PYTHONPATH": str(ROOT), "LANG": "C.UTF-8"}
    command += [part for key, value in environment.items() for part in ("--setenv", key, value)]
    command += [sys.executable, "-m", "tests.tools.stock", "--inside"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        text = b""
        while select.select([process.stdout], [], [], 2 * CASE_SECONDS)[0] and (
            new := os.read(process.stdout.fileno(), 65536)
        ):
            *lines, text = (text + new).split(b"\n")
            yield from (json.loads(line) for line in lines if line.startswith(b'{"name"'))
        process.kill()


def _grade_all() -> None:
    """Inside the container: grade what waits, one fork a notebook, a line of JSON each."""
    from nbgrader.api import Gradebook
    from nbgrader.apps.nbgraderapp import NbGraderApp  # noqa: F401  imported here so that the forks need not

    for name in json.loads(Path("waiting.json").read_text(encoding="utf-8")):
        own = Path("courses", name).absolute()
        shutil.copytree("template", own)
        handed_in = Course(own).submitted("someone", NAME)
        handed_in.parent.mkdir(parents=True)
        shutil.copy(f"{name}.ipynb", handed_in)
        ended, score = _limited(own), None
        try:
            with Gradebook(f"sqlite:///{own}/gradebook.db") as gradebook:
                score = gradebook.find_submission(NAME, "someone").score
        except Exception as error:  # the notebook may have done anything to the gradebook
            ended = ended or type(error).__name__
        line = {"name": name, "score": None if ended else score, "ended": ended}
        os.write(1, json.dumps(line).encode() + b"\n")
        shutil.rmtree(own, ignore_errors=True)


def _limited(own: Path) -> str:
    """Grade one course in a fork with limits and a deadline; returns what went wrong."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.setsid()
            os.chdir(own)
            resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
            log = os.open("nbgrader.log", os.O_WRONLY | os.O_CREAT)
            os.dup2(log, 1)
            os.dup2(log, 2)
            status = _autograde()
        finally:
            os._exit(status)
    deadline = time.monotonic() + CASE_SECONDS
    while time.monotonic() < deadline:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return "" if status == 0 else "nbgrader failed"
        time.sleep(0.02)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return "timeout"


def _autograde() -> int:
    """`nbgrader autograde rnn`, as from the command line; returns its exit status."""
    from nbgrader.apps.nbgraderapp import NbGraderApp

    try:
        NbGraderApp.launch_instance(argv=["autograde", NAME])
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 1
    return 0


if __name__ == "__main__":
    if sys.argv[1:] == ["--inside"]:
        _grade_all()
    else:
        sys.exit(compare(Console()) > 0)
