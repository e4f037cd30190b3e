"""Name the mistake behind a failed part: compare what came back with what known wrong implementations give."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from assignment import words
from assignment.grading.checks import CheckRun
from assignment.grading.proxies import CacheOf, Call, Observation, Raised, Student
from assignment.grading.reference import Homework, called, implementation
from assignment.homework.mistakes import Mistake, Namespace, compose

LARGEST = 3_000  # numbers in a call; making a larger one again takes time and tells no more than a small one
TRIED = 6  # failed rows, and passed ones, on which every mistake is tried: the smallest and the largest
FEW = 2  # numbers of a value that are related in many ways


class Cause(NamedTuple):
    """The likely cause of a failed part: its name, and a hint for the student."""

    name: str
    hint: str


def recognise(
    parts: Mapping[str, Sequence[Observation]],
    mistakes: Mapping[str, Sequence[Mistake]],
    reference: Namespace,
    time_axis: int | None = None,
) -> dict[str, Cause]:
    """Name the likely cause of every failed part of one check; a part whose cause is unknown is left out.

    parts: all rows of the check, passed ones too: of two mistakes that explain a part the one that explains more
    of the whole check is taken. time_axis: of an array with three, as the homework's header has it.
    """
    replay = Replay(reference, time_axis)
    size = {row.call: _numbers(row.call) for rows in parts.values() for row in rows}  # several rows are of one call
    causes = {}
    everything = [row for rows in parts.values() for row in rows if size[row.call] <= LARGEST]
    right = (_tried([row for row in rows if row.passed and size[row.call] <= LARGEST]) for rows in parts.values())
    with np.errstate(all="ignore"):  # a student's numbers may be too large to be compared
        passed = [row for rows in right for row in rows if _same(row.got, _right(row, replay))]
        for part, rows in parts.items():
            handy = sorted(rows, key=lambda row: size[row.call])
            handy = [row for row in handy if size[row.call] <= LARGEST] or handy[:1]
            failed = _tried([row for row in handy if not row.passed])
            cause = _cause(failed, passed, everything, mistakes, replay) if failed else None
            if cause is not None:
                causes[part] = cause
    return causes


def _tried(rows: Sequence[Observation]) -> list[Observation]:
    return list(rows) if len(rows) <= TRIED else [*rows[: TRIED // 2], *rows[-TRIED // 2 :]]


class Replay:
    """Makes logged calls again with other implementations, once each; handles become the reference's own caches."""

    def __init__(self, reference: Namespace, time_axis: int | None = None) -> None:
        """Take the namespace of the reference solution, and which axis of an array with three is time."""
        self._reference = reference
        self.time_axis = time_axis
        self._results: dict[tuple[Call, Callable[..., Any]], Any] = {}
        self.composed = cache(compose)
        self._agreed: dict[tuple[Mistake, Observation], bool] = {}  # asked again for every part, of what passed

    def result(self, call: Call, implement: Callable[..., Any]) -> Any:
        """Return what the implementation gives for the call, or Raised."""
        key = (call, implement)
        if key not in self._results:
            try:
                self._results[key] = self._run(call, implement)
            except Exception as error:  # a mistake may well break on an unusual shape
                self._results[key] = Raised(type(error).__name__, str(error))
        return self._results[key]

    def right(self, call: Call) -> Any:
        """Return what the reference gives for the call, or Raised."""
        return self.result(call, implementation(self._reference, call.function))

    def agrees(self, mistake: Mistake, row: Observation) -> bool:
        """Whether a mistake gives what came back."""
        key = (mistake, row)
        if key not in self._agreed:
            same = mistake.function == row.call.function and _same(row.got, _value(mistake, row, self))
            self._agreed[key] = same
        return self._agreed[key]

    def _run(self, call: Call, implement: Callable[..., Any]) -> Any:
        args = [self._argument(value) for value in call.args]
        kwargs = {name: self._argument(value) for name, value in call.kwargs.items()}
        state = args.pop(0) if "." in call.function else None
        return called(self._reference, call.function, implement, args, kwargs, state)

    def _argument(self, value: Any) -> Any:
        if isinstance(value, CacheOf):
            value = follow(self.right(value.call), value.path)
        return copy.deepcopy(value)


def follow(value: Any, path: Sequence[int | str]) -> Any:
    """Return the entry of a nested result at a path, None where there is none; an error stays that error."""
    for step in path:
        if isinstance(value, Raised):
            return value
        try:
            value = value[step]
        except (LookupError, TypeError):
            return None
    return value


