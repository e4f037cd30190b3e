"""`make bench`: this project and stock nbgrader, alternately, on the same submissions; exit status 1 if a bound is missed.

Both grade from their command lines, in courses of their own with the same release, after a warm-up; medians of ROUNDS.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.table import Table

from assignment.course import Course
from assignment.demo import copy_course
from assignment.examiner.homework import Homework
from assignment.master import SOLUTION, load_master
from tests import corpus, stock

HERE = Path(__file__).parent.parent
SIZE = 40  # submissions in a comparison
LARGER = (400, 2000)
ROUNDS = 3
TENTH, TIMES_BARE, COLD, GROWTH = 0.1, 3.0, 2.0, 1.25
PYTHON = [sys.executable, "-m"]


def main() -> None:
    """Measure, print, and exit 1 if a bound is missed."""
    console = Console()
    rows: list[tuple[str, float, str, float, bool]] = []

    def hold(what: str, value: float, unit: str, bound: float) -> None:
        rows.append((what, value, unit, bound, value <= bound))

    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        ours, theirs = _course(Path(folder), "ours"), stock.course(Path(folder) / "stock", HERE)
        submissions = _submissions(ours)
        for course in (ours, theirs):
            _hand_in(course, submissions, SIZE)
        bare = lambda: _bare(ours, submissions)  # noqa: E731
        runs: list[tuple[str, Callable[[], float]]] = [
            ("assignment grade", lambda: _timed([*PYTHON, "assignment", "grade", "--again"], ours)),
            ("nbgrader autograde", lambda: _timed([*PYTHON, "nbgrader", "autograde", "rnn", "--force"], theirs)),
            ("bare execution", bare),
        ]
        seconds: dict[str, list[float]] = {name: [] for name, _ in runs}
        for number in range(ROUNDS + 1):
            for name, run in runs:
                taken = run()
                if number:  # the first round warms up
                    seconds[name].append(taken)
                console.print(f"round {number}: {name} {taken:.2f} s")
        median = {name: statistics.median(taken) for name, taken in seconds.items()}
        hold(f"grade of {SIZE} / stock nbgrader", median["assignment grade"] / median["nbgrader autograde"], "", TENTH)
        hold(f"grade of {SIZE} / bare execution", median["assignment grade"] / median["bare execution"], "", TIMES_BARE)

        one = Path(folder) / "one.ipynb"
        one.write_bytes(submissions[0])
        cold = [_timed([*PYTHON, "assignment", "check", "--json", str(one)], ours) for _ in range(ROUNDS)]
        hold("check of one, cold", statistics.median(cold), "s", COLD)

        each = {SIZE: median["assignment grade"] / SIZE}
        for count in LARGER:
            _hand_in(ours, submissions, count)
            each[count] = _timed([*PYTHON, "assignment", "grade", "--again"], ours) / count
        for count, cost in each.items():
            console.print(f"{count} submissions: {1000 * cost:.0f} ms each")
        hold("cost per submission, 2000 / 40", each[LARGER[-1]] / each[SIZE], "", GROWTH)
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        console.print(f"peak memory of the largest process: {peak:.0f} MiB")

    table = Table("what", "measured", "bound", "", box=None)
    for what, value, unit, bound, held in rows:
        table.add_row(what, f"{value:.3f} {unit}", f"{bound:g} {unit}", "held" if held else "[red]MISSED[/]")
    console.print(table)
    missed = [row for row in rows if not row[4]]
    if stock.compare(console):
        missed.append(("the corpus", 0.0, "", 0.0, False))
    sys.exit(1 if missed else 0)


def _course(folder: Path, name: str) -> Course:
    root = folder / name
    root.mkdir()
    return copy_course(Course(HERE), root)


def _submissions(course: Course) -> list[bytes]:
    """Right solutions and typical mistakes, as students hand them in."""
    release = json.loads(course.release("rnn").read_text(encoding="utf-8"))
    reference = corpus.reference(json.loads(course.source("rnn").read_text(encoding="utf-8")))
    names = list(reference)
    left_out = [()] * 6 + [(name,) for name in names]
    return [corpus.submission(release, {k: v for k, v in reference.items() if k not in gone}) for gone in left_out]


def _hand_in(course: Course, submissions: list[bytes], count: int) -> None:
    shutil.rmtree(course.root / "submitted", ignore_errors=True)
    for number in range(count):
        path = course.submitted(f"{number:05d}", "rnn")
        path.parent.mkdir(parents=True)
        path.write_bytes(submissions[number % len(submissions)])


def _timed(command: list[str], course: Course) -> float:
    start = time.perf_counter()
    done = subprocess.run(command, cwd=course.root, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{done.stdout}\n{done.stderr}")
    return time.perf_counter() - start


def _bare(course: Course, submissions: list[bytes]) -> float:
    """The same cells in one warm process per core, with nothing around them."""
    homework = Homework(load_master(course.source("rnn")))
    cores = os.cpu_count() or 1
    shares = [[submissions[i % len(submissions)] for i in range(core, SIZE, cores)] for core in range(cores)]
    context = multiprocessing.get_context("fork")
    barrier = context.Barrier(cores + 1)
    workers = [context.Process(target=_execute, args=(homework, share, barrier)) for share in shares]
    for worker in workers:
        worker.start()
    barrier.wait()
    start = time.perf_counter()
    for worker in workers:
        worker.join()
    return time.perf_counter() - start


def _execute(homework: Homework, share: list[bytes], barrier: object) -> None:
    sys.stdout = Path(os.devnull).open("w")
    barrier.wait()  # type: ignore[attr-defined]
    for data in share:
        cells = {
            raw["metadata"]["assignment"]["name"]: raw
            for raw in json.loads(data)["cells"]
            if raw["metadata"]["assignment"]["kind"] == "solve"
        }
        namespace = {"__name__": "__main__"}
        for cell in homework.master.cells:
            if cell.cell_type != "code":
                continue
            source = cell.source
            if cell.kind == "solve":
                source = "".join(cells[cell.name]["source"])
                source = "\n".join(line for line in source.split("\n") if not any(mark in line for mark in SOLUTION))
            try:
                exec(compile(source, cell.id, "exec"), namespace)
            except Exception:
                continue


if __name__ == "__main__":
    main()
