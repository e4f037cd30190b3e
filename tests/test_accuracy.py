"""`make accuracy` fails when anything is missed."""

from __future__ import annotations

import pytest

from assignment.homework.solutions import Mutant
from tests.support.mutants import EQUIVALENT, Outcome
from tests.tools.accuracy import margin_table, one_slip_table, survivors, tally
from tests.tools.margins import Margin

WRONG = frozenset({"y"})
KILLED = Outcome(Mutant("f", 1, "a -> b", ""), "f", WRONG, WRONG)
MISPLACED = Outcome(Mutant("f", 1, "a -> c", ""), "f", frozenset({"z"}), WRONG)
ALIVE = Outcome(Mutant("f", 1, "a -> d", ""))
EXERCISE, _, CHANGE = next(iter(EQUIVALENT)).partition(":")
LISTED = Outcome(Mutant(EXERCISE, 1, CHANGE, ""))


def test_a_miss_is_printed_and_fails(capsys: pytest.CaptureFixture[str]) -> None:
    assert tally("things", [("one", True), ("two", True)])
    assert not tally("things", [("one", True), ("two", False)])
    assert capsys.readouterr().out == "things: 2 of 2\nthings: 1 of 2\n  missed: two\n"


@pytest.mark.parametrize(
    ("judged", "good", "said"),
    [
        ([(KILLED, True)], True, "1 of 1"),
        ([(KILLED, True), (MISPLACED, True)], False, "missed: f:a -> c"),
        ([(KILLED, True), (ALIVE, True)], False, "missed: f:a -> d"),
        ([(KILLED, True), (LISTED, True)], True, "1 of 1"),
        ([(KILLED, True), (LISTED, False)], False, "missed"),
    ],
)
def test_mutants(judged: list[tuple[Outcome, bool]], good: bool, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert survivors(judged) is good
    assert said in capsys.readouterr().out


def test_slips_and_margins(capsys: pytest.CaptureFixture[str]) -> None:
    assert one_slip_table([("f", "a = b", "8 points: f: y", True)])
    assert not one_slip_table([("f", "a = b", "8 points: f: y", False)])
    assert margin_table({"f": {"y": Margin(0.01, "a", {"b": 100.0})}})
    assert not margin_table({"f": {"y": Margin(0.5, "a", {"b": 100.0})}})
    assert "NOT AS EXPECTED" in capsys.readouterr().out
