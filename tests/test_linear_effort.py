"""Files made to keep the grader busy: the time to read, match and judge them grows no faster than they do."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from assignment.course import Course
from assignment.grading.checks import NoCache, _cache_function
from assignment.homework import Master, load_master
from assignment.homework.notebook import render
from assignment.rules import Policy, findings
from assignment.sandbox import Limits
from assignment.sandbox.inside.notebook import normalise
from assignment.submission import checked_notebook
from assignment.submission.likeness import traces
from assignment.submission.matching import another_homework, match
from assignment.workflow.grade import grade
from assignment.workflow.release import release as make_release
from tests.support import corpus, tiny
from tests.support.hostile import CASES, TEXTS, Text, files

SIZES = (1, 4)  # MB
SECONDS = 8.0  # of CPU time for any of them, seen: 0.1 to 3
GROWTH, SLACK = 6.0, 1.0  # four times the size takes at most so many times as long, and a second
LIMIT = 5.0  # seconds of a submission, in the class that has hostile files


@pytest.fixture(scope="module")
def master(checkout: Course) -> Master:
    return load_master(checkout.source("rnn"))


@pytest.mark.slow
@pytest.mark.parametrize(("name", "place"), CASES, ids=[f"{name}-{place.__name__}" for name, place in CASES])
def test_time_grows_no_faster_than_the_file(name: str, place: Callable[..., None], master: Master) -> None:
    seconds = [examined(master, TEXTS[name], place, size * 900_000) for size in SIZES]
    assert max(seconds) < SECONDS, seconds
    assert seconds[-1] < GROWTH * seconds[0] + SLACK, seconds


def examined(master: Master, text: Text, place: Callable[..., None], size: int) -> float:
    """Return the seconds of CPU time that a file takes from its bytes to its findings."""
    homework = render("rnn", list(master.released.cells))
    place(homework, text, size)
    data = json.dumps(homework).encode()
    assert len(data) > size / 2
    limits, start = Limits(), time.process_time()
    _, plain = normalise(data, limits.notebook_cells, limits.source_bytes)
    if plain is not None:
        notebook = checked_notebook(plain)
        matching = match(notebook, master, master.released)
        another_homework(notebook, matching)
        traces(notebook, matching.cells, master)
        found = findings(notebook, master.released, master, Policy(), matching=matching)
        assert len(found) < 150
        assert sum(len(finding.evidence) for finding in found) < 100_000
    return time.process_time() - start


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        ("y = x", True),
        ("y = " + "-" * 900 + "x", False),
        ("y = 0x" + "f" * 5000, False),
        ("\n    ".join(f"y = {number}" for number in range(100_000)), False),
    ],
    ids=["ordinary", "nested deeply", "many digits", "many statements"],
)
def test_the_statement_that_makes_a_cache_is_found_with_little_effort(statement: str, found: bool) -> None:
    source = f"def forward(x):\n    {statement}\n    cache = x\n    return y, cache\n"
    start = time.process_time()
    for _ in range(10):  # a check asks each time that it calls the forward
        try:
            assert "try:\n        y = x\n" in _cache_function(source, "forward", "again") and found
        except (NoCache, ValueError):  # what CacheMaker takes for a way that gives none
            assert not found
    assert time.process_time() - start < 2


@pytest.mark.slow
def test_ten_hostile_files_cost_a_class_no_more_than_their_own_time(tmp_path: Path) -> None:
    """Forty of the tiny homework, two at a time: within ten limits all are examined, and thirty have their marks."""
    course = tiny.course(tmp_path / "course")
    make_release(course, "tiny")
    hostile = files(tiny.read(course.release("tiny")), "double")
    right = corpus.submission(tiny.read(course.release("tiny")), corpus.reference(tiny.read(course.source("tiny"))))
    bad = {str(number): kind for number, kind in enumerate(hostile)}
    for number in range(40):
        student = str(number) if number < 10 else f"{number % 10}-{number}"  # each is followed by three honest ones
        tiny.hand_in(course, student, hostile[bad[student]] if student in bad else right)
    with (course.root / "nbgrader_config.py").open("a", encoding="utf-8") as config:
        config.write(f"\nc.Examine.submission_seconds = {LIMIT}\nc.Examine.call_seconds = {LIMIT / 2}\n")
    start = time.monotonic()
    results = {grade.student: grade.result for grade in grade(course, "tiny", jobs=2).grades}
    assert time.monotonic() - start < 10 * LIMIT
    assert len(bad) == 10 and len(results) == 40
    scores = {student: (result.verdict, result.score) for student, result in results.items() if student not in bad}
    assert set(scores.values()) == {("graded", 6.5)}
    assert all(results[student].score <= 2.5 for student in bad), "none of them wrote double"
