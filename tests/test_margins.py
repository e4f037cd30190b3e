"""The thresholds of the hidden checks stand far from right and from wrong solutions; a few draws of `make margins`."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tests.support.judge import Judge, load_master
from tests.tools.margins import LARGE, SPARSE, Margin, Redrawn, errors, margins, table

DRAWS = 12


@pytest.fixture(scope="module")
def judge() -> Judge:
    """The master, ready to judge."""
    return Judge(load_master(), limit=20.0)


def exercises() -> list[str]:
    """The exercises of the master."""
    return [cell.name for cell in load_master().solves]


@pytest.mark.slow
@pytest.mark.parametrize("exercise", exercises())
def test_thresholds_are_ten_times_off_on_both_sides(exercise: str, judge: Judge) -> None:
    found = margins(judge, exercise, DRAWS, mutated=False)
    assert {part: margin for part, margin in found.items() if not margin.wide} == {}
    assert set(found) == set(judge.judge(exercise, {}).parts)
    assert all(len(margin.wrong) >= 1 for margin in found.values())


def test_the_first_draw_is_the_one_that_counts_and_others_differ(judge: Judge) -> None:
    redrawn = Redrawn(judge, "rnn_step_forward")
    hidden = [row for row in judge.judge("rnn_step_forward", {}).rows if row.hidden]
    first, other = redrawn.draw(0), redrawn.draw(7)
    assert all(np.array_equal(row.want, asked.want) for row, asked in zip(hidden, first, strict=True))
    assert not any(np.array_equal(a.want, b.want) for a, b in zip(first, other, strict=True))


def test_large_data_are_drawn_seldom(judge: Judge) -> None:
    source = judge.master.check("rnn_step_backward").source
    assert source.count(f'"{LARGE}"') == 1
    redrawn = Redrawn(judge, "rnn_step_backward")
    assert len(redrawn.draw(0)) == len(redrawn.draw(SPARSE)) == len(redrawn.draw(1)) + 5


@pytest.mark.parametrize(
    ("next_h", "expected"),
    [
        (lambda h: h, 0.0),
        (lambda h: h * (1 + 1e-9), 0.05),
        (lambda h: h * (1 + 1e-7), 5.0),
        (lambda h: h[:, :1], math.inf),
        (lambda h: h * np.nan, math.inf),
        (lambda h: None, math.inf),
        (lambda h: h.nothing, math.inf),
    ],
)  # fmt: skip
def test_errors_in_units_of_the_threshold(next_h: object, expected: float, judge: Judge) -> None:
    right = judge.base["rnn_step_forward"]
    rows = Redrawn(judge, "rnn_step_forward").draw(3)
    assert {row.below for row in rows} == {1e-8}

    def written(*args: np.ndarray) -> tuple[object, None]:
        return next_h(right(*args)[0]), None  # type: ignore[operator]

    with judge.replaced({"rnn_step_forward": written}) as namespace:
        assert errors(namespace, rows) == {"next_h": pytest.approx(expected, rel=1e-3, abs=1e-6)}


def test_a_margin_is_wide_only_on_both_sides() -> None:
    assert Margin(0.1, "a", {"b": 10.0, "c": math.inf}).wide
    assert not Margin(0.11, "a", {"b": 10.0}).wide
    assert not Margin(0.1, "a", {"b": 9.9, "c": 50.0}).wide


def test_the_table_names_the_worst_and_the_nearest() -> None:
    text = table({"f": {"y": Margin(1e-3, "family/style", {"far": 1e6, "old -> y = a | b": 1e4})}})
    assert text.splitlines()[-1] == "| f | y | 1.0e-03 | style | 1.0e+04 | `y = a \\| b` |"
