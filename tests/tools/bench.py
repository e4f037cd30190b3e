"""`make bench`: what it costs, against its bounds; status 1 if one is missed. Parts: `make bench PART="kills memory"`.

speed: this project and stock nbgrader, alternately, on the same submissions. Both grade from their command lines, in
courses of their own with the same release, after a warm-up; medians of ROUNDS. corpora: attacks and honest work, by
both (tests.tools.stock). hostile, machines, memory, kills: tests.tools.bench_class.
"""

from __future__ import annotations

import contextlib
import io
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
from typing import Any

from rich.console import Console
from rich.table import Table

from assignment.course import Course
from assignment.grading.reference import Homework
from assignment.homework import SOLUTION, load_master
from assignment.workflow.new import copy_course
from tests import ROOT
from tests.support import corpus
from tests.tools import bench_class, stock
from tests.tools.bench_class import Bound

NAME = "rnn"
SIZE = 40  # submissions in a comparison
LARGER = (400, 2000)
ROUNDS = 3
TENTH, TIMES_BARE, COLD_SECONDS, GROWTH = 0.1, 2.5, 2.0, 1.0
NOISE = 1.1  # two runs of the same differ by so much
PROGRAM = [sys.executable, "-m"]
STOCK_CONFIG = 'c = get_config()\nc.CourseDirectory.course_id = "stock"\n'


def main() -> None:
    """Measure, print, and exit with status 1 if a bound is missed."""
    console = Console(width=110)
    parts: dict[str, Callable[[Path], list[Bound]]] = {
        "speed": lambda folder: _speed(console, folder),
        "corpora": lambda _: [
            Bound("attacks and honest work: expectations not met", float(stock.compare(console)), 0.0)
        ],
        "hostile": lambda _: bench_class.hostile(console),
        "machines": lambda folder: _machines(console, folder),
        "memory": lambda folder: bench_class.memory(console, folder),
        "kills": lambda folder: bench_class.kills(console, folder),
    }
    wanted = sys.argv[1:] or list(parts)
    if unknown := set(wanted) - parts.keys():
        sys.exit(f"no part {', '.join(sorted(unknown))}; there are {', '.join(parts)}")
    bounds: list[Bound] = []
    for part in wanted:
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            bounds += parts[part](Path(folder))
    table = Table("what", "measured", "at most", "", box=None)
    for what, value, most in bounds:
        table.add_row(what, f"{value:.3f}", f"{most:g}", "held" if value <= most else "[red]MISSED[/]")
    console.print(table)
    sys.exit(any(value > most for _, value, most in bounds))


def _machines(console: Console, folder: Path, size: int = bench_class.CLASS) -> list[Bound]:
    course = _course(folder / "class")
    _hand_in(course, _submissions(course), size)
    return bench_class.machines(console, lambda words: _timed([*PROGRAM, "assignment", *words], course), size)


def _speed(console: Console, folder: Path) -> list[Bound]:
    ours, theirs = _course(folder / "ours"), _stock_course(folder / "stock")
    submissions = _submissions(ours)
    for course in (ours, theirs):
        _hand_in(course, submissions, SIZE)
    grade = [*PROGRAM, "assignment", "grade", "--again"]
    runs: dict[str, Callable[[], float]] = {
        "assignment grade": lambda: _timed(grade, ours),
        "nbgrader autograde": lambda: _timed([*PROGRAM, "nbgrader", "autograde", NAME, "--force"], theirs),
        "bare execution": lambda: _bare(ours, submissions),
    }
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for number in range(ROUNDS + 1):
        for name, run in runs.items():
            taken = run()
            if number:  # the first round warms up
                seconds[name].append(taken)
            console.print(f"round {number or 'warm-up'}: {name} of {SIZE}: {taken:.2f} s")
    median = {name: statistics.median(taken) for name, taken in seconds.items()}
    one = folder / "one.ipynb"
    one.write_bytes(submissions[0])
    cold = [_timed([*PROGRAM, "assignment", "check", "--json", str(one)], ours) for _ in range(ROUNDS)]
    each = {SIZE: median["assignment grade"] / SIZE}
    for count in LARGER:
        _hand_in(ours, submissions, count)
        each[count] = _timed(grade, ours) / count
    for count, cost in each.items():
        console.print(f"{count} submissions: {1000 * cost:.0f} ms each")
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    console.print(f"peak memory of the largest process: {peak:.0f} MiB")
    ours_of, bare = (median["assignment grade"] / median[name] for name in ("nbgrader autograde", "bare execution"))
    return [
        Bound(f"grade of {SIZE}, of stock nbgrader's time", ours_of, TENTH),
        Bound(f"grade of {SIZE}, times bare execution", bare, TIMES_BARE),
        Bound("check of one, cold, in seconds", statistics.median(cold), COLD_SECONDS),
        Bound(f"cost of each at {LARGER[-1]}, of that at {SIZE}", each[LARGER[-1]] / each[SIZE], GROWTH * NOISE),
    ]


