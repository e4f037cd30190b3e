"""The list of mistakes: each loses just the parts it makes wrong, and is recognised by name in every one of them."""

from __future__ import annotations

import itertools
import re
from typing import Any

import numpy as np
import pytest

from assignment.grading.diagnosis import (
    GONE,
    RELATIONS,
    explain_error,
    finite,
    joined_terms,
    recognise,
    related,
)
from assignment.grading.proxies import CacheOf, Call, Observation, Raised
from assignment.homework.mistakes import Mistake, load_mistakes
from tests import ROOT
from tests.support.judge import Judge, Verdict, again, load_master, quiet
from tests.support.mutants import same

TEXT = (ROOT / "source" / "rnn_mistakes.py").read_text(encoding="utf-8")


def exercises() -> list[str]:
    """The exercises of the master."""
    return [cell.name for cell in load_master().solves]


@pytest.fixture(scope="module")
def judge() -> Judge:
    """The master, ready to judge."""
    return Judge(load_master())


@pytest.fixture(scope="module")
def reference(judge: Judge) -> dict[str, Any]:
    """The namespace of the solution."""
    return dict(judge.base)


@pytest.fixture(scope="module")
def mistakes(reference: dict[str, Any]) -> dict[str, list[Mistake]]:
    """The mistakes by exercise."""
    return load_mistakes(TEXT, reference)


def wrong_parts(verdict: Verdict, reference: dict[str, Any]) -> set[str]:
    """Return the parts in which the check's calls did not give what the solution gives."""
    found = set()
    for part, rows in verdict.observed.items():
        for row in rows:
            want = Raised if row.path == () and isinstance(row.got, Raised) else None
            with quiet():
                if want is Raised or not same(row.got, followed(again(row.call, reference), row.path)):
                    found.add(part)
    return found


def followed(value: Any, path: tuple[Any, ...]) -> Any:
    """Return what lies at a path of a right result."""
    for step in path:
        value = value[step]
    return value


def test_the_list_is_long_and_covers_every_exercise(mistakes: dict[str, list[Mistake]]) -> None:
    assert list(mistakes) == exercises()
    assert min(map(len, mistakes.values())) >= 5
    assert sum(map(len, mistakes.values())) >= 100
    names = [one.name for several in mistakes.values() for one in several]
    assert len(set(names)) == len(names)


def test_hints_are_chinese_and_give_no_code_away(mistakes: dict[str, list[Mistake]]) -> None:
    for one in itertools.chain(*mistakes.values()):
        assert re.search(r"[\u4e00-\u9fff]{5}", one.hint), one.name
        assert not re.search(r"@|\.T\b|np\.(?!add)|axis|keepdims|==|\breturn\b|\*\*", one.hint), one.name
        assert 12 <= len(one.hint) <= 80, one.name


@pytest.mark.parametrize("exercise", exercises())
def test_each_mistake_loses_the_right_parts_and_is_named_in_them(
    exercise: str, judge: Judge, reference: dict[str, Any], mistakes: dict[str, list[Mistake]]
) -> None:
    for one in mistakes[exercise]:
        verdict = judge.judge(exercise, {exercise: one.implement}, record=True)
        assert verdict.failed, one.name
        assert verdict.failed == wrong_parts(verdict, reference), one.name
        findings = recognise(verdict.observed, mistakes, reference)
        named = {part: finding.name for part, finding in findings.items() if part in verdict.failed}
        assert named == dict.fromkeys(verdict.failed, one.name)


@pytest.mark.slow
@pytest.mark.parametrize("exercise", exercises())
def test_no_two_mistakes_give_the_same_or_proportional_results(
    exercise: str, judge: Judge, mistakes: dict[str, list[Mistake]]
) -> None:
    right = judge.judge(exercise, {}, record=True)
    rows = [row for rows in right.observed.values() for row in rows]
    calls = list(dict.fromkeys(row.call for row in rows if sum(map(np.size, row.call.args)) + np.size(row.got) < 2000))
    results = {one.name: everything(one, calls, judge) for one in mistakes[exercise]}
    for (first, a), (second, b) in itertools.combinations(results.items(), 2):
        assert not proportional(a, b), (first, second)


def everything(mistake: Mistake, calls: list[Call], judge: Judge) -> list[np.ndarray | None]:
    """Return all numbers that a mistake gives on the calls, its caches left out; None for an error."""
    found: list[np.ndarray | None] = []
    with judge.replaced({mistake.function: mistake.implement}) as namespace, quiet():
        for call in calls:
            try:
                value = again(call, namespace)
            except (ValueError, IndexError, TypeError):
                found.append(None)
                continue
            parts = value if isinstance(value, tuple) else (value,)
            if mistake.function.endswith("_forward"):
                parts = parts[:1]
            for part in parts:
                found += [np.asarray(v) for v in (part.values() if isinstance(part, dict) else [part])]
    return found