def _cause(
    failed: Sequence[Observation],
    passed: Sequence[Observation],
    everything: Sequence[Observation],
    mistakes: Mapping[str, Sequence[Mistake]],
    replay: Replay,
) -> Cause | None:
    """Rank exact matches first, then simple relations to the right value, then relations to a mistake's value.

    Every failed row must agree on the cause, and it must leave right what passed, in other parts too.
    """
    listed = mistakes.get(failed[0].call.function, ()) if len({row.call.function for row in failed}) == 1 else ()
    harmless = [mistake for mistake in listed if all(replay.agrees(mistake, row) for row in passed)]
    exact = [
        mistake
        for mistake in listed
        if all(replay.agrees(mistake, row) for row in failed)
        and any(_differs(mistake, row, replay) for row in failed)
        and (mistake in harmless or all(_agrees_or_breaks(mistake, row, replay) for row in passed))
    ]
    if exact:
        exact.sort(key=lambda mistake: _explained(mistake, everything, replay))
        return Cause(exact[0].name, exact[0].hint)
    values = [(row.got, _right(row, replay)) for row in failed]
    if relation := _common(values, replay.time_axis):
        return Cause(relation, RELATIONS[relation])
    if any(alike(got, right) for got, right in values):
        return None
    for mistake in harmless:
        relation = _common([(row.got, _value(mistake, row, replay)) for row in failed], replay.time_axis)
        if relation not in ("", "all_zero", "low_precision", "whole_numbers") and all(
            _differs(mistake, row, replay) for row in failed
        ):
            return Cause(mistake.name, words.both(mistake.hint, RELATIONS[relation]))
    return _pair(failed, harmless, replay) or _composed(failed, passed, listed, replay)


def _common(pairs: Sequence[tuple[Any, Any]], time_axis: int | None) -> str:
    """The relation that all pairs of values have; few numbers are related in many ways: asked only if alone."""
    telling = [pair for pair in pairs if entries(pair[1]) > FEW and not (_zero(pair[0]) and _zero(pair[1]))] or pairs
    found = {related(got, want, time_axis) for got, want in telling}
    return found.pop() if len(found) == 1 else ""


def _explained(mistake: Mistake, rows: Sequence[Observation], replay: Replay) -> tuple[int, int]:
    """How many rows a mistake explains, negative, and in how many others it gives another wrong value."""
    agreed = [replay.agrees(mistake, row) for row in rows]
    others = (row for row, agrees in zip(rows, agreed, strict=True) if not agrees)
    return -sum(agreed), sum(_differs(mistake, row, replay) for row in others)


def _zero(value: Any) -> bool:
    number = finite(value)
    return number is not None and not number.any()


def _right(row: Observation, replay: Replay) -> Any:
    """What the reference gives: a row may have been compared with differences of the student's own forward."""
    right = follow(replay.right(row.call), row.path)
    return row.want if right is None or isinstance(right, Raised) else right


def _numbers(value: Any) -> int:
    """Return how many numbers a call or an argument holds."""
    match value:
        case np.ndarray():
            return value.size
        case Call():
            return _numbers((*value.args, *value.kwargs.values()))
        case CacheOf():
            return _numbers(value.call)
        case dict():
            return sum(map(_numbers, value.values()))
        case tuple() | list():
            return sum(map(_numbers, value))
    return entries(value)


def _value(mistake: Mistake, row: Observation, replay: Replay) -> Any:
    return follow(replay.result(row.call, mistake.implement), row.path)


def _agrees_or_breaks(mistake: Mistake, row: Observation, replay: Replay) -> bool:
    """Where the listed one divides by zero, a student's may look out for that."""
    value = as_numbers(_value(mistake, row, replay))
    return replay.agrees(mistake, row) or (value is not None and bool(np.isnan(value).any()))


def _differs(mistake: Mistake, row: Observation, replay: Replay) -> bool:
    """A mistake that gives the right value on these inputs, or nearly so, explains nothing."""
    return not alike(_value(mistake, row, replay), _right(row, replay), 1e-4)


def _same(got: Any, value: Any) -> bool:
    """Two values are alike, or two errors of one type that name the same numbers (shapes, axes)."""
    if isinstance(got, Raised) and isinstance(value, Raised):
        numbers = [sorted(re.findall(r"\d+", error.message)) for error in (got, value)]
        return got.kind == value.kind and (numbers[0] == numbers[1] if numbers[0] else got.message == value.message)
    first, second = as_numbers(got), as_numbers(value)
    if first is None or second is None or first.shape != second.shape:
        return False
    usual = np.isfinite(first)
    if usual.all():
        return alike(first, second)
    others = np.array_equal(first[~usual], second[~usual], equal_nan=True)  # NaN and infinity in the same places
    return others and (not usual.any() or alike(first[usual], second[usual]))


