"""What a check says first to a student: slip -> the first thing that is printed, in the released notebook."""

from __future__ import annotations

import pytest

from assignment.homework import STUB, Master
from assignment.homework.checker import verdicts_shown
from tests.support.judge import load_master
from tests.support.master_cells import Notebook, solve

STEP = "next_h = np.tanh(x @ Wx + prev_h @ Wh + b)\n    cache = (x, prev_h, Wx, Wh, next_h)"
BACK = """x, prev_h, Wx, Wh, next_h = cache
    da = dnext_h * (1 - next_h**2)
    dx, dprev_h, dWx, dWh, db = da @ Wx.T, da @ Wh.T, x.T @ da, prev_h.T @ da, da.sum(axis=0)"""
FORWARD = """h, cache, state = np.zeros((*x.shape[:2], h0.shape[1])), [], h0
    for t in range(x.shape[1]):
        state, kept = rnn_step_forward(x[:, t], state, Wx, Wh, b)
        h[:, t] = state
        cache.append(kept)"""

# exercises written (exercise -> body in place of the stub) -> the check looked at, and what it prints
SAYS: dict[str, tuple[dict[str, str], str, str]] = {
    "right": ({"rnn_step_forward": STEP}, "rnn_step_forward", "✔ rnn_step_forward 全部通过，8 分。"),
    "not written": ({}, "rnn_step_forward", "未完成：rnn_step_forward 还没有写"),
    "not written, called by another": ({"rnn_forward": FORWARD}, "rnn_forward", "未完成：rnn_step_forward 还没有写"),
    "stub left below": (
        {"rnn_step_forward": f"{STEP}\n    {STUB}"},
        "rnn_step_forward",
        "未通过  代码写好了，可是下面还留着 raise NotImplementedError 那一行：删掉它（rnn_step_forward 第 15 行）",
    ),
    "stub left below, in a method": (
        {"CaptioningRNN.loss": f"h0 = features @ W_proj + b_proj\n        {STUB}"},
        "CaptioningRNN.loss",
        "可是下面还留着 raise NotImplementedError 那一行",
    ),
    "input": (
        {"rnn_step_forward": "raise type('StdinNotImplementedError', (NotImplementedError,), {})()"},
        "rnn_step_forward",
        "rnn_step_forward 里有 input() 或者断点",
    ),
    "a name of the check": (
        {"rnn_step_forward": f"y = np.zeros((N, H))\n    {STEP}"},
        "rnn_step_forward",
        "next_h    未通过  rnn_step_forward 用到了 N，它不是参数，也没有在函数里定义（第 13 行）\n",
    ),
    "the check's cache": (
        {"rnn_step_forward": STEP, "rnn_step_backward": BACK.replace("= cache", "= kept")},
        "rnn_step_backward",
        "dx, dprev_h, dWx, dWh, db 未通过  rnn_step_backward 用到了 kept",
    ),
    "another function's argument": (
        {"rnn_step_forward": STEP, "rnn_forward": f"state = dnext_h\n    {FORWARD}"},
        "rnn_forward",
        "rnn_forward 用到了 dnext_h，那是 rnn_step_backward 的参数，不是它自己的（第 13 行）",
    ),
    "nothing to return": (
        {"rnn_step_forward": STEP.split("\n")[0]},
        "rnn_step_forward",
        "rnn_step_forward 要返回 cache，可是还没有给它赋值（第 15 行）",
    ),
    "no differences to compare with": (
        {"temporal_softmax_loss": "loss, dx = np.nan, np.zeros_like(x)"},
        "temporal_softmax_loss",
        "dx        未通过  没有可比的有限差分：你的前向得到了 NaN 或 inf\n",
    ),
    "a failed exercise first": (
        {"rnn_step_forward": STEP.replace(" + b)", ")"), "rnn_forward": FORWARD},
        "rnn_forward",
        "先看这里 先让 rnn_step_forward 通过，这里用到了它。\n",
    ),
    "an argument changed": (
        {"rnn_step_forward": STEP, "rnn_forward": FORWARD + "\n    h0[:] = state"},
        "rnn_forward",
        "先看这里 rnn_forward 改动了传进来的 h0。别的代码还要用它：请先复制（.copy()）再改。\nh         误差",
    ),
    "shapes": (
        {"rnn_step_forward": STEP.replace("x @ Wx", "x @ Wx.T")},
        "rnn_step_forward",
        "运行出错：矩阵乘法两边的形状对不上：中间的维数是 10 与 4（rnn_step_forward 第 13 行）。"
        "这一行里 x 是 (3, 10)，Wx 是 (10, 4)，prev_h 是 (3, 4)，Wh 是 (4, 4)",
    ),
    "one step": (
        {"rnn_step_forward": STEP, "rnn_forward": FORWARD + "\n    h[:, 1] = 0"},
        "rnn_forward",
        "30 个元素中 10 个不对，不对的都是 0，错的只在 t=1；h[1, 1, 4] 得到 0，参考值是 0.50158768",
    ),
    "one row": (
        {"rnn_step_forward": STEP, "rnn_step_backward": BACK + "\n    dWx[3] = 0"},
        "rnn_step_backward",
        "30 个元素中 6 个不对，不对的都是 0，错的只在 dWx[3, :]；",
    ),
}