def proportional(a: list[np.ndarray | None], b: list[np.ndarray | None]) -> bool:
    """Whether two lists of arrays agree in their shapes and, up to one factor for all, in their numbers."""
    if [np.shape(x) for x in a if x is not None] != [np.shape(x) for x in b if x is not None]:
        return False
    first, second = (np.concatenate([np.ravel(x) for x in arrays if x is not None]) for arrays in (a, b))
    if not first.any() or not second.any():
        return not first.any() and not second.any()
    factor = float(first @ second) / float(second @ second)
    return bool(np.allclose(first, factor * second, rtol=1e-6, atol=1e-9))


def test_the_comparison_of_mistakes_notices_copies() -> None:
    a = [np.array([1.0, 2.0]), None, np.array([[3.0]])]
    assert proportional(a, [np.array([-2.0, -4.0]), None, np.array([[-6.0]])])
    assert not proportional(a, [np.array([2.0, 4.0]), None, np.array([[3.0]])])
    assert not proportional(a, [np.array([1.0, 2.0]), None, np.array([3.0])])


# A tiny homework of its own: what `recognise` makes of values, in a table.

LIST = """
@mistake("twice", "没有乘二")
def not_doubled(x):
    return x

@mistake("twice", "多加了一")
def one_too_many(x):
    return 2 * x + 1

@mistake("twice", "多加了列号")
def column_added(x):
    return 2 * x + np.arange(x.shape[-1])

@mistake("twice", "形状不对")
def wrong_shape(x):
    raise ValueError(f"shapes {x.shape} and (9,)")

@mistake("thrice", "忘了第三次")
def two_times(cache):
    return 2 * cache["x"]
"""


def twice(x: Any) -> Any:
    """The solution of the tiny homework."""
    return 2 * x, {"x": x}


def thrice(cache: Any) -> Any:
    """Its other one, which works from a cache."""
    return 3 * cache["x"]


TINY = {"twice": lambda x: 2 * x, "make": twice, "thrice": thrice, "np": np}
X = np.random.default_rng(7).standard_normal((3, 3))
STACK = np.random.default_rng(8).standard_normal((2, 4, 3))


@pytest.mark.parametrize(
    ("x", "got", "name"),
    [
        (X, X, "not_doubled"),
        (X, X * (1 + 1e-9), "not_doubled"),
        (X, 2 * X + 1, "one_too_many"),
        (X, -(2 * X), "sign_flipped"),
        (X, 6 * X, "constant_factor"),
        (X, 2 * X.T, "transposed"),
        (X, 0 * X, "all_zero"),
        (X, np.trunc(2 * X).astype(int), "whole_numbers"),
        (X, 2 * X[[1, 0, 2]], "reordered"),
        (STACK, (2 * STACK).cumsum(axis=1), "piled_up"),
        (X, 2 * X * (1 + 1e-6 * X), "low_precision"),
        (STACK, np.roll(2 * STACK, 1, axis=1), "one_step_off"),
        (STACK, 2 * STACK[:, ::-1], "reversed_in_time"),
        (X, -(2 * X + 1), "one_too_many"),
        (X, (2 * X + np.arange(3)).T, "column_added"),
        (X, 2 * X + 1 + np.arange(3), "one_too_many"),
        (X, Raised("ValueError", "cannot use (3, 3) with (9,)"), "wrong_shape"),
        (X, Raised("TypeError", "cannot use (3, 3) with (9,)"), None),
        (X, Raised("ValueError", "no numbers"), None),
        (X, np.exp(X), None),
        (X, 1e308 * np.sign(X), None),
        (X, np.longdouble("1e4000") * np.exp(X), None),
        (X, X * np.nan, None),
        (X, X[:2], None),
        (X, None, None),
        (X, "text", None),
        (X, {"a": 1}, None),
        (X, np.array([None, 1], dtype=object), None),
        (X, np.array([]), None),
        (np.array(1.5), 7.0, None),
        (np.zeros((3, 3)), np.zeros((3, 3)), None),
    ],
)  # fmt: skip
def test_what_a_value_is_taken_for(x: Any, got: Any, name: str | None) -> None:
    row = Observation(Call("twice", (x,)), (), got, 2 * x)
    found = recognise({"y": [row]}, load_mistakes(LIST, TINY), TINY, time_axis=1)
    assert (found["y"].name if found else None) == name


def test_a_relation_beside_a_mistake_is_told_too() -> None:
    row = Observation(Call("twice", (X,)), (), -(2 * X + 1), 2 * X)
    hint = recognise({"y": [row]}, load_mistakes(LIST, TINY), TINY)["y"].hint
    assert hint == f"多加了一（除此之外：{RELATIONS['sign_flipped']}）"


