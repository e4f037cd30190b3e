"""Remembered draws are the draws: the same numbers, and the same afterwards."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from assignment.examiner.draws import LARGE, remembered


def draw(seed: int, *shapes: tuple[int, ...]) -> list[Any]:
    """What NumPy draws from a seed on: normal numbers of these shapes, each followed by other draws."""
    np.random.seed(seed)
    return [part for shape in shapes for part in (np.random.randn(*shape), np.random.rand(), np.random.randint(9))]


@pytest.mark.parametrize(
    "shapes",
    [[()], [(3,)], [(LARGE,)], [(LARGE + 1,)], [(LARGE, 2), (3,), (2, LARGE)], [(7,), (LARGE + 1,), (LARGE + 1,)]],
    ids=str,
)
def test_same_numbers_first_and_again(shapes: list[tuple[int, ...]]) -> None:
    want = draw(231, *shapes)
    for _ in range(2):
        with remembered():
            got = draw(231, *shapes)
        assert all(np.array_equal(one, other) for one, other in zip(got, want, strict=True))


def test_another_seed_draws_other_numbers() -> None:
    with remembered():
        assert not np.array_equal(draw(1, (LARGE,))[0], draw(2, (LARGE,))[0])


def test_draws_are_the_callers_own() -> None:
    with remembered():
        first = draw(5, (LARGE,))[0]
        first[:] = 0
        assert np.array_equal(draw(5, (LARGE,))[0], draw(5, (LARGE,))[0])
        assert draw(5, (LARGE,))[0].any()


def test_numpy_is_as_it_was() -> None:
    before = np.random.randn
    with remembered():
        assert np.random.randn is not before
    assert np.random.randn is before
