"""One wrong function and nine right ones: what that costs, through the sandbox.

slips.json holds slips as students make them: `changes`, an exercise's body; every other one has the body in `right`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from assignment.course import Course
from assignment.grading.examiner import Examiner
from assignment.grading.reference import Homework
from assignment.homework import load_master
from assignment.homework.notebook import releases
from tests import CORPORA
from tests.conftest import HURRIED
from tests.support import corpus
from tests.support.slips import SLIPS, Slip
from tests.support.wrong import body


@pytest.fixture(scope="module")
def examiner(checkout: Course) -> Iterator[Examiner]:
    """One that knows no mistakes by name: what a slip costs does not hang on them."""
    with Examiner(Homework(load_master(checkout.source("rnn"))), releases(checkout, "rnn"), HURRIED) as ready:
        yield ready


@pytest.mark.slow
@pytest.mark.parametrize("slip", SLIPS, ids=lambda slip: slip.name)
def test_a_slip_costs_its_function_and_what_cannot_be_tested_without_it(
    slip: Slip, examiner: Examiner, release: dict[str, Any], reference: dict[str, str]
) -> None:
    solutions = {**reference, slip.exercise: slip.source(reference[slip.exercise])}
    result = examiner.examine(corpus.submission(release, solutions)).result
    lost = {check.name: {part.name for part in check.parts if not part.passed} for check in result.checks}
    assert {name: parts for name, parts in lost.items() if parts} == slip.lost


def test_there_is_a_slip_for_every_function(reference: dict[str, str]) -> None:
    assert {slip.exercise for slip in SLIPS} == set(reference)


def test_what_cannot_be_tested_has_a_reason() -> None:
    assert all(bool(slip.cannot) == bool(slip.why) for slip in SLIPS)


STUDENTS = json.loads((CORPORA / "slips.json").read_text(encoding="utf-8"))


@pytest.mark.slow
@pytest.mark.parametrize("slip", STUDENTS["slips"], ids=lambda slip: slip["name"])
def test_a_slip_as_students_make_it_costs_only_its_own_exercises(
    slip: dict[str, Any], examiner: Examiner, release: dict[str, Any]
) -> None:
    notebook = json.loads(json.dumps(release))
    for cell in notebook["cells"]:
        about = cell["metadata"]["assignment"]
        if about["kind"] == "solve":
            text = slip["changes"].get(about["name"], STUDENTS["right"][about["name"]])
            cell["source"] = body("".join(cell["source"]), text, about["name"] in slip["stub_left_below"])
    result = examiner.examine(json.dumps(notebook).encode()).result
    assert result.verdict == "graded"
    assert {check.name for check in result.checks if not check.full} <= {*slip["changes"], *slip["stub_left_below"]}