def test_one_mistake_on_top_of_another_is_told_as_both() -> None:
    text = (
        LIST
        + """
@mistake("twice", "乘了列号")
def times_column(x):
    return twice(x) * np.arange(1, 4)

@mistake("twice", "多加了立方")
def cubes_added(x):
    return 2 * x + x ** 3
"""
    )
    row = Observation(Call("twice", (X,)), (), (2 * X + X**3) * np.arange(1, 4), 2 * X)
    found = recognise({"y": [row]}, load_mistakes(text, {**TINY}), TINY)["y"]
    assert (found.name, found.hint) == ("times_column", "乘了列号（除此之外：多加了立方）")


def test_a_second_mistake_that_explains_nothing_that_failed_is_not_told() -> None:
    """A wrong loss beside a right gradient: no mistake is named as one that only puts the gradient right again."""
    text = """
@mistake("both", "多加了一项，又转置了")
def more(x):
    loss, dx = both(x)
    return loss + x[0, 0], dx.T

@mistake("both", "转置了")
def turned(x):
    return x.sum(), x.T
"""
    names = {"np": np, "both": lambda x: (x.sum(), x)}
    rows = [(Call("both", (k * X,)), k * X) for k in (1, 2, 3)]
    parts = {
        "loss": [Observation(call, (0,), x.sum() + x[0, 0], x.sum()) for call, x in rows],
        "dx": [Observation(call, (1,), x, x, passed=True) for call, x in rows],
    }
    assert recognise(parts, load_mistakes(text, names), names) == {}


def test_two_terms_below_a_tanh_are_told_as_both(mistakes: dict[str, list[Mistake]], reference: dict[str, Any]) -> None:
    rng = np.random.default_rng(3)
    x, prev_h, Wx, Wh, b = (rng.uniform(-0.5, 0.5, shape) for shape in ((3, 4), (3, 2), (4, 2), (2, 2), (2,)))
    right = reference["rnn_step_forward"](x, prev_h, Wx, Wh, b)[0]
    row = Observation(Call("rnn_step_forward", (x, prev_h, Wx, Wh, b)), (0,), np.tanh(x @ Wx + prev_h @ Wh.T), right)
    hint = recognise({"next_h": [row]}, mistakes, reference)["next_h"].hint
    by_name = {one.name: one.hint for one in mistakes["rnn_step_forward"]}
    assert by_name["bias_missing"] in hint
    assert by_name["hidden_weights_transposed"] in hint


def test_a_mistake_that_would_make_wrong_what_passed_is_not_named(
    judge: Judge, mistakes: dict[str, list[Mistake]], reference: dict[str, Any]
) -> None:
    """dprev_h without the derivative of tanh, all else right: nobody says that five gradients are wrong."""

    def one_wrong(dnext_h: Any, cache: Any) -> Any:
        dx, _, *others = reference["rnn_step_backward"](dnext_h, cache)
        return (dx, dnext_h @ cache[3].T, *others)

    verdict = judge.judge("rnn_step_backward", {"rnn_step_backward": one_wrong}, record=True)
    found = recognise(verdict.observed, mistakes, reference)
    assert {part: cause.name for part, cause in found.items()} == {"dprev_h": "dprev_h_before_tanh"}


def test_what_only_adds_up_to_two_mistakes_is_not_named(
    judge: Judge, mistakes: dict[str, list[Mistake]], reference: dict[str, Any]
) -> None:
    """(1 - h)² is 1, which is no derivative at all, and 1 - 2 h without 1 - h²: nobody made those two mistakes."""

    def misplaced(dnext_h: Any, cache: Any) -> Any:
        x, prev_h, Wx, Wh, next_h = cache
        da = dnext_h * (1 - next_h) ** 2
        return da @ Wx.T, da @ Wh.T, x.T @ da, prev_h.T @ da, da.sum(axis=0)

    verdict = judge.judge("rnn_step_backward", {"rnn_step_backward": misplaced}, record=True)
    assert recognise(verdict.observed, mistakes, reference) == {}


def test_whole_numbers_of_another_kind_are_no_mistake_rounded(
    judge: Judge, mistakes: dict[str, list[Mistake]], reference: dict[str, Any]
) -> None:
    verdict = judge.judge("word_embedding_forward", {"word_embedding_forward": lambda x, W: (x, (x, W))}, record=True)
    assert recognise(verdict.observed, mistakes, reference) == {}


def test_a_listed_division_by_zero_is_named_where_the_student_looks_out_for_it() -> None:
    mistakes = load_mistakes("@mistake('twice', '除以了总和')\ndef averaged(x):\n    return 2 * x / x.sum()\n", TINY)
    rows = [
        Observation(Call("twice", (X,)), (), 2 * X / X.sum(), 2 * X),
        Observation(Call("twice", (0 * X,)), (), 0 * X, 0 * X, passed=True),
    ]
    assert recognise({"y": rows}, mistakes, TINY)["y"].name == "averaged"


