"""How far the hidden checks' thresholds stand from right and from wrong solutions (`make margins`).

The hidden parts of the check cells are run again with other values of SEED, as every submission has its own. Their
calls are made with every right variant, the largest error counts, and with the nearest wrong ones (mistakes and
mutants), of which the error that gives them away.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import math
import sys
import types
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from assignment.grading.diagnosis import follow
from assignment.grading.proxies import Call
from assignment.homework import HIDDEN, within, without
from assignment.homework.mistakes import load_mistakes
from assignment.homework.solutions import mutants
from tests import ROOT
from tests.support.fitting import variants
from tests.support.judge import HangError, Judge, Recorder, again, load_master, quiet, time_limit
from tests.support.mutants import quick

DRAWS = 1000
SCREENED = 3  # draws after which only the NEAREST wrong solutions of each part go on
NEAREST = 3
LARGE = "较大的数据"  # the block of large data, on which loops take seconds: in one draw of SPARSE only
SPARSE = 50
PATIENCE = 20.0  # CPU seconds for one call; the slowest right solution takes one or two


@dataclass(frozen=True)
class Asked:
    """One hidden row: the part, the call and path behind it, what it should be and how near."""

    part: str
    call: Call
    path: tuple[int | str, ...]
    want: Any
    below: float


@dataclass
class Margin:
    """Of one part: the largest error of a right solution and the smallest of a wrong one, in units of the threshold."""

    right: float = 0.0
    right_name: str = ""
    wrong: dict[str, float] = field(default_factory=dict)

    @property
    def wide(self) -> bool:
        """Whether the threshold stands ten times off on both sides."""
        return self.right <= 0.1 and min(self.wrong.values()) >= 10


class Redrawn:
    """An exercise's hidden checks, to be drawn again and again."""

    def __init__(self, judge: Judge, exercise: str) -> None:
        """Run the visible part once, for the data that the hidden one shares with it."""
        self._judge = judge
        source = judge.master.check(exercise).source
        hidden = "\n".join(within(source, HIDDEN))
        self._hidden = {large: compile_hidden(hidden, large) for large in (False, True)}
        with judge.replaced(quick(judge)) as namespace, quiet(), contextlib.suppress(AssertionError):
            try:
                exec(without(source, HIDDEN), namespace)
            finally:
                self._seen = {name: value for name, value in namespace.items() if name not in judge.functions}

    def draw(self, number: int) -> list[Asked]:
        """Return the hidden rows of one draw, by the solution; draw 0 has the seed of a plain run."""
        with self._judge.replaced({}) as namespace, quiet():
            namespace.update(self._seen, SEED=number)
            recorder = Recorder(namespace, self._judge.exercises)
            check = namespace["check"]
            check.rows.clear()
            exec(self._hidden[number % SPARSE == 0], namespace)
            rows = [(row, recorder.origin(row.got)) for row in check.rows]
        return [Asked(row.part, *origin, row.want, row.below) for row, origin in rows if origin]


