"""The pool's watchdog: a worker past its submission's deadline is ended, and one that only stood still tries again."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from assignment.course import Course
from assignment.grading.examiner import Examiner
from assignment.plugins import examiner_for
from assignment.sandbox.zygote import Zygote
from assignment.workflow import pool
from assignment.workflow.release import release as make_release
from tests.support import corpus, tiny

SECONDS = 1.0  # of a submission


@pytest.fixture(scope="module")
def right(tmp_path_factory: pytest.TempPathFactory) -> tuple[Course, bytes]:
    """The tiny homework, released, and a right hand-in."""
    course = tiny.course(tmp_path_factory.mktemp("pool") / "course")
    make_release(course, "tiny")
    reference = corpus.reference(tiny.read(course.source("tiny")))
    return course, corpus.submission(tiny.read(course.release("tiny")), reference)


def spins(seen: Path) -> None:
    """As a reader does that a hostile file keeps busy."""
    while True:
        pass


def stands_still_once(seen: Path) -> None:
    if not seen.exists():
        seen.touch()
        time.sleep(60)


def stands_still(seen: Path) -> None:
    time.sleep(60)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("held_up", "verdict", "tries"),
    [(spins, "timeout", 1), (stands_still_once, "graded", 2), (stands_still, "timeout", 2)],
    ids=["works past its deadline", "stands still once", "stands still again"],
)
def test_a_worker_past_its_deadline(
    held_up: Callable[[Path], None],
    verdict: str,
    tries: int,
    right: tuple[Course, bytes],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    original = Examiner.examine

    def examine(self: Examiner, data: bytes, *args: Any) -> Any:
        if data != b"another":
            (tmp_path / str(time.monotonic())).touch()  # a try
            self.doing("reading the file")
            held_up(tmp_path / "seen")
        return original(self, data, *args)

    monkeypatch.setattr(Examiner, "examine", examine)
    monkeypatch.setattr(pool, "GRACE", 0.5)
    monkeypatch.setattr(pool, "LOOK", 0.1)
    course, data = right
    examiner = examiner_for(course, "tiny")
    examiner.limits = replace(examiner.limits, submission_seconds=SECONDS)
    with Zygote.start() as zygote:
        found = dict(pool.examine_all([("held up", data), ("after it", b"another")], examiner, zygote, jobs=1))
    result = found["held up"].result
    assert (result.verdict, found["after it"].result.verdict) == (verdict, "unreadable")
    assert len([path for path in tmp_path.iterdir() if path.name != "seen"]) == tries
    if verdict == "timeout":
        assert result.reason == "examining it took longer than 1 s, the last while reading the file"