def test_of_two_explanations_the_one_that_explains_more_of_the_check_is_taken() -> None:
    ones = np.zeros((2, 1))  # there the number of the column is 0, so both mistakes give ...
    mistakes = load_mistakes(LIST.replace("2 * x + 1", "2 * x + np.arange(x.shape[-1]) * (x.shape[0] < 3)"), TINY)
    small, large = np.ones((2, 2)), X
    rows = [
        Observation(Call("twice", (small,)), (), 2 * small + np.arange(2), 2 * small),
        Observation(Call("twice", (large,)), (), 2 * large + np.arange(3), 2 * large),
        Observation(Call("twice", (ones,)), (), 2 * ones, 2 * ones, passed=True),
    ]
    assert recognise({"y": rows}, mistakes, TINY)["y"].name == "column_added"


def test_a_handle_becomes_the_cache_of_the_reference() -> None:
    call = Call("thrice", (CacheOf(Call("make", (X,)), (1,)),))
    mistakes = load_mistakes(LIST, TINY)
    found = recognise({"y": [Observation(call, (), 2 * X, 3 * X)]}, mistakes, TINY)
    assert found["y"].name == "two_times"


def test_a_part_that_passed_has_no_cause() -> None:
    row = Observation(Call("twice", (X,)), (), X, X, passed=True)
    assert recognise({"y": [row]}, load_mistakes(LIST, TINY), TINY) == {}


def test_mistakes_cannot_change_what_was_logged() -> None:
    greedy = "@mistake('twice', '改了输入')\ndef greedy(x):\n    x += 1\n    return x\n"
    row = Observation(Call("twice", (X.copy(),)), (), X + 1, 2 * X)
    assert recognise({"y": [row]}, load_mistakes(greedy, TINY), TINY)["y"].name == "greedy"
    assert np.array_equal(row.call.args[0], X)


def test_large_rows_are_tried_only_where_no_small_one_failed() -> None:
    calls: list[int] = []
    counting = {**TINY, "note": calls.append}
    text = "@mistake('twice', '数一数')\ndef counted(x):\n    note(x.size)\n    return x\n"
    large, small = np.ones((100, 100)), X
    rows = [Observation(Call("twice", (x,)), (), x, 2 * x) for x in (large, small)]
    assert recognise({"y": rows}, load_mistakes(text, counting), counting)["y"].name == "counted"
    assert calls == [9]
    assert recognise({"y": rows[:1]}, load_mistakes(text, counting), counting)["y"].name == "counted"
    assert calls == [9, 10000]


@pytest.mark.parametrize("value", [None, "x", b"x", {}, [], [[1], [1, 2]], np.array([]), np.nan, object()])
def test_what_is_no_array_of_numbers_is_related_to_nothing(value: Any) -> None:
    assert finite(value) is None
    assert related(value, X) == related(X, value) == ""
    assert joined_terms(value, X, [X, value]) is None


@pytest.mark.parametrize(
    ("kind", "text", "said"),
    [
        ("NameError", "name 'foo' is not defined", ""),
        ("NameError", "name 'math' is not defined", "没有导入"),
        ("AttributeError", "module 'numpy' has no attribute 'product'", "np.prod"),
        ("AttributeError", "`np.float_` was removed in the NumPy 2.0 release. Use `np.float64` instead.", "np.float64"),
        ("AttributeError", "module 'numpy' has no attribute 'foo'", ""),
        ("ValueError", "name 'N' is not defined", ""),
    ],
)  # fmt: skip
def test_errors_explained(kind: str, text: str, said: str) -> None:
    hint = explain_error(kind, text)
    assert said in hint
    assert bool(said) == bool(hint)


@pytest.mark.parametrize("name", sorted(GONE.keys() - {"row_stack"}))  # row_stack only warns as yet
def test_names_said_to_be_gone_are_gone(name: str) -> None:
    with pytest.raises(AttributeError) as caught, pytest.warns() if name in ("object", "str") else quiet():
        getattr(np, name)
    assert explain_error("AttributeError", str(caught.value)) != ""


def test_what_agrees_with_differences_of_a_wrong_forward_only_did_not_pass() -> None:
    """tanh on the projection and back: its gradients agree with its own loss, which rules no mistake out."""
    rows = {
        "loss": [Observation(Call("twice", (X,)), (), X, 2 * X)],
        "grad": [Observation(Call("twice", (X,)), (), 7 * X, 7 * X, passed=True)],
    }
    assert recognise(rows, load_mistakes(LIST, TINY), TINY)["loss"].name == "not_doubled"
