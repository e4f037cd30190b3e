"""Results as an examination makes them, for the tests of the pages: three typical students, and a class of forty."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from assignment.grading.result import Result
from assignment.marking import breakdown
from assignment.marking.breakdown import Arrival, Breakdown, Penalty, Standing
from assignment.report import student_page
from assignment.report.annotated import annotate as annotated
from assignment.report.class_page import Absent, ClassMember, ClassSummary, summarise

EXERCISES: dict[str, tuple[str, dict[str, float]]] = {
    "rnn_step_forward": ("3.1 单步前向", {"next_h": 8}),
    "rnn_step_backward": ("3.2 单步反向", {"dx": 2.4, "dprev_h": 2.4, "dWx": 2.4, "dWh": 2.4, "db": 2.4}),
    "rnn_forward": ("4.1 整个序列的前向", {"h": 10}),
    "rnn_backward": ("4.2 沿时间反向传播", {"dx": 2.8, "dh0": 2.8, "dWx": 2.8, "dWh": 2.8, "db": 2.8}),
    "word_embedding_forward": ("5.1 词嵌入：前向", {"out": 6}),
    "word_embedding_backward": ("5.2 词嵌入：反向", {"dW": 8}),
    "temporal_affine_forward": ("6.1 时间仿射层：前向", {"out": 6}),
    "temporal_affine_backward": ("6.2 时间仿射层：反向", {"dx": 2.8, "dw": 2.6, "db": 2.6}),
    "temporal_softmax_loss": ("6.3 带掩码的 softmax 损失", {"loss": 6, "dx": 6}),
    "CaptioningRNN.loss": (
        "7 图像描述：损失与梯度",
        {"loss": 6, "W_embed": 1.25, "W_proj": 1.25, "b_proj": 1.25, "Wx": 1.25, "Wh": 1.25}
        | {"b": 1.25, "W_vocab": 1.25, "b_vocab": 1.25},
    ),
}
STEP_BACKWARD = '''def rnn_step_backward(dnext_h, cache):
    """Backward pass of one step. dnext_h (N, H) -> dx (N, D), dprev_h (N, H), dWx, dWh, db."""
    # TODO: 求各个梯度。提示：tanh 的导数可以用它的输出表示
    x, prev_h, Wx, Wh, next_h = cache
    dz = dnext_h * (1 - next_h ** 2)      # tanh'
    dx = dz @ Wx.T
    dprev_h = dz @ Wh
    dWx = x.T @ dz
    dWh = prev_h.T @ dz
    db = dz
    # TODO 结束
    return dx, dprev_h, dWx, dWh, db'''
MADE_BY = {"submission": "5b1fe0c1c77d9a20", "master": "c0ffee5a11aa9e01", "release": "9f1d2c3b4a596877"} | {
    "python": "3.11.2",
    "numpy": "2.4.1",
    "nbgrader": "0.9.6",
    "limits": {"cell_seconds": 30},
}


def part(name: str, points: float, **more: Any) -> dict[str, Any]:
    """Return a part that passed, or with passed=False one that failed."""
    passed = more.get("passed", True)
    base = {"name": name, "passed": passed, "score": points if passed else 0.0, "max": points, "error": 2.4e-9}
    return base | {"below": 1e-8, "message": "", "hidden": False, "mistake": "", "hint": ""} | more


def check(name: str, failed: dict[str, dict[str, Any]] | None = None, **more: Any) -> dict[str, Any]:
    """Return a check in which the parts in failed failed, with what is given for each."""
    known = EXERCISES[name][1]
    parts = [
        part(one, most, **({"passed": False} | (failed or {})[one] if one in (failed or {}) else {}))
        for one, most in known.items()
    ]
    base = {"name": name, "score": round(sum(one["score"] for one in parts), 2), "max": float(sum(known.values()))}
    return base | {"ended": "", "reason": "", "premise": [], "advice": [], "parts": parts} | more


def result(*checks: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Return a result with the given checks, all others passed."""
    given = {one["name"]: one for one in checks}
    every = [given.get(name) or check(name) for name in EXERCISES]
    score = round(sum(one["score"] for one in every), 2)
    base = {"verdict": "graded", "reason": "", "score": score, "max": 100.0, "net": score, "seconds": 0.31}
    return base | {"checks": every, "rules": [], "repairs": [], "made_by": MADE_BY} | more


