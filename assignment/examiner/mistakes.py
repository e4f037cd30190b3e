"""Name the mistake behind a failed part: compare what came back with what known wrong implementations give."""

from __future__ import annotations

import copy
import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from assignment.examiner.calls import CacheOf, Call, Observation, Raised
from assignment.examiner.relations import RELATIONS, alike, entries, joined_terms, related

LARGEST = 3_000  # numbers in a call; making a larger one again takes time and tells no more than a small one
TRIED = 3  # failed rows on which every mistake is tried


class Finding(NamedTuple):
    """The likely cause of a failed part: its name, and a hint for the student."""

    name: str
    hint: str


@dataclass(frozen=True, eq=False)
class Mistake:
    """A wrong implementation that people really write, with its name and a hint that leads away from it."""

    function: str
    name: str
    hint: str
    implement: Callable[..., Any]


def load_mistakes(text: str, reference: Mapping[str, Any], filename: str = "mistakes") -> dict[str, list[Mistake]]:
    """Execute a homework's list of mistakes on top of its reference solution -> mistakes by function, in their order.

    In the text each mistake is a function under `@mistake(FUNCTION, HINT)`; it sees every name of the reference.
    """
    found: dict[str, list[Mistake]] = {}

    def mistake(function: str, hint: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        def keep(implement: Callable[..., Any]) -> Callable[..., Any]:
            found.setdefault(function, []).append(Mistake(function, implement.__name__, hint, implement))
            return implement

        return keep

    exec(compile(text, filename, "exec"), {**reference, "mistake": mistake, "__name__": filename})
    return found


def recognise(
    parts: Mapping[str, Sequence[Observation]],
    mistakes: Mapping[str, Sequence[Mistake]],
    reference: Mapping[str, Any],
) -> dict[str, Finding]:
    """Name the likely cause of every failed part of one check; a part whose cause is unknown is left out.

    parts: all rows of the check, passed ones too: of two mistakes that explain a part the one that explains more
    of the whole check is taken.
    """
    replay = Replay(reference)
    findings = {}
    rows = sorted((row for rows in parts.values() for row in rows), key=lambda row: _numbers(row.call))
    handy = [row for row in rows if _numbers(row.call) <= LARGEST]
    with np.errstate(all="ignore"):  # a student's numbers may be too large to be compared
        for part in parts:
            failed = [row for row in rows if not row.passed and row in parts[part]]
            failed = [row for row in failed if row in handy][:TRIED] or failed[:1]
            finding = _cause(failed, handy, mistakes, replay)
            if finding is not None:
                findings[part] = finding
    return findings


class Replay:
    """Makes logged calls again with other implementations, once each; handles become the reference's own caches."""

    def __init__(self, reference: Mapping[str, Any]) -> None:
        """Take the namespace of the reference solution."""
        self._reference = reference
        self._results: dict[tuple[Call, Callable[..., Any]], Any] = {}

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
        name, _, method = call.function.partition(".")
        implement = self._reference[name]
        return self.result(call, getattr(implement, method) if method else implement)

    def _run(self, call: Call, implement: Callable[..., Any]) -> Any:
        args = [self._argument(value) for value in call.args]
        kwargs = {name: self._argument(value) for name, value in call.kwargs.items()}
        if "." in call.function:
            kind = self._reference[call.function.partition(".")[0]]
            instance = kind.__new__(kind)
            instance.__dict__.update(args[0])
            args[0] = instance
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return implement(*args, **kwargs)

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
    others: Sequence[Observation],
    mistakes: Mapping[str, Sequence[Mistake]],
    replay: Replay,
) -> Finding | None:
    """Rank exact matches first, then simple relations to the right value, then relations to a mistake's value."""
    for row in failed:
        exact = [one for one in mistakes.get(row.call.function, ()) if _explains(one, row, replay)]
        if len(exact) > 1:
            exact.sort(key=lambda one: -sum(_agrees(one, other, replay) for other in others))
        if exact:
            return Finding(exact[0].name, exact[0].hint)
    for row in failed:
        relation = related(row.got, row.want)
        if relation:
            return Finding(relation, RELATIONS[relation])
    for row in failed:
        if alike(row.got, row.want):
            continue
        for one in mistakes.get(row.call.function, ()):
            relation = related(row.got, _value(one, row, replay))
            if relation not in ("", "all_zero", "low_precision") and _differs(one, row, replay):
                return Finding(one.name, f"{one.hint}（除此之外：{RELATIONS[relation]}）")
        pair = _pair(row, mistakes.get(row.call.function, ()), replay)
        if pair is not None:
            return pair
    return None


def _numbers(value: Any) -> int:
    """Return how many numbers a call or an argument holds."""
    match value:
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


def _agrees(mistake: Mistake, row: Observation, replay: Replay) -> bool:
    return mistake.function == row.call.function and _same(row.got, _value(mistake, row, replay))


def _differs(mistake: Mistake, row: Observation, replay: Replay) -> bool:
    """A mistake that gives the right value on these inputs, or nearly so, explains nothing."""
    return not alike(_value(mistake, row, replay), row.want, 1e-4)


def _explains(mistake: Mistake, row: Observation, replay: Replay) -> bool:
    return _agrees(mistake, row, replay) and _differs(mistake, row, replay)


def _same(got: Any, value: Any) -> bool:
    """Two values are alike, or two errors of one type that name the same numbers (shapes, axes)."""
    if isinstance(got, Raised) and isinstance(value, Raised):
        numbers = [sorted(re.findall(r"\d+", error.message)) for error in (got, value)]
        return got.kind == value.kind and bool(numbers[0]) and numbers[0] == numbers[1]
    return alike(got, value)


def _pair(row: Observation, mistakes: Sequence[Mistake], replay: Replay) -> Finding | None:
    """Two mistakes at once, each of which leaves out or adds a term: their differences from the truth add up."""
    values = [_value(one, row, replay) for one in mistakes]
    found = joined_terms(row.got, row.want, values)
    if found is None:
        return None
    first, second = mistakes[found[0]], mistakes[found[1]]
    return Finding(first.name, f"{first.hint}（除此之外：{second.hint}）")
