"""One wrong function and nine right ones: what that costs, through the sandbox.

slips.json holds slips as students make them: `changes`, an exercise's body; every other one has the body in `right`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from assignment.course import Course
from assignment.grading.examiner import Examiner
from assignment.grading.reference import Homework
from assignment.grading.result import Result
from assignment.homework import load_master
from assignment.homework.notebook import releases
from tests import CORPORA
from tests.conftest import HURRIED
from tests.support import corpus
from tests.support.slips import SLIPS, Slip
from tests.support.wrong import body


@pytest.fixture(scope="module")
def examiner(checkout: Course) -> Iterator[Examiner]:
    """One that knows no mistakes by name: what a slip costs does not hang on them."""
    with Examiner(Homework(load_master(checkout.source("rnn"))), releases(checkout, "rnn"), HURRIED) as ready:
        yield ready


@pytest.mark.slow
@pytest.mark.parametrize("slip", SLIPS, ids=lambda slip: slip.name)
def test_a_slip_costs_its_function_and_what_cannot_be_tested_without_it(
    slip: Slip, examiner: Examiner, release: dict[str, Any], reference: dict[str, str]
) -> None:
    solutions = {**reference, slip.exercise: slip.source(reference[slip.exercise])}
    result = examiner.examine(corpus.submission(release, solutions)).result
    lost = {check.name: {part.name for part in check.parts if not part.passed} for check in result.checks}
    assert {name: parts for name, parts in lost.items() if parts} == slip.lost


def test_there_is_a_slip_for_every_function(reference: dict[str, str]) -> None:
    assert {slip.exercise for slip in SLIPS} == set(reference)


def test_what_cannot_be_tested_has_a_reason() -> None:
    assert all(bool(slip.cannot) == bool(slip.why) for slip in SLIPS)


def examined(
    examiner: Examiner, release: dict[str, Any], bodies: dict[str, str], stub_left_below: Sequence[str] = ()
) -> Result:
    """The result of a release with these bodies, every other exercise with a right one."""
    notebook = json.loads(json.dumps(release))
    for cell in notebook["cells"]:
        if cell["metadata"]["assignment"]["kind"] == "solve":
            name = cell["metadata"]["assignment"]["name"]
            cell["source"] = body(
                "".join(cell["source"]), bodies.get(name, STUDENTS["right"][name]), name in stub_left_below
            )
    return examiner.examine(json.dumps(notebook).encode()).result


STUDENTS = json.loads((CORPORA / "slips.json").read_text(encoding="utf-8"))


@pytest.mark.slow
@pytest.mark.parametrize("slip", STUDENTS["slips"], ids=lambda slip: slip["name"])
def test_a_slip_as_students_make_it_costs_only_its_own_exercises(
    slip: dict[str, Any], examiner: Examiner, release: dict[str, Any]
) -> None:
    result = examined(examiner, release, slip["changes"], slip["stub_left_below"])
    assert result.verdict == "graded"
    assert {check.name for check in result.checks if not check.full} <= {*slip["changes"], *slip["stub_left_below"]}


STEP, STEP_BACK = "rnn_step_forward", "rnn_step_backward"
THROUGH = """
dx, dprev_h, dWx, dWh, db = da @ Wx.T, da @ Wh.T, x.T @ da, prev_h.T @ da, da.sum(axis=0)
"""
STATES_BACK = """
N, T, H = dh.shape
dx, dWx, dWh, db, g = np.zeros_like(x), 0, 0, 0, np.zeros((N, H))
for t in range(T)[::-1]:
    da = (dh[:, t] + g) * (1 - after(t) ** 2)
    dx[:, t], g = da @ Wx.T, da @ Wh.T
    dWx, dWh, db = dWx + x[:, t].T @ da, dWh + before(t).T @ da, db + da.sum(axis=0)
