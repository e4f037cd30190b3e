"""Mutation testing of the reference solution: every mutant loses the right parts, or is argued equivalent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from assignment.grading.diagnosis import finite, follow
from assignment.grading.proxies import Call
from assignment.homework.solutions import Mutant, mutants
from tests.support.inputs import random_call
from tests.support.judge import DecidedError, HangError, Judge, again, quiet, time_limit

DRAWS = 8  # random inputs on which a mutant shows which parts it makes wrong

# Mutants that no check can tell from the solution, by name, and why: none of them is wrong.
FILLED = "every entry is written before it is read"
SIZES = "the arrays agree in this size"
TYPES = "all arguments are of one floating type"
ZERO = "minus zero adds as zero does"
SHIFT = "softmax stays the same when all scores of a place change by one number; the shift only prevents overflow"
STATES = "rnn_forward:h = np.zeros((x.shape[0], x.shape[1], h0.shape[1]), dtype=h0.dtype) -> h = "
SUMS = "rnn_backward:dx, dWx, dWh, db = [], 0, 0, 0 -> "
WORDS = "word_embedding_backward:dW = np.zeros(shape, dtype=dout.dtype) -> dW = "
SCORES = "temporal_softmax_loss:shifted = x - x.max(axis=2, keepdims=True) -> shifted = "
EQUIVALENT = {
    STATES + "np.ones((x.shape[0], x.shape[1], h0.shape[1]), dtype=h0.dtype)": FILLED,
    STATES + "-np.zeros((x.shape[0], x.shape[1], h0.shape[1]), dtype=h0.dtype)": FILLED,
    STATES + "np.zeros((h0.shape[0], x.shape[1], h0.shape[1]), dtype=h0.dtype)": SIZES,
    STATES + "np.zeros((x.shape[0], x.shape[1], Wx.shape[1]), dtype=h0.dtype)": SIZES,
    STATES + "np.zeros((x.shape[0], x.shape[1], Wh.shape[1]), dtype=h0.dtype)": SIZES,
    STATES + "np.zeros((x.shape[0], x.shape[1], h0.shape[1]), dtype=x.dtype)": TYPES,
    STATES + "np.zeros((x.shape[0], x.shape[1], h0.shape[1]), dtype=Wx.dtype)": TYPES,
    STATES + "np.zeros((x.shape[0], x.shape[1], h0.shape[1]), dtype=Wh.dtype)": TYPES,
    STATES + "np.zeros((x.shape[0], x.shape[1], h0.shape[1]), dtype=b.dtype)": TYPES,
    STATES + "np.zeros((x.shape[0], x.shape[1], h0.shape[1]))": TYPES,
    SUMS + "dx, dWh, dWx, db = [], 0, 0, 0": "all three start from zero",
    SUMS + "dx, dWx, db, dWh = [], 0, 0, 0": "all three start from zero",
    "rnn_backward:dh0 = 0 -> dh0 = -0": ZERO,
    WORDS + "np.zeros(shape)": TYPES,
    WORDS + "-np.zeros(shape, dtype=dout.dtype)": ZERO,
    "temporal_affine_backward:db = dout.sum(axis=(0, 1)) -> db = dout.sum(axis=((1, 0)))": "the order of axes is free",
    "temporal_softmax_loss:N, T = y.shape -> N, T = mask.shape": SIZES,
    SCORES + "x": SHIFT,
    SCORES + "x - x.min(axis=2, keepdims=True)": SHIFT,
    SCORES + "x - x.max(keepdims=True)": SHIFT,
    SCORES + "(x + x.max(axis=2, keepdims=True))": SHIFT,
}


@dataclass(frozen=True)
class Outcome:
    """What became of a mutant: the check that judged it, the parts it lost, and those that it should have lost."""

    mutant: Mutant
    check: str = ""
    lost: frozenset[str] = frozenset()
    wrong: frozenset[str] = frozenset()

    @property
    def killed(self) -> bool:
        """Whether it lost a mark."""
        return bool(self.lost)

    @property
    def right(self) -> bool:
        """Whether it lost the marks of just those arrays that are wrong."""
        return self.lost == self.wrong


def outcomes(judge: Judge, exercise: str, every: int = 1) -> Iterator[Outcome]:
    """Judge the mutants of an exercise by its own check and, if only its cache is wrong, by its partner's.

    every: judge one in so many.
    """
    trials = [Trial(judge, name, DRAWS) for name in checked_by(judge, exercise)]
    for mutant in mutants(judge.master.solve(exercise))[::every]:
        judged = (Outcome(mutant, trial.exercise, trial.lost(mutant), trial.wrong(mutant)) for trial in trials)
        yield next((outcome for outcome in judged if outcome.lost or outcome.wrong), Outcome(mutant))


def agrees(judge: Judge, mutant: Mutant, draws: int) -> bool:
    """Whether a mutant gives what the solution gives on so many random inputs."""
    return not any(Trial(judge, name, draws, seed=1).wrong(mutant) for name in checked_by(judge, mutant.exercise))


def unused_reasons(judge: Judge) -> list[str]:
    """Return the listed survivors that are no mutants of the solution as it is now."""
    exercises = {name.partition(":")[0] for name in EQUIVALENT}
    names = {mutant.name for exercise in exercises for mutant in mutants(judge.master.solve(exercise))}
    return [name for name in EQUIVALENT if name not in names]


def checked_by(judge: Judge, exercise: str) -> list[str]:
    """Return the checks that can tell a wrong exercise: its own, and its backward's where it makes the cache."""
    partner = exercise.replace("_forward", "_backward")
    return [exercise, partner] if partner in judge.exercises and partner != exercise else [exercise]