def notebook(**sources: str) -> dict[str, Any]:
    """Return an autograded notebook: prose, solve and check cell of each exercise; sources: own code by name."""
    cells: list[dict[str, Any]] = [
        _cell("markdown", "prose", "title", "# 循环神经网络\n\n练习循环网络：结构、词嵌入、时间仿射层与损失。"),
    ]
    for name, (topic, parts) in EXERCISES.items():
        code = sources.get(name.replace(".", "_")) or (
            STEP_BACKWARD if name == "rnn_step_backward" else f"def {name.split('.')[-1]}(*values):\n    return values"
        )
        hidden = "### BEGIN HIDDEN TESTS\nhidden_rows = 123456789\n### END HIDDEN TESTS"
        cells += [
            _cell(
                "markdown", "prose", f"about-{name}", f"## {topic}\n\n公式：$h_t = \\tanh(x_t W_x + h_{{t-1}} W_h + b)$"
            ),
            _cell("code", "solve", name, code),
            _cell(
                "code", "check", name, f"check = Check('{name}')\n{hidden}\ncheck.report()", float(sum(parts.values()))
            ),
        ]
    metadata = {
        "kernelspec": {"name": "python3", "display_name": "Python 3"},
        "assignment": {"name": "rnn", "release": "9f1d2c3b4a596877"},
    }
    return {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}


def _cell(cell_type: str, kind: str, name: str, text: str, points: float | None = None) -> dict[str, Any]:
    """Return one cell as the build makes it."""
    grade_id = f"{kind}-{name.replace('.', '-')}"
    metadata: dict[str, Any] = {"assignment": {"kind": kind, "name": name}}
    if kind in ("solve", "check"):
        metadata["nbgrader"] = {"grade_id": grade_id, "grade": kind == "check", "solution": kind == "solve"}
        metadata["nbgrader"] |= {"locked": kind == "check", "schema_version": 3, "task": False}
    if points is not None:
        metadata["nbgrader"] |= {"points": points, "cell_type": "code"}
    cell = {"id": grade_id, "cell_type": cell_type, "metadata": metadata, "source": text}
    return cell | ({"execution_count": 1, "outputs": []} if cell_type == "code" else {})


def nearly_perfect() -> dict[str, Any]:
    """Return a student whose embedding loses repeated words, and whose softmax overflows where nobody is marked."""
    lost = {
        "message": "dW 与参考梯度不符：重复出现的词只计了一次（第 0 行应接近 -1.87，实际为 0.42）。",
        "mistake": "dW-fancy-index",
        "hint": "一个词在句子里出现两次时，dW[x] += dout 会加几次？查一查 np.add.at 和普通下标赋值的区别。",
        "error": 0.63,
        "below": 1e-11,
    }
    advice = ["分数大到 1e3 时 exp 会溢出，损失变成 nan。先减去每行的最大值，结果不变而数值稳定。"]
    return result(check("word_embedding_backward", {"dW": lost}), check("temporal_softmax_loss", advice=advice))


def typical() -> dict[str, Any]:
    """Return a student with the usual slips: a transpose, a sum, a lost accumulation, a loop, an open exercise."""
    open_part = {"message": "未完成：这里还是发布时的 NotImplementedError。", "error": None, "below": None}
    transpose = {
        "message": "dprev_h 的最大偏差在 [2, 3]：得到 0.8129，应接近 -0.3071（有限差分）。",
        "mistake": "dprev_h-no-transpose",
        "hint": "从 z = x·Wx + h·Wh 对 h 求导，Wh 出现时要不要转置？写下每个因子的形状再对一遍。",
        "error": 0.91,
    }
    summed = {
        "message": "db 的形状是 (4, 6)，应为 (6,)。",
        "hint": "b 加到了每一个样本上，梯度要把样本这一维加起来。",
        "error": None,
    }
    overwritten = {"message": "只等于最后一步的贡献：各时间步的梯度没有累加。", "error": 0.44, "below": 1e-6} | {
        "mistake": "overwritten-weights",
        "hint": "Wx、Wh、b 在每个时间步都用到。循环里是 = 还是 +=？",
    }
    hidden = {"message": "在 T=1 的数据上不对：相差一个常数倍 2。", "hidden": True, "error": 0.333777, "below": 1e-12}
    keys = ("loss", *(key for key in EXERCISES["CaptioningRNN.loss"][1] if key != "loss"))
    return result(
        check("rnn_step_backward", {"dprev_h": transpose, "db": summed}),
        check("rnn_forward", premise=["rnn_step_forward"]),
        check("rnn_backward", dict.fromkeys(("dWx", "dWh", "db"), overwritten), premise=["rnn_step_backward"]),
        check("temporal_affine_backward", {"db": {"message": "没有返回：得到 None。", "error": None}}),
        check("temporal_softmax_loss", {"dx": hidden}),
        check(
            "CaptioningRNN.loss",
            dict.fromkeys(keys, open_part | {"message": "没有得到结果：运行时间超过限制。"}),
            ended="timeout",
            reason="cell solve-CaptioningRNN-loss ran for 30 s in hidden block N=1",
        ),
        rules=[
            {"rule": "outputs", "breach": False, "cell": "solve-rnn_forward", "evidence": "cell was run out of order"}
        ],
    )