def compile_hidden(source: str, large: bool) -> types.CodeType:
    """Compile a hidden part, with or without the block of large data."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Tuple) and not large:
            node.elts = [element for element in node.elts if not _is_block(element, LARGE)]
    return compile(ast.fix_missing_locations(tree), "<hidden>", "exec")


def _is_block(node: ast.expr, name: str) -> bool:
    first = node.elts[0] if isinstance(node, ast.Tuple) and node.elts else None
    return isinstance(first, ast.Constant) and first.value == name


def errors(namespace: Mapping[str, Any], rows: Iterable[Asked]) -> dict[str, float]:
    """Return the largest error of each part, in units of its thresholds: infinite where it is no such array."""
    check = namespace["Check"]("margins")
    made: dict[int, Any] = {}
    found: dict[str, float] = {}
    for row in rows:
        if id(row.call) not in made:
            try:
                with quiet(), time_limit(PATIENCE):
                    made[id(row.call)] = again(row.call, namespace)
            except Exception:
                made[id(row.call)] = None
            except HangError:
                return {asked.part: math.inf for asked in rows}
        with quiet():
            judged = check.near(row.part, follow(made[id(row.call)], row.path), row.want, row.below)
        error = judged.error / row.below if judged.error is not None and judged.error < math.inf else math.inf
        found[row.part] = max(found.get(row.part, 0.0), error)
    return found


def margins(judge: Judge, exercise: str, draws: int, mutated: bool = True) -> dict[str, Margin]:
    """Measure one exercise over so many draws; mutated: with its mutants among the wrong solutions."""
    redrawn = Redrawn(judge, exercise)
    right: dict[str, Any] = {v.name: v.sources(judge.master) for v in variants() if exercise in v.bodies}
    wrong: dict[str, Any] = dict(wrong_ones(judge, exercise, mutated))
    found = {part: Margin() for part in judge.judge(exercise, quick(judge)).parts}
    for number in range(draws):
        rows = redrawn.draw(number)
        for name, part, error in measured(judge, {**right, "solution": {}}, rows):
            if error >= found[part].right:
                found[part].right, found[part].right_name = error, name
        for name, part, error in measured(judge, wrong, rows):
            known = found[part].wrong
            if number == 0 and error > 1:  # else this part of it is right
                known[name] = error
            elif name in known:
                known[name] = min(known[name], error)
        if number == 0:
            wrong = {
                name: wrong[name]
                for margin in found.values()
                for name, error in margin.wrong.items()
                if error < math.inf
            }
        if number == min(SCREENED, draws) - 1:
            near = {name for margin in found.values() for name in nearest(margin.wrong)}
            wrong = {name: sources for name, sources in wrong.items() if name in near}
            for margin in found.values():
                margin.wrong = {name: error for name, error in margin.wrong.items() if name in near}
    return found


def measured(judge: Judge, solutions: Mapping[str, Any], rows: list[Asked]) -> Iterator[tuple[str, str, float]]:
    """Yield the largest error of every solution in every part."""
    for name, sources in solutions.items():
        with judge.replaced(sources) as namespace:
            for part, error in errors(namespace, rows).items():
                yield name, part, error


def nearest(wrong: Mapping[str, float]) -> list[str]:
    """Return the wrong solutions that come nearest to the threshold."""
    return sorted(wrong, key=lambda name: wrong[name])[:NEAREST]


def wrong_ones(judge: Judge, exercise: str, mutated: bool) -> Iterator[tuple[str, dict[str, str | Callable[..., Any]]]]:
    """Yield every mistake and, if asked for, every mutant of an exercise."""
    text = (ROOT / "source" / "rnn_mistakes.py").read_text(encoding="utf-8")
    for mistake in load_mistakes(text, dict(judge.base)).get(exercise, []):
        yield mistake.name, {exercise: mistake.implement}
    for mutant in mutants(judge.master.solve(exercise)) if mutated else ():
        yield mutant.change, {exercise: mutant.source}


INTRODUCTION = """\
# Margins of the hidden checks

How far the thresholds of the hidden checks stand from every right solution in tests/corpora/variants, and from the
wrong solution that comes nearest (of the named mistakes and all mutants that lose the part). The hidden parts were
drawn {draws} times, each time with another SEED (the block of large data {few} times). Errors are in units of
their row's threshold, so 1 is the threshold: on the right side the largest over all draws, rows and variants, on the
wrong side the smallest over all draws of what gives the solution away; all wrong solutions are in the first draws, the
three nearest of each part in the others. Made by `make margins`, which fails unless the first is at most 0.1 and the
second at least 10. The visible checks' thresholds are prescribed and not measured here.

"""
HEADER = """\
| exercise | part | right: error | by | wrong: error | by |
|---|---|--:|---|--:|---|
"""


def table(found: Mapping[str, Mapping[str, Margin]]) -> str:
    """Return the margins as a Markdown table."""
    lines = []
    for exercise, parts in found.items():
        for part, margin in parts.items():
            name = min(margin.wrong, key=lambda name: margin.wrong[name])
            shown = name.split(" -> ")[-1].replace("|", "\\|")
            right = f"{margin.right:.1e} | {margin.right_name.rpartition('/')[2]}" if margin.right else "0 | -"
            lines.append(f"| {exercise} | {part} | {right} | {margin.wrong[name]:.1e} | `{shown}` |\n")
    return HEADER + "".join(lines)


def main() -> int:
    """Print the table, and fail if a threshold stands less than ten times off; --write keeps it in docs/margins.md."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("draws", type=int, nargs="?", default=DRAWS)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    judge = Judge(load_master(), limit=20.0)
    with ProcessPoolExecutor() as pool:
        jobs = {exercise: pool.submit(measure, exercise, options.draws) for exercise in reversed(judge.exercises)}
        found = {exercise: jobs[exercise].result() for exercise in judge.exercises}
    text = INTRODUCTION.format(draws=options.draws, few=-(-options.draws // SPARSE)) + table(found)
    print(text)
    if options.write:
        (ROOT / "docs" / "margins.md").write_text(text, encoding="utf-8")
    return 0 if all(margin.wide for parts in found.values() for margin in parts.values()) else 1


def measure(exercise: str, draws: int) -> dict[str, Margin]:
    """Measure one exercise in a process of its own."""
    return margins(Judge(load_master(), limit=20.0), exercise, draws)


if __name__ == "__main__":
    sys.exit(main())
