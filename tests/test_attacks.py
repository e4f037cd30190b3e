"""Every attack of the corpus: it earns nothing by it, hurts nobody, and leaves nothing behind."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from nbformat import from_dict
from nbgrader.utils import determine_grade

from assignment.course import Course
from assignment.grading.examiner import Examined, Examiner
from assignment.grading.reference import Homework
from assignment.homework.notebook import releases
from assignment.sandbox import Limits
from tests.conftest import HURRIED, limited
from tests.support.corpus import Case, build, load
from tests.support.expected import broken, shares
from tests.support.surroundings import Surroundings, surroundings

CASES = load("attacks")
QUICK = "spy_frames lie_equal_array reach_master wire_twice file_points_raised"
CLOCK = "end_each_cell end_processor end_shell " + " ".join(
    case.name for case in CASES if {"clock", "timeout"} & {*case.listed("proves"), *case.listed("ended")}
)
LIMITS = {  # the same proof in less time, for those that run into a limit however long or large it is
    **dict.fromkeys(CLOCK.split(), replace(HURRIED, call_seconds=2.0, cell_seconds=4.0)),
    "end_slow_calls": replace(HURRIED, cell_seconds=4.0),
    "end_memory": replace(HURRIED, memory=256 << 20),
}
COST = [case for case in CASES if "cost" in case.listed("proves")]
# Half of what a call may take by default: none of them must come near it on a faster machine.
PATIENT = replace(Limits(), call_seconds=2.5, cell_seconds=60.0, submission_seconds=600.0)


@pytest.fixture(scope="module")
def around(checkout: Course) -> Iterator[Surroundings]:
    """What the attacks are after."""
    with surroundings(checkout.root) as laid_out:
        yield laid_out


@pytest.fixture(scope="module")
def examiner(around: Surroundings, checkout: Course, homework: Homework) -> Iterator[Examiner]:
    """An examiner that was started in these surroundings."""
    with Examiner(homework, releases(checkout, "rnn"), HURRIED) as ready:
        yield ready


def params(cases: list[Case]) -> list[Any]:
    """The cases with their names; most of them leave a quick run in peace."""
    quick = QUICK.split()
    return [pytest.param(case, id=case.name, marks=() if case.name in quick else pytest.mark.slow) for case in cases]


def test_the_corpus_is_large_enough() -> None:
    assert len(CASES) >= 50


def graded_by_nbgrader(examined: Examined) -> dict[str, float]:
    """What nbgrader takes for the points of each check, from the outputs of its cell."""
    cells = {cell["metadata"]["assignment"]["name"]: cell for cell in examined.notebook["cells"] if is_check(cell)}
    points = {name: determine_grade(from_dict(cell)) for name, cell in cells.items()}
    return {name: score or 0.0 for name, (score, most) in points.items() if most}


def is_check(cell: dict[str, Any]) -> bool:
    """Whether it is one of the homework's checks."""
    return bool(cell["metadata"].get("assignment", {}).get("kind") == "check")


@pytest.mark.parametrize("case", params([case for case in CASES if case not in COST]))
def test_attack(
    case: Case, around: Surroundings, examiner: Examiner, release: dict[str, Any], master: dict[str, Any]
) -> None:
    told = case.told(**around.words)
    data = build(told, release, master)
    with limited(examiner, LIMITS.get(case.name, HURRIED)):
        for _ in range(int(case.expect.get("runs", "1"))):
            examined = examiner.examine(data)
            if examined.result.marked:  # else the gradebook keeps no score at all
                assert graded_by_nbgrader(examined) == {check.name: check.score for check in examined.result.checks}
            assert not broken(told, examined.result.as_dict(), examined.notebook, shares(master)), case.story
            assert not around.left_behind(), case.story


@pytest.mark.slow
@pytest.mark.parametrize("case", params(COST))
def test_differentiating_the_forward_takes_too_long(
    case: Case, examiner: Examiner, release: dict[str, Any], master: dict[str, Any]
) -> None:
    with limited(examiner, PATIENT):
        examined = examiner.examine(build(case, release, master))
    assert not broken(case, examined.result.as_dict(), examined.notebook, shares(master)), case.story


@pytest.mark.slow
def test_an_attack_hurts_no_other_submission(
    around: Surroundings, examiner: Examiner, release: dict[str, Any], master: dict[str, Any]
) -> None:
    harmless = build(Case("harmless", "The reference.", {}, ()), release, master)
    alone = examiner.examine(harmless)
    for name in ("end_daemon", "end_signals", "patch_tanh", "wire_late"):
        case = next(case for case in CASES if case.name == name)
        examiner.examine(build(case.told(**around.words), release, master))
        after = examiner.examine(harmless)
        assert after.result.score == after.result.max
        assert replace(after.result, seconds=0.0) == replace(alone.result, seconds=0.0)
        assert after.notebook["cells"] == alone.notebook["cells"]


@pytest.mark.parametrize("kind", ["a folder", "nothing", "a link to nowhere"])
def test_what_is_no_file_is_unreadable(kind: str, examiner: Examiner, tmp_path: Path) -> None:
    path = tmp_path / "rnn.ipynb"
    if kind == "a folder":
        path.mkdir()
    elif kind == "a link to nowhere":
        path.symlink_to(tmp_path / "nowhere")
    examined = examiner.examine_file(path)
    assert (examined.result.verdict, examined.result.score) == ("unreadable", 0.0)
