"""Unusual but honest work keeps full marks and breaks no rule."""

from __future__ import annotations

from typing import Any

import pytest

from assignment.grading.examiner import Examiner
from tests.support.corpus import Case, build, load
from tests.support.expected import broken, shares

CASES = load("honest")
QUICK = ("warnings_everywhere", "pops_its_cache", "file_all_lost")


def test_the_corpus_is_large_enough() -> None:
    assert len(CASES) >= 25


@pytest.mark.parametrize(
    "case",
    [pytest.param(case, id=case.name, marks=() if case.name in QUICK else pytest.mark.slow) for case in CASES],
)
def test_honest(case: Case, examiner: Examiner, release: dict[str, Any], master: dict[str, Any]) -> None:
    examined = examiner.examine(build(case, release, master))
    result = examined.result.as_dict()
    assert not broken(case, result, examined.notebook, shares(master)), case.story
    assert result["score"] == result["max"], case.story
    assert [rule for rule in result["rules"] if rule["breach"]] == [], case.story
    assert result["net"] == result["score"], case.story