class Trial:
    """One check and random calls of its exercise, with the right results."""

    def __init__(self, judge: Judge, exercise: str, draws: int, seed: int = 0) -> None:
        """Draw the calls and make them."""
        self._judge = judge
        self.exercise = exercise
        self._quick = quick(judge)
        self._parts = list(judge.judge(exercise, self._quick).parts)
        rng = np.random.default_rng(seed)
        self._calls = [random_call(exercise, rng, judge.base) for _ in range(draws)]
        self._want = [self._made(judge.base, call) for call in self._calls]

    def lost(self, mutant: Mutant) -> frozenset[str]:
        """Return the parts that the check takes from a mutant."""
        return self._judge.judge(self.exercise, {mutant.exercise: mutant.source, **self._quick}).failed

    def wrong(self, mutant: Mutant) -> frozenset[str]:
        """Return the parts in which a mutant differs from the solution on the random calls."""
        found: set[str] = set()
        with self._judge.replaced({mutant.exercise: mutant.source}) as namespace:
            for call, want in zip(self._calls, self._want, strict=True):
                found |= {part for part, got in self._made(namespace, call).items() if not same(got, want[part])}
                if len(found) == len(self._parts):
                    break
        return frozenset(found)

    def _made(self, namespace: Mapping[str, Any], call: Call) -> dict[str, Any]:
        try:
            with time_limit(1.0), quiet():
                return self._outputs(again(call, namespace))
        except (Exception, HangError):
            return self._outputs(None)

    def _outputs(self, value: Any) -> dict[str, Any]:
        """Return what was returned by part; a cache is none."""
        if self.exercise == "CaptioningRNN.loss":
            return {part: follow(value, (0,) if part == "loss" else (1, part)) for part in self._parts}
        if self.exercise == "word_embedding_backward":
            return {"dW": value}
        return {part: follow(value, (number,)) for number, part in enumerate(self._parts)}


def same(got: Any, want: Any) -> bool:
    """Whether two values are the same array up to rounding."""
    first, second = finite(got), finite(want)
    if first is None or second is None or first.shape != second.shape:
        return False
    return bool(np.abs(first - second).max() <= 1e-10 + 1e-7 * np.abs(second).max())


def quick(judge: Judge) -> dict[str, Any]:
    """Return what makes check cells faster without another verdict: no finite differences, no rows after all failed.

    Finite differences are slow and, where hidden rows follow, decide nothing.
    """

    def no_gradient(_: Any, x: Any, *args: Any, **kwargs: Any) -> Any:
        return np.zeros_like(x)

    class Hasty(judge.base["Check"]):  # type: ignore[misc, name-defined]
        def hidden(self, block: str) -> Any:
            if {row.part for row in self.rows if not row.passed and row.by != "有限差分"} >= set(self.parts):
                raise DecidedError
            return super().hidden(block)

    return {"eval_numerical_gradient": no_gradient, "eval_numerical_gradient_array": no_gradient, "Check": Hasty}