def breach() -> dict[str, Any]:
    """Return a student with right functions who changed a given helper and imported a package."""
    diff = (
        "--- release\n+++ submission\n@@ -3,3 +3,3 @@\n def rel_error(x, y):\n"
        "-    return np.max(np.abs(x - y) / np.maximum(1e-8, np.abs(x) + np.abs(y)))\n+    return 0.0"
    )
    return result(
        rules=[
            {"rule": "todo", "breach": True, "cell": "given-helpers", "evidence": diff},
            {"rule": "imports", "breach": True, "cell": "solve-rnn_step_forward", "evidence": "+ import torch"},
            {"rule": "imports", "breach": False, "cell": "solve-rnn_forward", "evidence": "+ import math"},
        ],
        net=0.0,
    )


def unreadable() -> dict[str, Any]:
    """Return a file that is no notebook."""
    return {"verdict": "unreadable", "reason": "not JSON: line 1 column 1", "score": 0.0, "max": 100.0, "net": 0.0} | {
        "seconds": 0.02,
        "checks": [],
        "rules": [],
        "repairs": [],
        "made_by": MADE_BY,
    }


def class_of(count: int, seed: int = 7) -> list[tuple[str, str, dict[str, Any]]]:
    """Return (student, name, result) of a class, the same for the same seed."""
    draw = random.Random(seed)
    families, given = "王李张刘陈杨赵黄周吴", ["小明", "静", "伟", "晓雨", "子涵", "Jörg", "思远", "一鸣"]
    slips = [one for made in (nearly_perfect(), typical()) for one in made["checks"] if one["score"] < one["max"]]
    students = []
    for number in range(count):
        made = result(*[slip for slip in slips if draw.random() < 0.22], seconds=round(draw.uniform(0.2, 0.9), 2))
        if number % 17 == 5:
            made = breach()
        if number % 23 == 11:
            made = unreadable() | {"verdict": draw.choice(["unreadable", "timeout", "memory"])}
        students.append((str(1040 + number), draw.choice(families) + draw.choice(given), made))
    return students


def typed(result: Mapping[str, Any]) -> Result:
    """Return a sample, plain JSON and however odd, as what an examination gives."""
    checks = [
        {"max": 0.0, **check, "parts": [{"max": 0.0, **part} for part in check.get("parts") or [] if part]}
        for check in result.get("checks") or []
    ]
    made = dict(result.get("made_by") or {})
    known = {"max": 0.0, "verdict": "graded", **result, "checks": checks, "release": made.get("release", "")}
    verdict = str(known["verdict"])
    typed = Result.from_dict(known | {"verdict": "graded", "made_by": made, "rules": result.get("rules") or []})
    return replace(typed, verdict=verdict)  # also one that no examination gives


def settle(
    result: Mapping[str, Any],
    manual: Mapping[str, float] | None = None,
    penalties: Iterable[Mapping[str, Any]] = (),
    late: Mapping[str, Any] | None = None,
    **more: Any,
) -> Breakdown:
    """Return how a sample's mark comes about."""
    return breakdown.settle(
        typed(result), manual, [Penalty(**penalty) for penalty in penalties], Arrival(**(late or {})), **more
    )


def standing(result: Mapping[str, Any], who: Mapping[str, Any], mark: Breakdown) -> Standing:
    """Return where a student stands; who: {student, name, login, file}, any of them odd."""
    name, file = str(who.get("name") or ""), str(who.get("file") or "")
    return Standing(str(who.get("student") or ""), name, name, str(who.get("login") or ""), file, typed(result), mark)


def page(result: Mapping[str, Any], notebook: Any, who: Mapping[str, Any], mark: Breakdown) -> str:
    """Return a sample's feedback page."""
    return student_page.page(standing(result, who, mark), notebook)


def annotate(notebook: Any, result: Mapping[str, Any], mark: Breakdown | None = None) -> Any:
    """Return the annotated notebook, by default of a mark that nobody changed."""
    return annotated(standing(result, {}, mark or settle(result)), notebook)


def summary(rows: Iterable[Mapping[str, Any]], about: Mapping[str, Any]) -> ClassSummary:
    """Return what the class page shows of samples: [{student, name, login, result, standing (Breakdown), notebook}]."""
    members = [
        ClassMember(standing(row["result"], row, row["standing"]), str(row.get("notebook") or "")) for row in rows
    ]
    missing = tuple(Absent(one["student"], one["name"]) for one in about.get("missing") or [])
    return summarise(
        members,
        about.get("assignment", ""),
        about.get("title", ""),
        about.get("made_at", ""),
        missing,
    )