def _course(root: Path) -> Course:
    root.mkdir()
    return copy_course(Course(ROOT), root)


def _stock_course(root: Path) -> Course:
    """A course with the same master and nothing of ours in its configuration."""
    course = Course(root)
    course.source(NAME).parent.mkdir(parents=True)
    shutil.copy(Course(ROOT).source(NAME), course.source(NAME))
    (root / "nbgrader_config.py").write_text(STOCK_CONFIG)
    _timed([*PROGRAM, "nbgrader", "generate_assignment", NAME], course)
    return course


def _submissions(course: Course) -> list[bytes]:
    """Right solutions, and one with each exercise left out, as students hand them in."""
    release = json.loads(course.release(NAME).read_text(encoding="utf-8"))
    reference = corpus.reference(json.loads(course.source(NAME).read_text(encoding="utf-8")))
    gone = [""] * len(reference) + list(reference)
    return [corpus.submission(release, {k: v for k, v in reference.items() if k != name}) for name in gone]


def _hand_in(course: Course, submissions: list[bytes], count: int) -> None:
    shutil.rmtree(course.root / "submitted", ignore_errors=True)
    for number in range(count):
        path = course.submitted(f"{number:05d}", NAME)
        path.parent.mkdir(parents=True)
        path.write_bytes(submissions[number % len(submissions)])


def _timed(command: list[str], course: Course) -> float:
    """Seconds that a command takes in a course; a failure ends the benchmark."""
    tools = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # nbgrader calls alembic by its name
    start = time.perf_counter()
    done = subprocess.run(command, cwd=course.root, env={**os.environ, "PATH": tools}, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{done.stdout}\n{done.stderr}")
    return time.perf_counter() - start


def _bare(course: Course, submissions: list[bytes]) -> float:
    """The same cells in one warm process per core, with nothing around them."""
    homework = Homework(load_master(course.source(NAME)))
    cores = os.cpu_count() or 1
    shares_of = [[submissions[i % len(submissions)] for i in range(core, SIZE, cores)] for core in range(cores)]
    context = multiprocessing.get_context("fork")
    barrier = context.Barrier(cores + 1)
    workers = [context.Process(target=_execute, args=(homework, share, barrier)) for share in shares_of]
    for worker in workers:
        worker.start()
    barrier.wait()
    start = time.perf_counter()
    for worker in workers:
        worker.join()
    return time.perf_counter() - start


def _execute(homework: Homework, share: list[bytes], barrier: Any) -> None:
    barrier.wait()
    for data in share:
        _run_cells(homework, json.loads(data))


def _run_cells(homework: Homework, notebook: dict[str, Any]) -> None:
    """Run the master's cells with a submission's solutions in one namespace; what fails is passed over."""
    solutions = {name: corpus.text_of(cell) for name, cell in corpus.solve_cells(notebook).items()}
    namespace: dict[str, Any] = {"__name__": "__main__"}
    with contextlib.redirect_stdout(io.StringIO()):
        for cell in homework.master.cells:
            if cell.cell_type != "code":
                continue
            source = solutions[cell.name] if cell.kind == "solve" else cell.source
            source = "\n".join(line for line in source.split("\n") if not any(mark in line for mark in SOLUTION))
            with contextlib.suppress(Exception):
                exec(compile(source, cell.id, "exec"), namespace)


if __name__ == "__main__":
    main()
