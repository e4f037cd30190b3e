"""How far the hidden checks' thresholds stand from right and from wrong solutions: `python -m tests.margins [DRAWS]`.

The hidden parts of the check cells are run again with other seeds. Their calls are made with every right variant, the
largest error counts, and with the nearest wrong ones (mistakes and mutants), of which the error that gives them away.
"""

from __future__ import annotations

import argparse
import ast
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from assignment.examiner.calls import CacheOf, Call
from assignment.examiner.mistakes import follow, load_mistakes
from assignment.examiner.relations import entries
from assignment.master import HIDDEN, within, without
from tests.fitting import variants
from tests.judge import ROOT, HangError, Judge, Recorder, again, load_master, quiet, time_limit
from tests.mutants import quick
from tests.mutation import mutants

DRAWS = 1000
SCREENED = 5  # draws after which only the nearest wrong solutions of each part go on
NEAREST = 3
LARGE = 20_000  # numbers in a call; such a call is made in one draw of SPARSE only, loops would take hours
SPARSE = 20
Path_ = tuple[int | str, ...]


@dataclass(frozen=True)
class Asked:
    """One hidden row: the part, the call and path behind it, what it should be and how near."""

    part: str
    call: Call
    path: Path_
    want: Any
    below: float


@dataclass
class Margin:
    """Of one part: the largest error of a right solution and the smallest of a wrong one, in units of the threshold."""

    right: float = 0.0
    right_name: str = ""
    wrong: dict[str, float] = field(default_factory=dict)

    @property
    def nearest(self) -> tuple[str, float]:
        """The wrong solution that comes nearest to the threshold."""
        return min(self.wrong.items(), key=lambda item: item[1])


class Redrawn:
    """An exercise's hidden checks, to be drawn again and again."""

    def __init__(self, judge: Judge, exercise: str) -> None:
        """Run the visible part once (the hidden one uses some of its data) and compile the hidden one."""
        self._judge = judge
        self.exercise = exercise
        source = judge.master.check(exercise).source
        self._visible = without(source, HIDDEN)
        tree = Reseeded().visit(ast.parse("\n".join(within(source, HIDDEN))))
        self._hidden = compile(ast.fix_missing_locations(tree), "<hidden>", "exec")

    def draw(self, number: int) -> list[Asked]:
        """Return the hidden rows of one draw, by the solution; draw 0 is the one that students are graded by."""
        with self._judge.replaced(quick(self._judge)) as namespace, quiet():
            try:
                exec(self._visible, namespace)
            except AssertionError:
                pass  # finite differences are left out
            namespace["redrawn"] = number
            recorder = Recorder(namespace, [*self._judge.exercises])
            check = namespace["check"]
            check.rows.clear()
            exec(self._hidden, namespace)
            rows = [(row, recorder.origin(row.got)) for row in check.rows]
        return [Asked(row.part, *origin, row.want, row.below) for row, origin in rows if origin]


class Reseeded(ast.NodeTransformer):
    """Adds the number of the draw to every seed."""

    def visit_Call(self, node: ast.Call) -> ast.AST:  # noqa: N802 - ast names its visitors so
        """Turn default_rng(seed) into default_rng(seed + 1000 * redrawn)."""
        self.generic_visit(node)
        if isinstance(node.func, ast.Attribute) and node.func.attr in ("default_rng", "RandomState"):
            (seed,) = node.args
            node.args = [ast.BinOp(seed, ast.Add(), ast.parse("1000 * redrawn", mode="eval").body)]
        return node


def errors(namespace: Mapping[str, Any], rows: Iterable[Asked]) -> dict[str, float]:
    """Return the largest error of each part, in units of its thresholds; whatever is no such array is infinitely far."""
    check = namespace["Check"]("margins")
    made: dict[int, Any] = {}
    found: dict[str, float] = {}
    for row in rows:
        if id(row.call) not in made:
            try:
                with quiet(), time_limit(20.0):
                    made[id(row.call)] = again(row.call, namespace)
            except (Exception, HangError):
                made[id(row.call)] = None
        with quiet():
            judged = check.near(row.part, follow(made[id(row.call)], row.path), row.want, row.below)
        error = float("inf") if judged.error is None or not judged.error < float("inf") else judged.error / row.below
        found[row.part] = max(found.get(row.part, 0.0), error)
    return found


def margins(judge: Judge, exercise: str, draws: int) -> dict[str, Margin]:
    """Measure one exercise over so many draws."""
    redrawn = Redrawn(judge, exercise)
    right = [(v.name, v.sources(judge.master)) for v in variants() if exercise in v.bodies]
    right.append(("solution", {}))
    wrong: dict[str, dict[str, Any]] = dict(wrong_ones(judge, exercise))
    parts = judge.judge(exercise, quick(judge)).parts
    found = {part: Margin() for part in parts}
    for number in range(draws):
        rows = redrawn.draw(number)
        if number % SPARSE:
            rows = [row for row in rows if numbers(row.call) < LARGE]
        for name, sources in right:
            with judge.replaced(sources) as namespace:
                for part, error in errors(namespace, rows).items():
                    if error > found[part].right:
                        found[part].right, found[part].right_name = error, name
        for name, sources in wrong.items():
            with judge.replaced(sources) as namespace:
                for part, error in errors(namespace, rows).items():
                    if number == 0 and error < 1:
                        continue  # this part of it is right
                    if number == 0 or name in found[part].wrong:
                        found[part].wrong[name] = min(found[part].wrong.get(name, float("inf")), error)
        if number == min(SCREENED, draws) - 1:
            near = {name for margin in found.values() for name, _ in islice(by_error(margin.wrong), NEAREST)}
            wrong = {name: sources for name, sources in wrong.items() if name in near}
            for margin in found.values():
                margin.wrong = {name: error for name, error in margin.wrong.items() if name in near}
    return found


def by_error(wrong: Mapping[str, float]) -> Iterator[tuple[str, float]]:
    """Return the wrong solutions, the nearest first."""
    return iter(sorted(wrong.items(), key=lambda item: item[1]))


def wrong_ones(judge: Judge, exercise: str) -> Iterator[tuple[str, dict[str, str | Callable[..., Any]]]]:
    """Yield every mistake and every mutant of an exercise that loses a part."""
    text = (ROOT / "source" / "rnn_mistakes.py").read_text(encoding="utf-8")
    for mistake in load_mistakes(text, dict(judge.base)).get(exercise, []):
        yield mistake.name, {exercise: mistake.implement}
    for mutant in mutants(judge.master.solve(exercise)):
        yield mutant.change, {exercise: mutant.source}


def numbers(value: Any) -> int:
    """Return how many numbers a call holds."""
    if isinstance(value, Call | CacheOf):
        value = value.args if isinstance(value, Call) else value.call.args
    if isinstance(value, tuple | list | dict):
        return sum(map(numbers, value.values() if isinstance(value, dict) else value))
    return entries(value)


HEADER = """\
| exercise | part | threshold | worst right solution | error / threshold | nearest wrong solution | error / threshold |
|---|---|---|---|---|---|---|
"""


def table(judge: Judge, found: Mapping[str, Mapping[str, Margin]]) -> str:
    """Return the margins as a Markdown table."""
    lines = []
    for exercise, parts in found.items():
        for part, margin in parts.items():
            name, error = margin.nearest
            name = name.replace("|", "\\|")
            lines.append(
                f"| {exercise} | {part} | 1e-6 | {margin.right_name} | {margin.right:.1e} | `{name}` | {error:.1e} |\n"
            )
    return HEADER + "".join(lines)
