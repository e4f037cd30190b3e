"""Large draws of random numbers, remembered: a check draws from its seed, the same for every submission and slowly."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

LARGE = 20_000  # numbers at once from which on it is worth it: to look at a state and to put it back takes up to 0.1 ms
KEPT = 64  # sets of draws

_randn, _default_rng = np.random.randn, np.random.default_rng
# a generator's state and what was asked for -> what was drawn, and its state then
_known: dict[Any, tuple[np.ndarray, Any]] = {}


@contextmanager
def remembered() -> Iterator[None]:
    """Have np.random.randn and the generators of np.random.default_rng(number) draw as ever, but each thing once."""
    np.random.randn, np.random.default_rng = _remembering_randn, _remembering_rng
    try:
        yield
    finally:
        np.random.randn, np.random.default_rng = _randn, _default_rng


def _large(size: Any) -> bool:
    """Whether so many numbers are asked for that they are remembered; not when the size is of an unusual form."""
    return type(size) is tuple and all(type(length) is int for length in size) and math.prod(size) >= LARGE


def _remembering_randn(*shape: int) -> Any:
    if not _large(shape):
        return _randn(*shape)
    state: Any = np.random.get_state(legacy=False)
    if state["bit_generator"] != "MT19937":  # somebody has put another in the place of NumPy's own
        return _randn(*shape)
    words = state["state"]["key"].tobytes(), state["state"]["pos"], state["has_gauss"], state["gauss"]
    values, after = _drawn((words, shape), lambda: _randn(*shape), lambda: np.random.get_state(legacy=False))
    np.random.set_state(after)
    return values


def _remembering_rng(seed: Any = None) -> np.random.Generator:
    return Remembering(np.random.PCG64(seed)) if type(seed) is int else _default_rng(seed)


class Remembering(np.random.Generator):
    """A generator that remembers what every such generator drew uniformly."""

    def uniform(self, low: Any = 0.0, high: Any = 1.0, size: Any = None) -> Any:
        """As Generator.uniform."""
        if not (_large(size) and isinstance(low, float | int) and isinstance(high, float | int)):
            return super().uniform(low, high, size)
        bits: Any = self.bit_generator
        values, bits.state = _drawn(
            (repr(bits.state), float(low), float(high), size),
            lambda: super(Remembering, self).uniform(low, high, size),
            lambda: bits.state,
        )
        return values


def _drawn(asked: Any, draw: Callable[[], Any], state: Callable[[], Any]) -> tuple[np.ndarray, Any]:
    """What is drawn, the caller's own, and the generator's state after it."""
    if asked not in _known:
        if len(_known) == KEPT:
            _known.clear()
        _known[asked] = draw(), state()
    values, after = _known[asked]
    return values.copy(), after
