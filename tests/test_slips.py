"""One wrong function and nine right ones: what that costs, through the sandbox."""

from __future__ import annotations

from typing import Any

import pytest

from assignment.grading.examiner import Examiner
from tests import corpus
from tests.slips import SLIPS, Slip


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
