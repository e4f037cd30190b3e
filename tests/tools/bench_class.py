"""Parts of `make bench` about large and hostile classes: the worst file, a cluster's cost, memory, killed workers."""

from __future__ import annotations

import json
import multiprocessing
import re
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NamedTuple

from rich.console import Console

from assignment.course import Course
from assignment.grading.examiner import Examiner
from assignment.homework.notebook import render
from assignment.plugins import examiner_for
from tests import ROOT
from tests.support import tiny
from tests.support.hostile import CASES, MB, TEXTS
from tests.test_cluster import everything, graded, kill_workers

NAME = "rnn"
WORST_SECONDS, WORST_MB = 60.0, 2048.0  # of one file
DEADLINE = 30.0  # seconds for one: what its own cells take ends then, what the grader takes must end soon after
CLASS, ROUNDS, DEARER = 400, 3, 1.15  # --on local:2 beside --jobs 2
FEW, MANY, FLAT = 400, 4000, 1.3  # submissions; memory of the coordinator, which keeps some kB of result for each
KILLED = {5, 20}  # submissions done when a worker is killed


class Bound(NamedTuple):
    """What was measured, and what it may be at most."""

    what: str
    measured: float
    most: float


def hostile(console: Console, megabytes: int = 4) -> list[Bound]:
    """Examine every file of tests.support.hostile, each in a process of its own."""
    examiner = examiner_for(Course(ROOT), NAME)
    examiner.limits = examiner.sandbox.limits = replace(examiner.limits, submission_seconds=DEADLINE)
    worst, most = ("", 0.0), ("", 0.0)
    for name, data in _files(examiner, megabytes * MB).items():
        ours, theirs = multiprocessing.Pipe()
        process = multiprocessing.get_context("fork").Process(target=_examine, args=(theirs, examiner, data))
        process.start()
        verdict, seconds, memory = ours.recv()
        process.join()
        console.print(f"{name}: {verdict}, {seconds:.1f} s, {memory:.0f} MB")
        worst, most = max(worst, (name, seconds), key=lambda r: r[1]), max(most, (name, memory), key=lambda r: r[1])
    console.print(f"worst adversarial reading: {worst[1]:.1f} s ({worst[0]}), {most[1]:.0f} MB ({most[0]})")
    return [
        Bound("worst adversarial file, seconds", worst[1], WORST_SECONDS),
        Bound("worst adversarial file, MB of one process", most[1], WORST_MB),
    ]


def _files(examiner: Examiner, size: int) -> dict[str, bytes]:
    files = {
        "brackets": b"[" * size,
        "digits": b'{"cells": ' + b"1" * size + b"}",
        "one text": b'{"cells": "' + b"a" * size + b'"}',
        "objects": b"[" + b"{}," * (size // 3) + b"{}]",
    }
    for name, place in CASES:
        notebook = render(NAME, list(examiner.homework.master.released.cells))
        place(notebook, TEXTS[name], size)
        files[f"{name}, {place.__name__}"] = json.dumps(notebook).encode()
    return files


def _examine(pipe: Connection, examiner: Examiner, data: bytes) -> None:
    start = time.monotonic()
    with examiner:
        verdict = examiner.examine(data).result.verdict
    kinds = resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN
    memory = max(resource.getrusage(kind).ru_maxrss for kind in kinds) / 1024
    pipe.send((verdict, time.monotonic() - start, memory))


def machines(console: Console, timed: Callable[[list[str]], float], size: int) -> list[Bound]:
    """Grade the same class by two processes and by two workers of a cluster, alternately."""
    ways: dict[str, list[float]] = {"--jobs 2": [], "--on local:2": []}
    for number in range(ROUNDS + 1):
        for way, seconds in ways.items():
            taken = timed(["grade", "--again", *way.split()])
            console.print(f"round {number or 'warm-up'}: grade {way} of {size}: {taken:.1f} s")
            if number:
                seconds.append(taken)
    here, there = (statistics.median(seconds) for seconds in ways.values())
    console.print(f"medians: --jobs 2 {here:.1f} s, --on local:2 {there:.1f} s: {there / here:.2f}")
    return [Bound(f"grade of {size} --on local:2, of --jobs 2", there / here, DEARER)]


GRADE = """if __name__ == "__main__":
    import sys
    from pathlib import Path
    from assignment.course import Course
    from assignment.workflow.grade import grade
    grade(Course(Path(sys.argv[1])), "tiny", jobs=2, on=sys.argv[2])
    print(Path("/proc/self/status").read_text())
"""


def memory(console: Console, folder: Path, few: int = FEW, many: int = MANY) -> list[Bound]:
    """How large the process that writes the gradebook becomes, with a small and a large class of the tiny homework."""
    bounds = []
    for way in ("", "local:2"):
        peaks = {}
        for size in (few, many):
            course = tiny.klass(folder / f"{way or 'jobs'}-{size}", size)
            command = [sys.executable, "-c", GRADE, str(course.root), way]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            peaks[size] = int(re.findall(r"VmHWM:\s+(\d+) kB", done.stdout)[0]) / 1024
            console.print(f"coordinator {way or '--jobs 2'}: {peaks[size]:.0f} MB with {size} submissions")
        bounds.append(
            Bound(f"coordinator's memory at {many}, of {few} ({way or '--jobs 2'})", peaks[many] / peaks[few], FLAT)
        )
    return bounds


def kills(console: Console, folder: Path, size: int = 40) -> list[Bound]:
    """Kill workers of a cluster in mid-run: students whose numbers differ from those of an undisturbed run."""
    course = tiny.klass(folder / "spared", size)
    disturbed = tiny.copy_of(course, folder / "disturbed")
    graded(course, "local:2")
    graded(disturbed, "local:2", kill_workers(set(KILLED)))
    one, other = everything(course), everything(disturbed)
    differ = sum(one[kind] != other[kind] for kind in one) + (len(one["results"]) != size)
    console.print(f"{len(KILLED)} workers killed among {size} submissions: {differ} differences")
    return [Bound("differences after killed workers", float(differ), 0.0)]
