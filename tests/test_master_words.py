"""The class Check in the notebook: what it says about a value or an error, and the points it gives."""

from __future__ import annotations

import re
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tests.support.judge import load_master
from tests.support.master_cells import Notebook, solve


@pytest.fixture(scope="module")
def right() -> Notebook:
    """The reference solution, everything run."""
    return Notebook(load_master()).run()


@pytest.fixture
def make(right: Notebook) -> Callable[..., Any]:
    """The class Check."""
    return right.names["Check"]  # type: ignore[no-any-return]


SCORES = np.array([[0.5, 1.0], [2.0, 5.0], [3.0, 2.5], [4.5, 7.5]])
NOTHING = "没有算出来（得到 None）：在原处修改数组的函数（如 np.add.at）不返回结果"
NOT_FINITE = "：可能除以了零、对零取了对数，或者 exp 太大"
WORDS: dict[str, tuple[Any, Any, str]] = {
    "none": (None, np.ones((2, 3)), NOTHING),
    "list": ([[1.0, 1.0, 1.0]] * 2, np.ones((2, 3)), "应该是数组，得到的是 list：用 np.array 或 np.stack 变成数组"),
    "tuple for a number": ((1.0,), 1.0, "应该是一个数，得到的是 tuple：行末是不是多了一个逗号？"),
    "text": ("1", np.ones(3), "应该是数组，得到的是 str"),
    "foreign object": (SimpleNamespace(), np.ones(3), "应该是数组，得到的是 别的对象"),
    "scalar": (1.0, np.ones((2, 3)), "应该是形状 (2, 3) 的数组，得到的是一个数"),
    "numpy scalar": (np.float64(1), np.ones(3), "应该是形状 (3,) 的数组，得到的是一个数"),
    "truth value": (True, 1.0, "应该是一个数，得到的是 bool"),
    "array for a number": (np.ones(1), 1.0, "应该是一个数，得到的是形状 (1,) 的数组"),
    "row for a vector": (np.ones((1, 3)), np.ones(3), "形状应该是 (3,)，得到的是 (1, 3)，多了长度为 1 的轴"),
    "column": (
        np.ones((3, 1)),
        np.ones((3, 3)),
        "形状应该是 (3, 3)，得到的是 (3, 1)，有一个轴只剩 1 项：是不是沿它求了和？",
    ),
    "transposed shape": (np.ones((3, 2)), np.ones((2, 3)), "形状应该是 (2, 3)，得到的是 (3, 2)，是不是转置了？"),
    "nan": (np.array([1, np.nan]), np.ones(2), "含有 NaN 或 inf（2 个元素中有 1 个）" + NOT_FINITE),
    "inf": (float("inf"), 1.0, "含有 NaN 或 inf" + NOT_FINITE),
    "complex": (np.ones(2) * 1j, np.ones(2), "元素不是实数"),
    "objects": (np.array([1, 1], dtype=object), np.ones(2), "元素不是实数"),
    "truth values": (np.array([True, True]), np.ones(2), "元素不是实数"),
    "zero": (np.zeros(3), np.ones(3), "全为零；g[0] 得到 0，参考值是 1"),
    "sign": (np.arange(-3.0, 0), np.arange(3, 0, -1.0), "符号相反；g[0] 得到 -3，参考值是 3"),
    "factor": (np.array([2.0, 4.0]), np.array([1.0, 2.0]), "是正确结果的 2 倍；g[1] 得到 4，参考值是 2"),
    "transpose": (
        np.array([[1.0, 2], [3, 4]]),
        np.array([[1.0, 3], [2, 4]]),
        "是正确结果的转置；g[0, 1] 得到 2，参考值是 3",
    ),
    "single precision": (
        np.array([1.00001, 1.0]),
        np.array([1.0, 1.0]),
        "很接近，但不够精确；g[0] 得到 1.00001，参考值是 1",
    ),
    "some entries": (np.array([1.0, 2, 3]), np.array([1.0, 2, 4]), "3 个元素中 1 个不对；g[2] 得到 3，参考值是 4"),
    "number": (2.0, 0.0, "数值不对；得到 2，参考值是 0"),
    "number times 1.002": (1.002, 1.0, "数值不对；得到 1.002，参考值是 1"),
    "number with the other sign": (-1.0, 1.0, "符号相反；得到 -1，参考值是 1"),
    "one row": (
        np.array([[1.0, 2.0], [4.0, 5.0]]),
        np.array([[1.0, 2.0], [3.0, 9.0]]),
        "4 个元素中 2 个不对，错的只在 g[1, :]；g[1, 1] 得到 5，参考值是 9",
    ),
    "time before samples": (
        np.ones((3, 2, 4)),
        np.ones((2, 3, 4)),
        "形状应该是 (2, 3, 4)，得到的是 (3, 2, 4)，前两个轴的次序反了",
    ),
    "flattened": (
        np.ones((6, 4)),
        np.ones((2, 3, 4)),
        "形状应该是 (2, 3, 4)，得到的是 (6, 4)，前两个轴并成了一个，还没有分开",
    ),
    "not summed": (np.ones((5, 3)), np.ones(3), "形状应该是 (3,)，得到的是 (5, 3)，前面多了轴：是不是少了一次求和？"),
    "axes in another order": (
        np.ones((2, 4, 3)),
        np.ones((2, 3, 4)),
        "形状应该是 (2, 3, 4)，得到的是 (2, 4, 3)，轴的次序不对",
    ),
    "whole numbers": (
        np.array([0, 1]),
        np.array([0.5, 1.5]),
        "元素是整数，小数部分都丢了：建数组时看看 dtype；g[0] 得到 0，参考值是 0.5",
    ),
    "the right numbers elsewhere": (
        np.array([1.0, 4, 3, 2]),
        np.array([1.0, 2, 3, 4]),
        "4 个元素中 2 个不对，数都对，只是放错了位置（次序），错的只在 g[1, 3]；g[1] 得到 4，参考值是 2",
    ),
    "the right sizes": (
        np.array([1.0, 2, -4]),
        np.array([1.0, 2, 4]),
        "3 个元素中 1 个不对，绝对值都对，符号不对；g[2] 得到 -4，参考值是 4",
    ),
    "zeros left": (
        np.array([1.0, 2, 0]),
        np.array([1.0, 2, 4]),
        "3 个元素中 1 个不对，不对的都是 0；g[2] 得到 0，参考值是 4",
    ),
    "another bias": (
        SCORES + np.array([0.0, 1.0]),
        SCORES,
        "8 个元素中 4 个不对，第 1 列各差一个同样的数，错的只在 g[:, 1]；g[0, 1] 得到 2，参考值是 1",
    ),
    "half, and another bias": (
        SCORES / 2 + 7,
        SCORES,
        "8 个元素中 8 个不对，每列各减去一个数以后，是正确结果的 0.5 倍；g[0, 0] 得到 7.25，参考值是 0.5",
    ),
    "another bias below a tanh": (
        np.tanh(SCORES / 9 + np.array([0.25, 0.0])),
        np.tanh(SCORES / 9),
        "8 个元素中 4 个不对，tanh 之前，第 0 列各差一个同样的数，错的只在 g[:, 0]；"
        "g[0, 0] 得到 0.29638844，参考值是 0.05549847",
    ),
    "huge": (np.array([1e300, 1.0]), np.ones(2), "2 个元素中 1 个不对；g[0] 得到 1e+300，参考值是 1"),
}