dh0 = g
"""
DERIVED = {  # a forward without its bias, whose cache holds what it made of a wrong value; beside it a right backward
    "what is before the tanh": (
        STEP,
        "a = x @ Wx + prev_h @ Wh\nnext_h = np.tanh(a)\ncache = (x, prev_h, Wx, Wh, a)",
        "x, prev_h, Wx, Wh, a = cache\nda = dnext_h * (1 - np.tanh(a) ** 2)" + THROUGH,
    ),
    "the derivative": (
        STEP,
        "cache = {'all': (x, prev_h, Wx, Wh)}\nnext_h = np.tanh(x @ Wx + prev_h @ Wh)\ncache['d'] = 1 - next_h**2",
        "x, prev_h, Wx, Wh = cache['all']\nda = dnext_h * cache['d']" + THROUGH,
    ),
    "a function": (
        STEP,
        "next_h = np.tanh(x @ Wx + prev_h @ Wh)\ndef cache(g):\n"
        "    da = g * (1 - next_h**2)\n    return da @ Wx.T, da @ Wh.T, x.T @ da, prev_h.T @ da, da.sum(axis=0)",
        "dx, dprev_h, dWx, dWh, db = cache(dnext_h)",
    ),
    "a function with a name, beside a misspelt output": (
        STEP,
        "nexth = np.tanh(x @ Wx + prev_h @ Wh + b)\ndef back(g):\n    da = g * (1 - next_h**2)\n"
        "    return da @ Wx.T, da @ Wh.T, x.T @ da, prev_h.T @ da, da.sum(axis=0)\ncache = back",
        "dx, dprev_h, dWx, dWh, db = cache(dnext_h)",
    ),
    "filled bit by bit, beside a misspelt output": (
        STEP,
        "cache = [prev_h, x]\nnexth = np.tanh(x @ Wx + prev_h @ Wh + b)\ncache += [Wx, Wh]\ncache.append(next_h)",
        "prev_h, x, Wx, Wh, h = cache\nda = dnext_h * (1 - h**2)" + THROUGH,
    ),
    "a matrix": (
        STEP,
        "next_h = np.tanh(np.matrix(x) * Wx + prev_h * np.matrix(Wh))\ncache = [(x, prev_h, Wx, Wh), next_h]",
        "(x, prev_h, Wx, Wh), h = cache\nda = np.multiply(dnext_h, 1 - np.square(h))\n"
        "dx, dprev_h, dWx, dWh, db = da * Wx.T, da * Wh.T, x.T * da, prev_h.T * da, np.array(da.sum(axis=0))[0]",
    ),
    "steps in a dictionary": (
        "rnn_forward",
        "s, kept, h = h0, [], np.zeros((*x.shape[:2], len(b)))\n"
        "for t in range(x.shape[1]):\n    s, c = rnn_step_forward(x[:, t], s, Wx, Wh, 0 * b)\n"
        "    h[:, t] = s\n    kept.append(c)\ncache = {'steps': kept}\n",
        "cache = cache['steps']\n" + STUDENTS["right"]["rnn_backward"],
    ),
    "returned at once": (
        STEP,
        "a = x @ Wx + prev_h @ Wh\nnext_h = np.tanh(a)\nreturn next_h, (x, prev_h, Wx, Wh, a)",
        "x, prev_h, Wx, Wh, a = cache\nda = dnext_h / np.cosh(a) ** 2" + THROUGH,
    ),
    "the states before the steps": (
        "rnn_forward",
        "h, before, s = np.zeros((*x.shape[:2], len(b))), np.zeros((*x.shape[:2], len(b))), h0\n"
        "for t in range(x.shape[1]):\n    before[:, t] = s\n    h[:, t] = s = np.tanh(x[:, t] @ Wx + s @ Wh)\n"
        "cache = (x, before, h, Wx, Wh)",
        "x, states, h, Wx, Wh = cache\nbefore, after = lambda t: states[:, t], lambda t: h[:, t]" + STATES_BACK,
    ),
    "all states, time first": (
        "rnn_forward",
        "s = [h0]\nfor t in range(x.shape[1]):\n    s.append(np.tanh(x[:, t] @ Wx + s[-1] @ Wh))\n"
        "s = np.array(s)\nh, cache = s[1:].swapaxes(0, 1), (x, s, Wx, Wh)",
        "x, s, Wx, Wh = cache\nbefore, after = lambda t: s[t], lambda t: s[t + 1]" + STATES_BACK,
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("forward, wrong, backward", DERIVED.values(), ids=DERIVED)
def test_a_backward_is_right_whatever_its_cache_was_made_of(
    forward: str, wrong: str, backward: str, examiner: Examiner, release: dict[str, Any]
) -> None:
    result = examined(examiner, release, {forward: wrong, forward.replace("forward", "backward"): backward})
    assert [check.name for check in result.checks if not check.full] == [forward]


@pytest.mark.slow
def test_a_cache_of_another_layout_names_no_mistake(checkout: Course, release: dict[str, Any]) -> None:
    """With the reference's cache a right way to read one's own looks like a tanh that is taken twice."""
    master = load_master(checkout.source("rnn"))
    bodies = {STEP: "next_h = cache = x.shape.no", STEP_BACK: DERIVED["what is before the tanh"][2]}
    homework = Homework(master, checkout.mistakes_text("rnn"))
    with Examiner(homework, releases(checkout, "rnn"), HURRIED) as ready:
        checks = {check.name: check for check in examined(ready, release, bodies).checks}
    assert [part.mistake for part in checks[STEP_BACK].parts] == [""] * 5


@pytest.mark.slow
def test_a_backward_that_can_read_no_cache_says_so(examiner: Examiner, release: dict[str, Any]) -> None:
    result = examined(examiner, release, {STEP: "next_h = cache = x.no", STEP_BACK: DERIVED["a function"][2]})
    checks = {check.name: check for check in result.checks}
    assert "no cache that it can read was found" in checks[STEP_BACK].alone
    assert [name for name, check in checks.items() if check.alone] == [STEP_BACK]
