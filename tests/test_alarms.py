"""Alarms about checks: a planted fault is the first of them, and honest classes raise none."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from assignment.grading.checks import came_back
from assignment.grading.result import CheckResult, MadeBy, Part, Result
from assignment.report.patterns import Alarm, PartAttempt, alarms, alarms_in, attempts_of, discrimination

EXERCISES, PARTS = 10, 3
Spoil = Callable[[int, Part, Result], Part]


def student(rng: random.Random, release: str = "one") -> Result:
    """Somebody of some ability: the abler, the more parts pass; some exercises are harder, some are not tried."""
    ability, checks = rng.gauss(0.5, 1.0), []
    for number in range(EXERCISES):
        open_ = rng.random() < 0.05 + 0.02 * number
        parts = []
        for place in range(PARTS):
            hard = 0.25 * number - 2.0 + 0.2 * place
            passed = not open_ and rng.gauss(ability - hard, 0.7) > 0
            message = "" if passed else "未完成" if open_ else "不对"
            mistake = "" if passed or open_ or rng.random() < 0.3 else f"mistake {rng.randrange(3)}"
            error = None if passed or open_ else rng.choice([0.5, 1.0, rng.random(), rng.random()])
            parts.append(Part(f"part {place}", 2.0, passed, 2.0 * passed, error, 1e-8, message, mistake=mistake))
        checks.append(CheckResult(f"exercise {number}", 6.0, sum(part.score for part in parts), parts=tuple(parts)))
    score = sum(check.score for check in checks)
    made_by = MadeBy(python="3.11.2", numpy="2.4", assignment="2.0")
    return Result("graded", 60.0, score=score, net=score, release=release, checks=tuple(checks), made_by=made_by)


def a_class(seed: int, size: int = 60, releases: Sequence[str] = ("one",)) -> list[Result]:
    rng = random.Random(seed)
    return [student(rng, releases[number % len(releases)]) for number in range(size)]


def spoilt(results: list[Result], exercise: int, place: int, spoil: Spoil) -> list[Result]:
    """The same class with one part of one check judged by something else."""
    made = []
    for number, result in enumerate(results):
        checks = list(result.checks)
        parts = list(checks[exercise].parts)
        parts[place] = spoil(number, parts[place], result)
        parts[place] = replace(parts[place], score=2.0 * parts[place].passed)
        checks[exercise] = replace(checks[exercise], parts=tuple(parts), score=sum(part.score for part in parts))
        made.append(replace(result, checks=tuple(checks)))
    return made


def failed(part: Part, error: float) -> Part:
    """The part as failed, unless nobody tried it."""
    return part if part.message == "未完成" else replace(part, passed=False, error=error, message="不对", mistake="")


@pytest.mark.parametrize("seed", range(10))
def test_an_honest_class_raises_no_alarm(seed: int) -> None:
    assert alarms(a_class(seed, releases=("one", "two"))) == []


def test_a_wrong_test_is_the_first_alarm() -> None:
    found = alarms(spoilt(a_class(1), 3, 1, lambda number, part, result: failed(part, 0.1 + number)))
    assert (found[0].exercise, found[0].part, found[0].kind) == ("exercise 3", "part 1", "nobody")
    assert [(alarm.exercise, alarm.part) for alarm in found] == [("exercise 3", "part 1")]


def test_a_part_that_nobody_passes_is_an_alarm_in_a_weak_class_too_behind_one_that_the_strong_fail() -> None:
    weak = [result for result in a_class(1, size=200) if result.score < 40]
    spoil: Spoil = lambda number, part, result: failed(part, 0.1 + number)  # noqa: E731
    (alarm,) = alarms(spoilt(weak, 3, 1, spoil))
    assert (alarm.kind, alarm.why[:8]) == ("nobody", "none of ") and "everything else" not in alarm.why
    made = attempts_of(spoilt(weak, 3, 1, spoil))
    made[("exercise 9", "of the strong")] = [PartAttempt(False, 0.9, str(n), "one", "") for n in range(9)]
    assert [alarm.exercise for alarm in alarms_in(made)] == ["exercise 9", "exercise 3"]


def test_a_part_that_the_strong_fail_is_an_alarm() -> None:
    def inverted(number: int, part: Part, result: Result) -> Part:
        strong = result.score > 30
        return failed(part, 0.1 + number) if strong else replace(part, passed=True, error=None, message="")

    found = alarms(spoilt(a_class(2), 5, 0, inverted))
    assert [(alarm.exercise, alarm.part, alarm.kind) for alarm in found] == [("exercise 5", "part 0", "strong")]


@pytest.mark.parametrize("kind", ["release", "version"])
def test_a_part_that_hangs_together_with_what_it_was_graded_with_is_an_alarm(kind: str) -> None:
    def unlucky(number: int, part: Part, result: Result) -> Part:
        return failed(part, 0.1 + number) if number % 2 else replace(part, passed=True, error=None, message="")

    made = a_class(4, releases=("one", "two") if kind == "release" else ("one",))
    if kind == "version":
        old = MadeBy(python="3.11.2", numpy="2.3", assignment="2.0")
        made = [replace(result, made_by=old) if number % 2 else result for number, result in enumerate(made)]
    found = alarms(spoilt(made, 2, 2, unlucky))
    assert [(alarm.exercise, alarm.part, alarm.kind) for alarm in found] == [("exercise 2", "part 2", kind)]


def test_one_wrong_value_of_many_is_an_alarm() -> None:
    def agreed(number: int, part: Part, result: Result) -> Part:
        return failed(part, 0.125) if number % 3 == 0 else part

    found = alarms(spoilt(a_class(5), 4, 0, agreed))
    assert [(alarm.exercise, alarm.part, alarm.kind) for alarm in found] == [("exercise 4", "part 0", "same")]
    assert "0.125" in found[0].why


@pytest.mark.parametrize(
    ("more", "alarmed"),
    [
        ({"error": 1.0}, False),  # as any value of another sign
        ({"error": 1.0, "value": "5ba1c0"}, True),
        ({"error": None, "value": "5ba1c0"}, True),
        ({"error": None, "message": "TypeError: no int"}, True),
        ({"error": None, "message": "AssertionError: "}, False),  # of a check that compares nothing
        ({"error": None, "message": "NameError: name 'y' is not defined"}, False),  # the stub's
    ],
)
def test_what_counts_as_the_same_value(more: dict[str, Any], alarmed: bool) -> None:
    def agreed(number: int, part: Part, result: Result) -> Part:
        return replace(failed(part, 0.5), **more) if number % 3 == 0 and part.message != "未完成" else part

    found = alarms(spoilt(a_class(5), 4, 0, agreed))
    assert [alarm.kind for alarm in found] == ["same"] * alarmed


def test_of_too_few_nothing_is_said() -> None:
    few = spoilt(a_class(1, size=7), 3, 1, lambda number, part, result: failed(part, 0.5))
    assert alarms(few) == []
    assert discrimination(attempts_of(few)["exercise 0", "part 0"]) is None


def test_who_has_no_mark_and_who_did_not_try_does_not_count() -> None:
    unreadable = Result("unreadable", 60.0, checks=a_class(1)[0].checks)
    assert alarms([unreadable] * 30) == []
    untouched = [replace(part, passed=False, score=0.0, message="未完成") for part in a_class(1)[0].checks[0].parts]
    released = Result("graded", 6.0, checks=(CheckResult("exercise 0", 6.0, parts=tuple(untouched)),))
    assert attempts_of([released] * 30) == {}


def test_discrimination_is_the_correlation_with_everything_else() -> None:
    attempts = [PartAttempt(number >= 10, number / 20, "", "one", "") for number in range(20)]
    found = discrimination(attempts)
    assert found is not None
    assert found.value == pytest.approx(0.867, abs=1e-3)  # of a step with a ramp: sqrt(3)/2 in the limit
    assert found.low < found.value < found.high
    assert discrimination([replace(one, passed=True) for one in attempts]) is None


def test_the_surest_stands_first() -> None:
    made = spoilt(a_class(6), 4, 0, lambda number, part, result: failed(part, 0.125) if number % 3 == 0 else part)
    made = spoilt(made, 8, 1, lambda number, part, result: failed(part, 0.1 + number))
    assert [alarm.kind for alarm in alarms(made)] == ["nobody", "same"]
    assert isinstance(alarms(made)[0], Alarm)


GRID = np.linspace(-1.0, 2.0, 12).reshape(3, 4)


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        (GRID, GRID * (1 + 1e-12), True),  # the same formula, added up in another order
        (GRID, GRID.tolist(), True),
        (GRID, -GRID, False),
        (GRID, GRID.T, False),
        (GRID, GRID * 1.01, False),
        (np.zeros(3), -np.zeros(3), True),
        (np.full(3, np.nan), np.full(3, np.nan), True),
        (2.5, 2.5, True),
        (2.5, 2.6, False),
    ],
)
def test_equal_wrong_values_have_one_hash(first: Any, second: Any, same: bool) -> None:
    assert (came_back(first) == came_back(second)) is same
    assert came_back(first)


def test_what_is_no_value_has_none() -> None:
    assert [came_back(value) for value in (None, object(), {}, "text")] == [""] * 4
