"""What nbgrader's stock executor does with the corpus, for comparison: python -m tests.stock [FOLDER …].

Stock execution contains nothing, so all of it happens inside bubblewrap: one throw-away course a notebook, everything
else read-only, no network, processes and shared memory of its own, memory limited. What ends the whole run (a signal
to everybody) is counted against the notebook that was being graded, and the rest goes on in a new container.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.corpus import HERE, Case, build, load
from tests.expected import bound, shares

NAME = "rnn"
CELL_SECONDS = 10  # nbgrader's own default is 30; no honest cell of the corpus takes three
CASE_SECONDS = 45  # after that the grading of one notebook is killed
MEMORY = 3 << 30  # address space of everything that one notebook starts, each
CONFIG = f"""
c = get_config()
c.CourseDirectory.course_id = "stock"
c.ExecutePreprocessor.timeout = c.Execute.timeout = {CELL_SECONDS}
"""


@dataclass(frozen=True)
class Stock:
    """How stock grading of one notebook ended: its score (None: none was recorded), seconds, and what stopped it."""

    score: float | None
    seconds: float
    ended: str = ""


def grade_stock(notebooks: Mapping[str, bytes], master: Path) -> dict[str, Stock]:
    """Grade notebooks with nbgrader as it comes, each in a course of its own, all inside a container."""
    results: dict[str, Stock] = {}
    with tempfile.TemporaryDirectory(prefix="stock-") as folder:
        work = Path(folder)
        work.chmod(0o755)
        _template(work / "template", master)
        for name, data in notebooks.items():
            (work / f"{name}.ipynb").write_bytes(data)
        waiting = list(notebooks)
        while waiting:
            (work / "waiting.json").write_text(json.dumps(waiting))
            for line in _contained(work):
                results[line["name"]] = Stock(line["score"], line["seconds"], line["ended"])
            waiting = [name for name in waiting if name not in results]
            if waiting:  # the container is gone in the middle of this one
                results[waiting[0]] = Stock(None, 0.0, "ended the grading of everybody")
                waiting = waiting[1:]
    return results


def _template(course: Path, master: Path) -> None:
    """A course with the assignment released and a gradebook that knows it."""
    (course / "source" / NAME).mkdir(parents=True)
    shutil.copy(master, course / "source" / NAME / f"{NAME}.ipynb")
    (course / "nbgrader_config.py").write_text(CONFIG)
    command = [sys.executable, "-m", "nbgrader", "generate_assignment", NAME]
    subprocess.run(
        command, cwd=course, check=True, capture_output=True, timeout=120, env={**os.environ, "PATH": _path()}
    )


def _path() -> str:
    """nbgrader calls the alembic that was installed beside it."""
    return os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])


def _contained(work: Path) -> Iterator[dict[str, Any]]:
    """Run `_grade_all` in a container; yields the lines that it prints until it ends, whatever ends it."""
    command = [
        "bwrap",
        "--unshare-all",
        "--die-with-parent",
        "--new-session",
        "--cap-drop",
        "ALL",
        "--ro-bind",
        "/",
        "/",
    ]
    command += [
        "--dev",
        "/dev",
        "--proc",
        "/proc",
        "--tmpfs",
        "/tmp",
        "--tmpfs",
        "/var/tmp",
        "--tmpfs",
        "/run",
        "--tmpfs",
        "/root",
    ]
    for prefix in {Path(sys.prefix), Path(sys.base_prefix), HERE.parent}:
        command += ["--ro-bind", str(prefix), str(prefix)]  # again: a temporary folder may have covered it
    command += ["--bind", str(work), "/tmp/work", "--chdir", "/tmp/work", "--clearenv"]
    for key, value in {"HOME": "/tmp/work", "PATH": _path(), "PYTHONPATH": str(HERE.parent), "LANG": "C.UTF-8"}.items():
        command += ["--setenv", key, value]
    command += [sys.executable, "-m", "tests.stock", "--inside"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("{"):
                yield json.loads(line)


def _grade_all() -> None:
    """Inside the container: grade what waits, one fork a notebook, a line of JSON each."""
    from nbgrader.api import Gradebook
    from nbgrader.apps.nbgraderapp import NbGraderApp  # noqa: F401  imported here so that the forks need not

    for name in json.loads(Path("waiting.json").read_text()):
        course, start = Path("courses", name).absolute(), time.monotonic()
        shutil.copytree("template", course)
        handed_in = course / "submitted" / "someone" / NAME
        handed_in.mkdir(parents=True)
        shutil.copy(f"{name}.ipynb", handed_in / f"{NAME}.ipynb")
        ended = _limited(course)
        score = None
        try:
            with Gradebook(f"sqlite:///{course}/gradebook.db") as gradebook:
                score = gradebook.find_submission(NAME, "someone").score
        except Exception as error:  # the notebook may have done anything to the gradebook
            ended = ended or type(error).__name__
        print(
            json.dumps({"name": name, "score": score, "seconds": time.monotonic() - start, "ended": ended}), flush=True
        )
        shutil.rmtree(course, ignore_errors=True)


def _limited(course: Path) -> str:
    """Grade one course in a fork with limits and a deadline; returns what went wrong."""
    child = os.fork()
    if child == 0:
        os.setsid()
        os.chdir(course)
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        status = 1
        try:
            with open("nbgrader.log", "w") as log:
                os.dup2(log.fileno(), 1), os.dup2(log.fileno(), 2)
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


WORDS = {"marker": "m4rk3r", "course": "..", "port": "9", "secret": "s3cr3t"}  # what attacks are told here


def corpus(folders: list[str], release: dict[str, Any], master: dict[str, Any]) -> dict[str, tuple[Case, bytes]]:
    """The notebooks of these folders with the words that stand for a course, a listener and a secret filled in."""
    cases = [case.told(**WORDS) for folder in folders for case in load(folder)]
    return {case.name: (case, build(case, release, master)) for case in cases}


def main(folders: list[str]) -> None:
    """Print one line a notebook, then the sums."""
    root = HERE.parent
    path = root / "source" / NAME / f"{NAME}.ipynb"
    master, release = (json.loads((root / kind / NAME / f"{NAME}.ipynb").read_text()) for kind in ("source", "release"))
    everything = corpus(folders, release, master)
    results = grade_stock({name: data for name, (_, data) in everything.items()}, path)
    gained = lost = broken = 0
    for name, result in results.items():
        most = bound(everything[name][0], shares(master))
        over = result.score is not None and result.score > most + 1e-6
        gained += over
        lost += result.score is not None and result.score < most - 1e-6
        broken += result.score is None
        shown = "no score" if result.score is None else f"{result.score:g}"
        print(
            f"{name:<32} {shown:>9} of {most:<5g} {'GAINS' if over else '':<6} {result.seconds:5.1f} s  {result.ended}"
        )
    print(f"{len(results)} notebooks: {gained} above what they earned, {lost} below, {broken} without a score")


if __name__ == "__main__":
    if sys.argv[1:] == ["--inside"]:
        _grade_all()
    else:
        main(sys.argv[1:] or ["attacks", "honest"])
