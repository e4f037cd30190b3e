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
_known: dict[
    Any, tuple[np.ndarray, Any]
] = {}  # a generator's state and what was asked for -> the draws, its state then


@contextmanager
def remembered() -> Iterator[None]:
    """Have np.random.randn and the generators of np.random.default_rng(number) draw as ever, but each thing once."""
    np.random.randn, np.random.default_rng = _remembering_randn, _remembering_rng
    try:
        yield
    finally:
        np.random.randn, np.random.default_rng = _randn, _default_rng


def _remembering_randn(*shape: int) -> Any:
    if not shape or math.prod(shape) < LARGE:
        return _randn(*shape)
    name, words, *rest = np.random.get_state()
    state = name, np.asarray(words).tobytes(), *rest
    values, after = _drawn((state, shape), lambda: _randn(*shape), np.random.get_state)
    np.random.set_state(after)
    return values


def _remembering_rng(seed: Any = None) -> np.random.Generator:
    return Remembering(np.random.PCG64(seed)) if type(seed) is int else _default_rng(seed)


class Remembering(np.random.Generator):
    """A generator that remembers what every such generator drew uniformly."""

    def uniform(self, low: Any = 0.0, high: Any = 1.0, size: Any = None) -> Any:
        """As Generator.uniform."""
        plain = all(isinstance(bound, float | int) for bound in (low, high)) and isinstance(size, tuple)
        if not plain or math.prod(size) < LARGE:
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
