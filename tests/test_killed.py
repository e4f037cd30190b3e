"""Grading that is killed at random moments: the next run finishes it, no grade is lost and none is there twice."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import subprocess
import sys
import time
from contextlib import suppress
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest

from assignment.course import Course
from assignment.errors import AssignmentError
from assignment.marking import earlier
from assignment.workflow.grade import grade
from tests.support import tiny
from tests.test_grade import scores

STUDENTS = [str(number) for number in range(1, 13)]
KILLS = 8


@pytest.fixture
def klass(tmp_path: Path) -> Course:
    """Twelve students of the tiny homework, whose grading is mostly the bookkeeping that a kill could spoil."""
    return tiny.klass(tmp_path / "course", len(STUDENTS))


def begun(course: Course) -> BaseProcess:
    """A run that has loaded everything when it begins: what comes before it does anything needs no kills."""

    def run() -> None:
        os.setpgid(0, 0)
        grade(course, "tiny", jobs=2)

    process = multiprocessing.get_context("fork").Process(target=run)
    process.start()
    return process


def kill(process: BaseProcess) -> None:
    """Kill a run and its workers, if it is still there."""
    assert process.pid
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.kill()  # it may not have been a group yet
    process.join()


@pytest.mark.slow
def test_killed_at_any_moment_it_is_finished_by_the_next_run(klass: Course, tmp_path: Path) -> None:
    spared = tiny.copy_of(klass, tmp_path / "spared")
    start, whole = time.monotonic(), begun(spared)
    whole.join()
    took = time.monotonic() - start
    assert whole.exitcode == 0
    moments = random.Random(4)
    graded_before: dict[str, float] = {}
    for _ in range(KILLS):
        run = begun(klass)
        time.sleep(moments.uniform(0.1, 0.8) * took)
        kill(run)
        now = {student: result.score for student in STUDENTS if (result := earlier(klass, "tiny", student))}
        assert {student: now.get(student) for student in graded_before} == graded_before, "a grade was lost"
        graded_before = now
    command = [sys.executable, "-m", "assignment", "grade", "--course", str(klass.root)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    after_kills = scores(klass)
    assert after_kills == scores(spared)
    grade(klass, "tiny", again=True)
    assert scores(klass) == after_kills
    assert len(after_kills) == len(STUDENTS) * 2
    (klass.root / "gradebook.db").unlink()
    with pytest.raises(AssignmentError, match="is gone"):
        grade(klass, "tiny", again=True)
    grade(klass, "tiny", again=True, fresh=True)
    assert scores(klass) == after_kills