@pytest.fixture(scope="module")
def text() -> Master:
    """The released homework."""
    return load_master().released


@pytest.mark.parametrize("case", SAYS)
def test_what_a_check_says(text: Master, case: str) -> None:
    written, name, says = SAYS[case]
    sources = {exercise: solve(text, exercise).source.replace(STUB, body) for exercise, body in written.items()}
    notebook = Notebook(text).run(sources, until="prose-closing")
    assert notebook.outcomes[name].error is None
    assert says in notebook.outcomes[name].printed


def test_an_error_is_said_once(text: Master) -> None:
    wrong = solve(text, "rnn_step_forward").source.replace(STUB, STEP.replace("Wx +", "Wx.T +"))
    printed = Notebook(text).run({"rnn_step_forward": wrong}, until="prose-rnn_forward").outcomes
    assert printed["rnn_step_backward"].printed.count("运行出错") == 1


def test_variables_from_outside_are_named(text: Master) -> None:
    notebook = Notebook(text).run(until="solve-rnn_step_forward")
    notebook.execute("scale = 1.0")
    notebook.cell(
        solve(text, "rnn_step_forward"),
        solve(text, "rnn_step_forward").source.replace(STUB, f"{STEP}\n    next_h = next_h * scale"),
    )
    printed = notebook.cell(text.check("rnn_step_forward")).printed
    assert printed.startswith("先看这里 rnn_step_forward 用到了函数外面的 scale：函数应当只靠自己的参数。\nnext_h")
    assert verdicts_shown(printed) == {"next_h": True}


def test_no_name_of_a_check_is_left_behind(text: Master) -> None:
    notebook = Notebook(text).run(until="prose-one-step-idea")
    before = set(notebook.names)
    for cell in text.checks:
        notebook.cell(cell)
    assert set(notebook.names) - before == set()


PRINTED = {
    "next_h    误差 6.29e-09 < 1e-08  通过\n": {"next_h": True},
    "next_h    误差 6.29e-09 < 1e-08  \x1b[38;2;255;255;255;48;2;17;105;50m 通过 \x1b[0m\n": {"next_h": True},
    "dx, db 未通过  运行出错\ndx 误差 1.00e+00 ≥ 1e-08  通过\n": {"dx": False, "db": False},
    "loss[T=1] 误差 1.00e-03 < 1e-01  通过\nloss[T=9] 误差 nan ≥ 1e-01  未通过  \n": {"loss": False},
    "h         未完成：rnn_forward 还没有写\n": {"h": False},
    "全部通过\n我觉得 a 通过了\n": {},
}


@pytest.mark.parametrize("printed", PRINTED)
def test_what_is_printed_is_recognised(printed: str) -> None:
    assert verdicts_shown(printed) == PRINTED[printed]
