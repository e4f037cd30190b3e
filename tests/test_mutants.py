"""Mutation testing: every mutant of the solution loses the right parts, the survivors are equivalent and listed."""

from __future__ import annotations

import pytest

from assignment.homework import Cell
from assignment.homework.solutions import mutants
from tests.support.judge import Judge, load_master
from tests.support.mutants import EQUIVALENT, agrees, outcomes, unused_reasons

SAMPLED = {"CaptioningRNN.loss": 4}  # of its many mutants one in so many here; `make accuracy` judges all


@pytest.fixture(scope="module")
def judge() -> Judge:
    """The master, ready to judge; impatient, for mutants may hang."""
    return Judge(load_master(), limit=1.0)


LONG = ("rnn_step_backward", "rnn_backward", "temporal_softmax_loss", "CaptioningRNN.loss")


def exercises() -> list[object]:
    """The exercises of the master; those with many mutants take seconds."""
    names = [cell.name for cell in load_master().solves]
    return [pytest.param(name, marks=pytest.mark.slow if name in LONG else ()) for name in names]


@pytest.mark.parametrize("exercise", exercises())
def test_every_mutant_loses_the_right_parts_or_is_equivalent(exercise: str, judge: Judge) -> None:
    found = list(outcomes(judge, exercise, every=SAMPLED.get(exercise, 1)))
    assert len(found) > 10
    assert [outcome.mutant.name for outcome in found if not outcome.right] == []
    survivors = [outcome.mutant for outcome in found if not outcome.killed]
    assert [mutant.name for mutant in survivors if mutant.name not in EQUIVALENT] == []
    assert [mutant.name for mutant in survivors if not agrees(judge, mutant, draws=200)] == []


def test_every_listed_survivor_is_a_mutant(judge: Judge) -> None:
    assert unused_reasons(judge) == []
    assert all(EQUIVALENT.values())


SOURCE = '''\
def f(x, w):
    """Example."""
    # TODO: 写
    ### BEGIN SOLUTION
    N, T = x.shape
    total = 0
    for t in range(1, T):
        total += np.sum(x[:, t] @ w.T, axis=0)
    y = np.tanh(total / N) - 1
    ### END SOLUTION
    # TODO 结束
    return y
'''


@pytest.mark.parametrize(
    ("what", "expected"),
    [
        ("operator", "y = np.tanh(total * N) - 1"),
        ("operator", "y = np.tanh(total / N) + 1"),
        ("operand dropped", "y = np.tanh(total) - 1"),
        ("operands exchanged", "y = 1 - (np.tanh(total / N))"),
        ("sign", "y = (-(np.tanh(total / N) - 1))"),
        ("constant", "y = np.tanh(total / N) - 2"),
        ("constant", "for t in range(0, T):"),
        ("index", "total += np.sum(x[:, t - 1] @ w.T, axis=0)"),
        ("indices exchanged", "total += np.sum(x[t, :] @ w.T, axis=0)"),
        ("axis", "total += np.sum(x[:, t] @ w.T, axis=1)"),
        ("axis dropped", "total += np.sum(x[:, t] @ w.T)"),
        ("transpose", "total += np.sum(x[:, t] @ w, axis=0)"),
        ("assignment for accumulation", "total = np.sum(x[:, t] @ w.T, axis=0)"),
        ("statement dropped", "pass"),
        ("loop ended early", "break"),
        ("arguments exchanged", "for t in range(T, 1):"),
        ("name taken for another", "y = np.tanh(total / T) - 1"),
        ("function taken for another", "y = np.arctan(total / N) - 1"),
        ("call dropped", "y = (total / N) - 1"),
        ("targets exchanged", "(T, N) = x.shape"),
    ],
)
def test_mutations(what: str, expected: str) -> None:
    lines = {
        line.strip()
        for mutant in mutants(Cell("solve", "f", "solve-f", "code", SOURCE))
        for line in mutant.source.splitlines()
    }
    plain = {line.replace("(", "").replace(")", "") for line in lines}
    assert expected.replace("(", "").replace(")", "") in plain, what


def test_mutants_stay_inside_the_region_and_differ() -> None:
    found = mutants(Cell("solve", "f", "solve-f", "code", SOURCE))
    assert len({mutant.name for mutant in found}) == len(found) > 70
    outside = [*SOURCE.splitlines()[:4], *SOURCE.splitlines()[-3:]]
    for mutant in found:
        lines = mutant.source.splitlines()
        assert [*lines[:4], *lines[-3:]] == outside