@pytest.mark.parametrize("case", WORDS)
def test_a_wrong_value_in_words(make: Callable[..., Any], case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NBGRADER_EXECUTION", "validate")
    got, want, message = WORDS[case]
    check = make("exercise", g=1.0)
    row = check.near("g", got, want, 1e-6)
    assert (row.passed, row.message, row.got is got, row.hidden, row.block) == (False, message, True, False, "")
    assert check.score() == 0
    with pytest.raises(AssertionError, match=r"^exercise 未通过：g$"):
        check.report()


@pytest.mark.parametrize("case", WORDS)
def test_a_hidden_row_says_no_value(make: Callable[..., Any], case: str) -> None:
    got, want, message = WORDS[case]
    check = make("exercise", g=1.0)
    with check.hidden("N=1"):
        row = check.near("g", got, want, 1e-6)
    assert (row.passed, row.message, row.hidden, row.block) == (
        False,
        re.split("，错的只在|；", message)[0],
        True,
        "N=1",
    )


STEPS = np.arange(1.0, 13).reshape(2, 3, 2) ** 2


@pytest.mark.parametrize(
    ("got", "says"),
    [
        (STEPS.cumsum(axis=1), "，每个时刻都把前面时刻的加了进来"),
        (np.concatenate([0 * STEPS[:, :1], STEPS[:, :-1]], axis=1), "，沿时间错开了一步"),
        (np.repeat(STEPS[:, :1], 3, axis=1), "，各个时刻的结果都一样"),
        (np.repeat(STEPS[:1], 2, axis=0), "，各个样本的结果都一样"),
    ],
)
def test_what_is_wrong_along_an_axis(make: Callable[..., Any], got: Any, says: str) -> None:
    row = make("exercise", g=1.0).near("g", got, STEPS, 1e-6, axes="nt ")
    assert f"个不对{says}" in row.message


def test_what_went_into_the_call_is_recognised(make: Callable[..., Any]) -> None:
    check = make("exercise", g=1.0)
    check.call(lambda x, cache: None, STEPS, (None, STEPS + 1))
    assert check.near("g", STEPS.copy(), 2 * STEPS, 1e-6).message.startswith("得到的就是传进来的 x 本身")
    assert "正好多出传进来的 cache 第 2 项" in check.near("g", STEPS + 1 + 7, np.full(STEPS.shape, 7.0), 1e-6).message


def test_parts_that_changed_places_are_named(make: Callable[..., Any], capsys: pytest.CaptureFixture[str]) -> None:
    check = make("exercise", a=1.0, b=1.0, c=1.0)
    check.near("a", 2 * SCORES, SCORES, 1e-6)
    check.near("b", SCORES.T, SCORES.T**2, 1e-6)
    check.near("c", SCORES**3 + SCORES, SCORES**3, 1e-6)
    check.report()
    assert "先看这里 c 里多加了 a 的值。" in capsys.readouterr().out


def test_differences_of_a_forward_that_fails_prove_nothing(
    make: Callable[..., Any], capsys: pytest.CaptureFixture[str]
) -> None:
    check = make("exercise", loss=1.0, dx=1.0)
    check.near("loss", 2.0, 1.0, 1e-6)
    check.slope("dx", np.ones(3), lambda x: 2 * x.sum(), np.ones(3), 1e-6)
    check.report()
    said = capsys.readouterr().out
    assert "先看这里 先让 loss 通过：有限差分用的是你自己的前向" in said
    assert "是有限差分的 0.5 倍" in said


RIGHT: dict[str, tuple[Any, Any]] = {
    "array": (np.ones((2, 3)), np.ones((2, 3))),
    "any memory layout": (np.asfortranarray(np.arange(6.0).reshape(2, 3)), np.arange(6.0).reshape(2, 3)),
    "a view": (np.broadcast_to(np.ones(3), (2, 3)), np.ones((2, 3))),
    "whole numbers": (np.ones(3, dtype=int), np.ones(3)),
    "single precision that holds the answer": (np.ones(3, dtype=np.float32), np.ones(3)),
    "python number": (1.0, 1.0),
    "whole number": (1, 1.0),
    "numpy number": (np.float64(1), 1.0),
    "array without axes": (np.array(1.0), 1.0),
    "zeros where zeros are right": (np.zeros(3), np.zeros(3)),
}


@pytest.mark.parametrize("case", RIGHT)
def test_a_right_value_passes_in_any_form(make: Callable[..., Any], case: str) -> None:
    got, want = RIGHT[case]
    check = make("exercise", g=1.0)
    assert check.near("g", got, want, 1e-12).passed
    check.report()


def test_gradients_in_a_dictionary(make: Callable[..., Any]) -> None:
    want = {"w": np.ones(2), "b": np.ones(1)}
    cases: list[tuple[Any, list[str]]] = [
        ({"w": np.ones(2), "b": np.ones(1)}, ["", ""]),
        ({"w": np.ones(2)}, ["", "字典里缺少 'b'"]),
        ({}, ["字典里缺少 'w'", "字典里缺少 'b'"]),
        (None, ["应该放在字典里返回"] * 2),
        ([np.ones(2), np.ones(1)], ["应该放在字典里返回"] * 2),
        ({"w": np.ones(2), "b": None}, ["", NOTHING]),
    ]
    for got, messages in cases:
        check = make("exercise", w=1.0, b=1.0)
        check.near_each(got, want, 1e-6)
        assert [row.message for row in check.rows] == messages
        assert check.advice == []


def test_another_key_in_the_dictionary_is_advice(make: Callable[..., Any], capsys: pytest.CaptureFixture[str]) -> None:
    check = make("exercise", w=1.0)
    for _ in range(2):
        check.near_each({"w": np.ones(2), "h0": np.ones(1)}, {"w": np.ones(2)}, 1e-6)
    assert check.advice == ["字典里有多余的键"]
    check.report()
    assert "\n建议（不扣分）：字典里有多余的键\n" in capsys.readouterr().out


class OwnError(IndexError):
    """An error of a student's own."""


ERRORS: dict[str, tuple[BaseException, str, str]] = {
    "unfinished": (NotImplementedError("…"), "未完成：exercise 还没有写", "未完成：exercise 还没有写"),
    "name": (
        NameError("name 'H' is not defined"),
        "exercise 用到了 H，它不是参数，也没有在函数里定义",
        "运行出错：NameError",
    ),
    "before its value": (
        UnboundLocalError("cannot access local variable 'dx' where it is not associated with a value"),
        "运行出错：dx 还没有赋值就被用到了（exercise）",
        "运行出错：UnboundLocalError",
    ),
    "shapes": (
        ValueError("operands could not be broadcast together with shapes (3,4) (5,) "),
        "运行出错：形状 (3,4) 与 (5,) 对不上，不能逐个元素运算（exercise）",
        "运行出错：ValueError",
    ),
    "zeros": (
        TypeError("Cannot interpret '3' as a data type"),
        "运行出错：3 不是数据类型：形状要写成一个元组，例如 np.zeros((N, T, H))（exercise）",
        "运行出错：TypeError",
    ),
    "input": (
        type("StdinNotImplementedError", (NotImplementedError,), {})("raw_input was called"),
        "exercise 里有 input() 或者断点：检查不会等人输入，请去掉它",
        "exercise 里有 input() 或者断点：检查不会等人输入，请去掉它",
    ),
    "lines": (ValueError("a\n b"), "运行出错：ValueError: a b（exercise）", "运行出错：ValueError"),
    "own": (OwnError("secret 3.14"), "运行出错：OwnError: secret 3.14（exercise）", "运行出错：IndexError"),
    "long": (ValueError("x" * 999), "运行出错：ValueError: " + "x" * 188 + "（exercise）", "运行出错：ValueError"),
}


@pytest.mark.parametrize("case", ERRORS)
def test_an_error_in_words(make: Callable[..., Any], right: Notebook, case: str) -> None:
    error, visible, hidden = ERRORS[case]
    source = "with {}:\n    check.near('a', 1.0, 1.0, 1e-6)\n    raise error"
    for opening, message in (("check", visible), ("check.hidden('N=1')", hidden)):
        right.names.update(check=make("exercise", a=1.0, b=2.0), error=error)
        outcome = right.execute(source.format(opening))
        assert outcome.error is None
        assert [(row.part, row.passed, row.message) for row in outcome.check.rows[1:]] == [
            ("a", False, message),
            ("b", False, message),
        ]
        assert outcome.check.block == ""
        assert outcome.check.score() == 0


RAISED = {  # what a student's line may be -> how NumPy's or Python's own words for it begin in Chinese
    "np.zeros(3)[[0, 1]] = np.ones(3)": "形状 (3,) 的数组放不进下标指的位置（形状 (2,)）",
    "np.add.at(np.zeros((2, 3)), [0, 1], np.ones((4, 3)))": "要加进去的数组与下标指的位置形状对不上",
    "np.zeros((2, 3))[:] = (np.ones((2, 3)), 1)": "放进数组的不是数组：是不是忘了把返回的 (结果, cache) 拆开？",
    "np.zeros((1 << 20, 1 << 20, 1 << 10))": "要用 8.00 PiB 内存",
    "np.stack([np.ones(2), np.ones(3)])": "要拼起来的数组形状对不上",
    "np.stack([])": "要拼起来的列表是空的",
    "2.0 @ np.ones((2, 2))": "@ 的一边是一个数",
    "np.add(np.ones(2, int), 0.5, out=np.ones(2, int))": "float64 的结果放不进 int64 的数组",
    "1 if np.ones(2) else 0": "整个数组不能当作一个条件",
    "float(np.ones(2))": "这里要一个数，给的是数组",
    "None + 1": "NoneType 与 int 不能用 + 运算",
    "(1, 2) + [3]": "tuple 与 list 不能用 + 连起来",
    "np.ones(2)(3)": "numpy.ndarray 不能当函数调用",
    "(3)[0]": "int 不能用下标取",
    "[1, 2][:, 0]": "列表和元组要一层一层地取",
    "np.expp(1)": "NumPy 里没有 expp",
    "np.ones(2).foo": "数组没有 foo",
    "{}['W_vocb']": "字典里没有 'W_vocb' 这个键",
}


@pytest.mark.filterwarnings("ignore::SyntaxWarning")
@pytest.mark.parametrize("line", RAISED)
def test_what_numpy_raises_is_said_in_chinese(make: Callable[..., Any], right: Notebook, line: str) -> None:
    right.names.update(check=make("exercise", a=1.0))
    assert f"运行出错：{RAISED[line]}" in right.execute(f"with check:\n    {line}").check.rows[0].message


def test_an_error_in_another_exercise_names_the_line_that_called_it() -> None:
    text = load_master()
    wrong = solve(text, "rnn_forward").source.replace("state, Wx, Wh, b)", "state, Wx, Wh, Wh)")
    line = 1 + ["Wh, Wh)" in line for line in wrong.splitlines()].index(True)
    says = Notebook(text).run({"rnn_forward": wrong}, until="prose-rnn_backward").outcomes["rnn_forward"].printed
    assert f"（rnn_step_forward 第 14 行，是 rnn_forward 第 {line} 行调用的：看看传给它的对不对）" in says


def test_an_error_names_function_and_line() -> None:
    text = load_master()
    wrong = solve(text, "rnn_step_forward").source.replace("    next_h =", "    next_h = undefined +")
    notebook = Notebook(text).run({"rnn_step_forward": wrong}, until="prose-rnn_forward")
    line = 1 + [line.strip().startswith("next_h = undefined") for line in wrong.splitlines()].index(True)
    message = f"rnn_step_forward 用到了 undefined，它不是参数，也没有在函数里定义（第 {line} 行）"
    for name in ("rnn_step_forward", "rnn_step_backward"):
        assert message in notebook.outcomes[name].printed


def test_an_error_that_names_its_function(make: Callable[..., Any], right: Notebook) -> None:
    """The examiner's proxies have no frame in the notebook: they say which function was not written."""
    error = NotImplementedError("…")
    error.function, error.name = "rnn_step_forward", "NotImplementedError"  # type: ignore[attr-defined]
    right.names.update(check=make("rnn_step_backward", dx=1.0), error=error)
    outcome = right.execute("with check:\n    raise error")
    assert outcome.check.rows[0].message == "未完成：rnn_step_forward 还没有写"


def test_an_error_from_outside_the_notebook(make: Callable[..., Any]) -> None:
    def outside() -> None:
        raise ValueError("no frame of the notebook behind it")

    check = make("exercise", a=1.0)
    with check:
        outside()
    assert check.rows[0].message == "运行出错：ValueError: no frame of the notebook behind it（exercise）"


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_what_ends_a_process_goes_through(make: Callable[..., Any], error: type[BaseException]) -> None:
    check = make("exercise", a=1.0)
    with pytest.raises(error), check:
        raise error


# Points of a check


def test_the_points_come_first_as_one_float(make: Callable[..., Any], right: Notebook) -> None:
    right.names["check"] = make("exercise", a=0.1, b=0.2, c=0.7)
    outcome = right.execute(
        "with check.hidden('x'):\n"
        "    check.near('a', 1, 1, 1e-6)\n    check.near('b', 1, 1, 1e-6)\n    check.near('c', 2, 1, 1e-6)\n"
        "check.award()\ncheck.report()"
    )
    assert outcome.shown == [0.3]
    assert type(outcome.shown[0]) is float
    assert outcome.order[0] == "shown"
    assert str(outcome.error) == "exercise 未通过：c"


AWARDS: dict[str, tuple[dict[str, Any], list[tuple[str, bool, bool]], float]] = {
    # parts, rows (part, hidden, passed), points
    "everything": ({"a": 2.4, "b": 2.4}, [("a", True, True), ("b", True, True)], 4.8),
    "visible rows alone": ({"a": 2.4}, [("a", False, True)], 0.0),
    "no rows": ({"a": 2.4}, [], 0.0),
    "a visible row failed": ({"a": 2.4}, [("a", False, False), ("a", True, True)], 0.0),
    "a hidden row failed": ({"a": 2.4}, [("a", False, True), ("a", True, False), ("a", True, True)], 0.0),
    "one of two": ({"a": 2.4, "b": 1.6}, [("a", True, False), ("b", True, True)], 1.6),
    "rounding": ({str(i): 0.1 for i in range(10)}, [(str(i), True, True) for i in range(10)], 1.0),
    "never below zero": ({"a": -1.0, "b": 0.5}, [("a", True, True), ("b", True, False)], 0.0),
    "never above the sum": ({"a": -1.0, "b": 3.0}, [("a", True, False), ("b", True, True)], 2.0),
    "numpy points": ({"a": np.float64(1.5)}, [("a", True, True)], 1.5),
}


@pytest.mark.parametrize("case", AWARDS)
def test_points_are_those_of_the_parts_that_passed(make: Callable[..., Any], right: Notebook, case: str) -> None:
    parts, rows, points = AWARDS[case]
    check = right.names["check"] = make("exercise", **parts)
    for part, hidden, passed in rows:
        with check.hidden("x") if hidden else check:
            check.true(part, passed, "no")
    outcome = right.execute("check.award()")
    assert (outcome.shown, type(outcome.shown[0])) == ([points], float)
    assert check.score() == points


def test_a_part_that_only_hidden_rows_failed_gets_one_row(
    make: Callable[..., Any], capsys: pytest.CaptureFixture[str]
) -> None:
    check = make("exercise", a=1.0, b=1.0)
    with check:
        check.near("a", 1.0, 1.0, 1e-6)
        check.near("b", 1.0, 1.0, 1e-6)
    with check.hidden("N=1"):
        check.near("a", 2.0, 1.0, 1e-6)
        check.near("b", 1.0, 1.0, 1e-6)
    with check.hidden("T=1"):
        check.near("a", None, 1.0, 1e-6)
    with pytest.raises(AssertionError, match=r"^exercise 未通过：a$"):
        check.report()
    assert capsys.readouterr().out.splitlines() == [
        "a         误差 0.00e+00 < 1e-06  通过",
        "b         误差 0.00e+00 < 1e-06  通过",
        "a         可见的检查通过，隐藏的检查未通过（N=1）：数值不对",
    ]


def test_a_visible_row_prints_error_threshold_and_verdict(right: Notebook) -> None:
    assert right.outcomes["rnn_step_backward"].printed.splitlines() == [
        "dx        误差 2.78e-10 < 1e-08  通过",
        "dprev_h   误差 2.73e-10 < 1e-08  通过",
        "dWx       误差 9.71e-10 < 1e-08  通过",
        "dWh       误差 5.03e-10 < 1e-08  通过",
        "db        误差 1.71e-11 < 1e-08  通过",
    ]


def test_infinity_is_taken_for_no_known_mistake(right: Notebook) -> None:
    diagnosis = right.names["Diagnosis"]
    infinite, known = diagnosis.fingerprint(np.inf), diagnosis.fingerprint(23.0)
    assert not diagnosis.alike(known, infinite)
    assert diagnosis.alike(known, diagnosis.fingerprint(23.0))
