"""Remembered draws are the draws: the same numbers, and the same afterwards."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from assignment.grading.draws import LARGE, remembered

Draws = Callable[[int], list[Any]]


def normal(*shapes: tuple[int, ...]) -> Draws:
    """Normal numbers of these shapes from a seed on, each followed by other draws."""

    def draw(seed: int) -> list[Any]:
        np.random.seed(seed)
        return [part for shape in shapes for part in (np.random.randn(*shape), np.random.rand(), np.random.randint(9))]

    return draw


def uniform(*asked: tuple[Any, ...]) -> Draws:
    """Uniform numbers, each by its bounds and size, followed by other draws."""

    def draw(seed: int) -> list[Any]:
        rng = np.random.default_rng(seed)
        return [part for one in asked for part in (rng.uniform(*one), rng.random(), rng.integers(9), rng.normal())]

    return draw


DRAWS = {
    "a number": normal(()),
    "few": normal((3,)),
    "many": normal((LARGE,)),
    "an odd number of many": normal((LARGE + 1,), (LARGE + 1,)),
    "many and few": normal((LARGE, 2), (3,), (2, LARGE)),
    "uniform, a number": uniform(()),
    "uniform, few": uniform((-1, 1, 3), (-1, 1, (2, 3))),
    "uniform, many": uniform((-1, 1, (LARGE,)), (-1, 1, (2, LARGE)), (0.0, 1.0, (LARGE,))),
    "uniform, a plain length": uniform((-1, 1, LARGE)),
    "uniform, bounds that are arrays": uniform((np.zeros(LARGE), 1, (2, LARGE))),
}


@pytest.mark.parametrize("name", DRAWS)
def test_same_numbers_first_and_again(name: str) -> None:
    want = DRAWS[name](231)
    for _ in range(2):
        with remembered():
            got = DRAWS[name](231)
        assert all(np.array_equal(one, other) for one, other in zip(got, want, strict=True))


@pytest.mark.parametrize("draw", [normal((LARGE,)), uniform((-1, 1, (LARGE,)))])
def test_draws_are_the_callers_own(draw: Draws) -> None:
    with remembered():
        first = draw(5)[0]
        kept = first.copy()
        first[:] = 0
        assert np.array_equal(draw(5)[0], kept)
        assert not np.array_equal(draw(6)[0], kept)


def test_other_bounds_and_shapes_are_other_draws() -> None:
    with remembered():
        one, other, wide = (
            uniform((-1, high, size))(7)[0] for high, size in ((1, (LARGE,)), (2, (LARGE,)), (1, (1, LARGE)))
        )
    assert not np.array_equal(one, other)
    assert np.array_equal(one, wide[0]) and wide.shape == (1, LARGE)


def test_a_size_of_an_unusual_form_is_numpys_affair() -> None:
    with remembered():
        normal((LARGE, 1))(3)
        uniform((-1, 1, (LARGE, 1)))(3)
        np.random.seed(3)
        with pytest.raises(TypeError):
            np.random.randn(float(LARGE), 1)  # type: ignore[arg-type]
        with pytest.raises(TypeError):
            np.random.default_rng(3).uniform(-1, 1, (float(LARGE), 1))  # type: ignore[call-overload]
        assert np.random.randn(np.array(LARGE)).shape == (LARGE,)  # type: ignore[arg-type]


def test_a_generator_of_another_kind_is_left_alone() -> None:
    before = np.random.get_bit_generator()
    drawn = []
    try:
        with remembered():
            for seed in (1, 2):
                np.random.set_bit_generator(np.random.PCG64(seed))
                drawn.append(np.random.randn(LARGE))
    finally:
        np.random.set_bit_generator(before)
    assert not np.array_equal(*drawn)


def test_numpy_is_as_it_was() -> None:
    before = np.random.randn, np.random.default_rng
    with remembered():
        assert np.random.randn is not before[0] and np.random.default_rng is not before[1]
    assert (np.random.randn, np.random.default_rng) == before
