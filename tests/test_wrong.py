"""Wrong functions as students write them: their cause is named in the words that were read and found true.

`make accuracy` tries all of tests/corpora/wrong, in the notebook and in the grader; here are a few, in the notebook.
"""

from __future__ import annotations

from collections import Counter

import pytest

from assignment.course import Course
from assignment.homework import load_master
from tests.support.wrong import Shown, Wrong, cases

ALL = cases()
FEW = [case for case in ALL if case.says and not case.by_grader][::9]


@pytest.fixture(scope="module")
def shown(checkout: Course) -> Shown:
    """The release with everything right, run."""
    return Shown(load_master(checkout.source("rnn")))


@pytest.mark.parametrize("case", FEW, ids=lambda case: case.name)
def test_the_cause_is_named(shown: Shown, case: Wrong) -> None:
    printed = "".join(text for _, text in shown.said(case, alone=True))
    assert [words for words in case.says if words not in printed] == []


def test_nine_of_ten_are_named_and_all_exercises_have_many() -> None:
    assert len(ALL) >= 150
    assert len({case.name for case in ALL}) == len(ALL)
    assert sum(bool(case.says) for case in ALL) >= 0.9 * len(ALL)
    assert min(Counter(case.kind for case in ALL).values()) >= 10
