"""Hints in the released notebook: a named mistake is named where it is made, and nothing else is."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from assignment.errors import AssignmentError
from assignment.homework import Master
from assignment.homework.mistakes import Mistake, load_mistakes, with_fingerprints
from assignment.homework.notebook import notebook_cell, packed_text, prove
from tests import ROOT
from tests.support.fitting import variants
from tests.support.judge import load_master, put
from tests.support.master_cells import Notebook, solve

TEXT = (ROOT / "source" / "rnn_mistakes.py").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def master() -> Master:
    """The master as it is built, with what its mistakes give."""
    return with_fingerprints(load_master(), TEXT)


@pytest.fixture(scope="module")
def solved(master: Master) -> Notebook:
    """The release with everything right, run."""
    return Notebook(master.released).run({cell.name: cell.source for cell in master.solves})


@pytest.fixture(scope="module")
def mistakes(solved: Notebook) -> dict[str, list[Mistake]]:
    """The mistakes by exercise, on the notebook's own functions."""
    return load_mistakes(TEXT, solved.names)


def printed(notebook: Notebook, name: str, *functions: Any) -> str:
    """What an exercise's check prints with a function replaced."""
    before, latest = dict(notebook.names), dict(notebook.names["Check"].latest)
    try:
        for function in functions:
            put(notebook.names, name, function)
        return notebook.cell(notebook.master.check(name)).printed
    finally:
        notebook.names.clear()
        notebook.names.update(before)
        notebook.names["Check"].latest.update(latest)


def exercises() -> list[str]:
    """The exercises of the master."""
    return [cell.name for cell in load_master().solves]


@pytest.mark.parametrize("exercise", exercises())
def test_a_mistake_is_named_by_its_own_hint(
    solved: Notebook, mistakes: dict[str, list[Mistake]], exercise: str
) -> None:
    silent = []
    for one in mistakes[exercise]:
        said = [line[3:] for line in printed(solved, exercise, one.implement).splitlines() if line.startswith("提示 ")]
        assert said in ([], [one.hint]), one.name
        silent += [] if said else [one.name]
    assert len(silent) <= 5, silent  # not to be seen on the visible data, or not to be told from another


def test_most_mistakes_are_named(master: Master) -> None:
    (cell,) = (cell for cell in master.given if packed_text(cell.source))
    assert packed_text(cell.source).count('"!"') >= 10
    assert len(cell.source) < 25_000


def test_two_mistakes_at_once_are_both_named(solved: Notebook, mistakes: dict[str, list[Mistake]]) -> None:
    by_name = {one.name: one for one in itertools.chain(*mistakes.values())}
    first, second = by_name["db_averaged"], by_name["dwh_transposed"]

    def both(dnext_h: Any, cache: Any) -> Any:
        return (*second.implement(dnext_h, cache)[:4], first.implement(dnext_h, cache)[4])

    text = printed(solved, "rnn_step_backward", both)
    assert first.hint in text
    assert second.hint in text


def test_no_hint_on_right_code(master: Master, solved: Notebook) -> None:
    for variant in variants():
        before, sources = dict(solved.names), variant.sources(master.released)
        for name, source in sources.items():
            solved.cell(solve(solved.master, name), source)
        for name in sources:
            assert "提示" not in solved.cell(solved.master.check(name)).printed, variant.name
        solved.names.clear()
        solved.names.update(before)


def test_no_hint_where_another_exercise_comes_first(master: Master) -> None:
    wrong = master.solve("rnn_step_forward").source.replace(" + b)", ")")
    sources = {cell.name: cell.source for cell in master.solves} | {"rnn_step_forward": wrong}
    notebook = Notebook(master.released).run(sources, until="prose-rnn_backward")
    assert "提示 结果里看不到偏置的影响" in notebook.outcomes["rnn_step_forward"].printed
    assert "提示" not in notebook.outcomes["rnn_forward"].printed.replace("一点提示", "")


def test_three_steps_for_whoever_asks(solved: Notebook, mistakes: dict[str, list[Mistake]]) -> None:
    one = mistakes["rnn_step_backward"][0]
    before = solved.names["rnn_step_backward"]
    solved.names["rnn_step_backward"] = one.implement
    solved.cell(solved.master.check("rnn_step_backward"))
    steps = [solved.execute("check.hint()").printed for _ in range(4)]
    solved.names["rnn_step_backward"] = before
    solved.cell(solved.master.check("rnn_step_backward"))
    assert "提示 1/3  dx：" in steps[0]
    assert steps[1] == f"提示 2/3  {one.hint}\n"
    assert steps[2] == steps[3]
    assert "3.2 一步的反向" in steps[2]


def test_what_is_carried_gives_no_code_away(master: Master) -> None:
    release = {"metadata": {}, "cells": [notebook_cell(cell) for cell in master.released.cells]}
    prove(master, release, TEXT)
    hint = "out = x @ w + b"
    told = TEXT.replace("每一步都从同一个状态出发。一步算完之后，它的输出应当成为谁的输入？", f"写 {hint}")
    leaking = with_fingerprints(load_master(), told)
    release["cells"] = [notebook_cell(cell) for cell in leaking.released.cells]
    with pytest.raises(AssignmentError, match="carries the line"):
        prove(leaking, release, told)


def test_without_mistakes_or_a_place_for_them_nothing_is_carried() -> None:
    master = load_master()
    assert with_fingerprints(master, "") is master