def _pair(failed: Sequence[Observation], mistakes: Sequence[Mistake], replay: Replay) -> Cause | None:
    """Two mistakes at once, each of which leaves out or adds a term: their differences from the truth add up.

    They may add up below a tanh instead, where its outputs are not too near to 1.
    """
    for below in (np.asarray, np.arctanh):
        values: list[list[Any]] = [
            [below(number) if (number := finite(value)) is not None else None for value in row]
            for row in ((row.got, _right(row, replay), *(_value(m, row, replay) for m in mistakes)) for row in failed)
        ]
        usable = [row for row in values if finite(row[0]) is not None and finite(row[1]) is not None]
        found = {pair for got, right, *others in usable if (pair := joined_terms(got, right, others))}
        found -= {(i, k) for i, k in found if _same_place(mistakes[i], mistakes[k], failed[0].call, replay)}
        for i, k in found if len(usable) > len(failed) // 2 else ():
            joined = ((row[0], row[i + 2], row[k + 2], row[1]) for row in usable)
            if all(a is not None and b is not None and alike(got, a + b - right) for got, a, b, right in joined):
                return Cause(mistakes[i].name, words.both(mistakes[i].hint, mistakes[k].hint))
    return None


def _same_place(one: Mistake, other: Mistake, call: Call, replay: Replay) -> bool:
    """Whether two mistakes make the same outputs wrong, several: both are in what these share, so they are not two."""
    right = replay.right(call)
    if not isinstance(right, tuple):
        return False
    arrays = [at for at, value in enumerate(right) if finite(value) is not None]
    wrong = [
        {at for at in arrays if not alike(follow(replay.result(call, mistake.implement), (at,)), right[at])}
        for mistake in (one, other)
    ]
    return wrong[0] == wrong[1] and len(wrong[0]) > 1


def _composed(
    failed: Sequence[Observation], passed: Sequence[Observation], listed: Sequence[Mistake], replay: Replay
) -> Cause | None:
    """Two mistakes at once, one of which works on what the other one gives."""
    if not any(entries(row.got) > FEW for row in failed) and len(failed) <= FEW:
        return None
    for outer in listed:
        if not outer.calls_its_function or all(replay.agrees(outer, row) for row in failed):
            continue
        for inner in listed:
            both = replay.composed(outer, inner)
            if inner is not outer and all(replay.agrees(both, row) for row in (*failed, *passed)):
                return Cause(outer.name, words.both(outer.hint, inner.hint))
    return None


Array = NDArray[Any]
TOLERANCE = 1e-5  # far above round-off of float64 and of log(p + 1e-12), far below the difference a mistake makes

RELATIONS = words.RELATIONS


def as_numbers(value: Any) -> Array | None:
    """Return a value as an array of floats, None when it is nothing of the kind."""
    if value is None or isinstance(value, (str, bytes, dict)):
        return None
    try:
        array = np.asarray(value)
        return array.astype(np.float64) if array.dtype.kind in "biuf" else None
    except (TypeError, ValueError):
        return None


def finite(value: Any) -> Array | None:
    """Return a value as an array of floats, None when it is empty or holds NaN or infinity or is no array at all."""
    array = as_numbers(value)
    return array if array is not None and array.size and np.isfinite(array).all() else None


def entries(value: Any) -> int:
    """Return how many numbers a value holds."""
    array = as_numbers(value)
    return 0 if array is None else array.size


def alike(a: Any, b: Any, tolerance: float = TOLERANCE) -> bool:
    """Whether two arrays of one shape agree up to rounding, measured against their largest entry."""
    first, second = finite(a), finite(b)
    if first is None or second is None or first.shape != second.shape:
        return False
    return bool(np.abs(first - second).max() <= tolerance * max(np.abs(first).max(), np.abs(second).max()))


def related(got: Any, want: Any, time_axis: int | None = None) -> str:
    """Return the name of the simple relation of what was got to what was wanted, '' when there is none."""
    first, second = finite(got), finite(want)
    if first is None or second is None or np.array_equal(first, second):
        return ""
    if first.shape == second.shape:
        if np.asarray(got).dtype.kind in "iu" and np.any(second % 1):
            return "whole_numbers"
        if np.any(second) and not np.any(first):
            return "all_zero"
        if alike(first, second):
            return "low_precision"
        if alike(first, -second):
            return "sign_flipped"
        if first.size > 2 and _proportional(first, second):  # any two numbers are proportional
            return "constant_factor"
        return _reordered(first, second, time_axis)
    if first.ndim > 1 and alike(first, second.T):
        return "transposed"
    return ""


def _reordered(first: Array, second: Array, time_axis: int | None) -> str:
    """How the right numbers came to be in other places; added up over time they are too."""
    if first.ndim > 1 and alike(first, second.T):
        return "transposed"
    if time_axis is not None and first.ndim > 2 and first.shape[time_axis] > 1:
        first, second = np.moveaxis(first, time_axis, 0), np.moveaxis(second, time_axis, 0)
        if alike(first, second[::-1]):
            return "reversed_in_time"
        if alike(first[1:], second[:-1]) or alike(first[:-1], second[1:]):
            return "one_step_off"
        if alike(first, second.cumsum(axis=0)):
            return "piled_up"
    same = first.size > 3 and np.ptp(second) and alike(np.sort(first, None), np.sort(second, None))
    return "reordered" if same else ""


def joined_terms(got: Any, want: Any, values: Sequence[Any]) -> tuple[int, int] | None:
    """Find two wrong values whose differences from the right one add up to that of what was got."""
    first, right = finite(got), finite(want)
    if first is None or right is None or first.shape != right.shape or first.size < 3:
        return None
    usable = [(i, number) for i, value in enumerate(values) if (number := finite(value)) is not None]
    usable = [(i, value) for i, value in usable if value.shape == right.shape and not alike(value, right)]
    for j, (i, one) in enumerate(usable):
        for k, other in usable[j + 1 :]:
            if alike(first, one + other - right) and not alike(one, other):
                return i, k
    return None


def _proportional(a: Array, b: Array) -> bool:
    scale = float(np.vdot(b, b))
    return scale > 0 and alike(a, b * (float(np.vdot(a, b)) / scale))


def name_causes(run: CheckRun, student: Student, homework: Homework) -> CheckRun:
    """The run with `mistake` and `hint` of its failed parts: a known mistake, or what an error means."""
    if all(part.passed for part in run.result.parts):
        return run
    observed: dict[str, list[Observation]] = {part.name: [] for part in run.result.parts}
    for row in run.rows:
        origin = student.origin(row.got)
        if origin is not None and row.part in observed:
            observed[row.part].append(Observation(origin.call, origin.path, row.got, row.want, bool(row.passed)))
    for call, error in student.errors:
        for rows in observed.values():
            if not rows:  # an error stands for the values that it kept from coming
                rows.append(Observation(call, (), Raised(error.name, error.text), None))
    causes = recognise(observed, homework.mistakes, homework.reference, homework.master.time_axis)
    meanings = [meaning for _, error in student.errors if (meaning := explain_error(error.name, error.text))]
    parts = [
        part
        if part.passed
        else replace(part, mistake=causes[part.name].name, hint=causes[part.name].hint)
        if part.name in causes
        else replace(part, hint=meanings[0] if meanings else part.hint)
        for part in run.result.parts
    ]
    return replace(run, result=replace(run.result, parts=tuple(parts)))


# What NumPy once offered and its present release does not, and what to write in its place.
GONE = {
    "product": "np.prod", "cumproduct": "np.cumprod", "sometrue": "np.any", "alltrue": "np.all",
    "in1d": "np.isin", "row_stack": "np.vstack", "trapz": "np.trapezoid", "round_": "np.round", "msort": "np.sort",
    "float": "float 或 np.float64", "float_": "np.float64", "int": "int 或 np.int64",
    "bool8": "np.bool_", "object": "object", "str": "str", "complex": "complex 或 np.complex128",
    "complex_": "np.complex128", "unicode": "str", "infty": "np.inf", "Inf": "np.inf",
    "Infinity": "np.inf", "PINF": "np.inf", "NINF": "-np.inf", "NaN": "np.nan", "NAN": "np.nan",
    "asscalar": "x.item()", "asfarray": "np.asarray(x, dtype=float)", "find_common_type": "np.result_type",
    "cast": "x.astype", "mat": "np.asmatrix", "rank": "np.ndim", "alen": "len",
}  # fmt: skip


def explain_error(kind: str, text: str) -> str:
    """Return a hint in Chinese for an error given by its type's name and its text, '' when there is nothing to add."""
    if kind == "NameError":
        match = re.search(r"name '(numpy|math|torch)' is not defined", text)
        return words.not_imported(match[1]) if match else ""
    if kind == "AttributeError":
        match = re.search(r"module 'numpy' has no attribute '(\w+)'|`np\.(\w+)` was removed", text)
        name = (match[1] or match[2]) if match else ""
        return words.gone_from_numpy(name, GONE[name]) if name in GONE else ""
    return ""
