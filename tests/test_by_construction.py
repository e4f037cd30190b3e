# ruff: noqa: E501 - a table, one case a line
"""What the hidden blocks are built for: each of these is wrong in its own function, whatever the seed."""

from __future__ import annotations

import pytest

from assignment.grading.examiner import Examiner
from assignment.homework import SOLUTION
from assignment.homework.notebook import CellJson
from tests.support import corpus
from tests.support.judge import Judge, load_master
from tests.support.mutants import quick

SEEDS = (0, 1, 2, 2**63)
Edit = tuple[str, str]  # a line of the solution and what stands in its place

WRONG: dict[str, tuple[str, Edit]] = {
    "rows of dW up to the largest word": (
        "word_embedding_backward",
        ("np.zeros(shape, dtype=dout.dtype)", "np.zeros((x.max() + 1, shape[1]), dtype=dout.dtype)"),
    ),
    "dW from the smallest word on": (
        "word_embedding_backward",
        ("    np.add.at(dW, x, dout)", "    np.add.at(dW, x, dout)\n    dW = dW[x.min() :]"),
    ),
    "state squeezed": ("rnn_step_forward", ("prev_h @ Wh + b)", "prev_h @ Wh + b).squeeze()")),
    "states squeezed": ("rnn_forward", ("        cache.append(step_cache)", "        cache.append(step_cache)\n    h = h.squeeze()")),
    "words squeezed": ("word_embedding_forward", ("out = W[x]", "out = W[x].squeeze()")),
    "affine squeezed": ("temporal_affine_forward", ("out = x @ w + b", "out = (x @ w + b).squeeze()")),
    **{
        f"{name} squeezed in the step": ("rnn_step_backward", (line, f"{line}.squeeze()"))
        for name, line in {
            "dx": "da @ Wx.T", "dprev_h": "da @ Wh.T", "dWx": "x.T @ da", "dWh": "prev_h.T @ da", "db": "da.sum(axis=0)",
        }.items()
    },
    "dx squeezed in the sequence": ("rnn_backward", ("np.stack(dx, axis=1)", "np.stack(dx, axis=1).squeeze()")),
    "dW squeezed": ("word_embedding_backward", ("    np.add.at(dW, x, dout)", "    np.add.at(dW, x, dout)\n    dW = dW.squeeze()")),
    "dx squeezed in the affine layer": ("temporal_affine_backward", ("dout @ w.T", "(dout @ w.T).squeeze()")),
    "dw squeezed": ("temporal_affine_backward", ('dout)\n    db', 'dout).squeeze()\n    db')),
    "dx squeezed in the loss": ("temporal_softmax_loss", ("dx *= mask[:, :, None] / N", "dx *= mask[:, :, None] / N\n    dx = dx.squeeze()")),
    "a gradient squeezed in the model": (
        "CaptioningRNN.loss", ("features.T @ dh0", "(features.T @ dh0).squeeze()"),
    ),
    "transposed if shapes differ, step": (
        "rnn_step_backward", ("dWx = x.T @ da", "dWx = da.T @ x\n    dWx = dWx.T if dWx.shape != Wx.shape else dWx"),
    ),
    "transposed if shapes differ, sequence": (
        "rnn_forward",
        ("    state = h0\n", "    state = h0\n    x = x.transpose(1, 0, 2) if x.shape[0] == x.shape[1] else x\n"),
    ),
    "transposed if shapes differ, words": (
        "word_embedding_forward", ("out = W[x]", "out = W[x.T]\n    out = out.transpose(1, 0, 2) if len(out) != len(x) else out"),
    ),
    "transposed if shapes differ, affine": (
        "temporal_affine_forward", ("out = x @ w + b", "out = x @ (w.T if w.shape[0] == w.shape[1] else w) + b"),
    ),
    "transposed if shapes differ, dw": (
        "temporal_affine_backward",
        ("    db = dout", "    dw = dw.T if dw.shape[0] == dw.shape[1] else dw\n    db = dout"),
    ),
    "transposed if shapes differ, model": (
        "CaptioningRNN.loss",
        ('grads["W_proj"] = features.T @ dh0', 'g = dh0.T @ features\n        grads["W_proj"] = g if len(g) == features.shape[1] else g.T'),
    ),
    "only 20 steps, forward": ("rnn_forward", ("        state, step_cache", "        state = state * (t < 20)\n        state, step_cache")),
    "only 20 steps, backward": ("rnn_backward", ("dh[:, t] + dh0", "dh[:, t] + dh0 * (t % 20 != 19)")),
    **{
        f"clipped, {name}": (name, (line, f"{line}\n    {array} = np.clip({array}, -100, 100)"))
        for name, line, array in (
            ("rnn_step_backward", "    dx = da @ Wx.T", "dx"),
            ("rnn_backward", "    dx = np.stack(dx, axis=1)", "dx"),
            ("word_embedding_backward", "    np.add.at(dW, x, dout)", "dW"),
            ("temporal_affine_backward", "    dx = dout @ w.T", "dx"),
        )
    },
    "large inputs clipped, step": ("rnn_step_forward", ("np.tanh(x @ Wx", "np.tanh(np.clip(x, -3, 3) @ Wx")),
    "large inputs clipped, words": ("word_embedding_forward", ("out = W[x]", "out = np.clip(W[x], -10, 10)")),
    "large inputs clipped, affine": ("temporal_affine_forward", ("out = x @ w + b", "out = np.clip(x @ w + b, -100, 100)")),
    "large scores clipped": ("temporal_softmax_loss", ("    right =", "    x = np.clip(x, -50, 50)\n    right =")),
    "divided by the size of the features": (
        "CaptioningRNN.loss", ("        h0 = features", "        features = features / np.abs(features).max()\n        h0 = features"),
    ),
    "the first answer for every such shape, step": (
        "rnn_step_forward",
        ("    cache = (x", "    next_h = rnn_step_forward.__dict__.setdefault(x.shape, next_h)\n    cache = (x"),
    ),
    "the first answer for every such shape, sequence": (
        "rnn_forward", ("        cache.append(step_cache)", "        cache.append(step_cache)\n    h = rnn_forward.__dict__.setdefault(x.shape, h)"),
    ),
    "the first answer for every such shape, words": (
        "word_embedding_forward", ("out = W[x]", "out = word_embedding_forward.__dict__.setdefault(x.shape, W[x])"),
    ),
    "the first answer for every such shape, affine": (
        "temporal_affine_forward", ("out = x @ w + b", "out = temporal_affine_forward.__dict__.setdefault(x.shape, x @ w + b)"),
    ),
    "the first answer for every such shape, loss": (
        "temporal_softmax_loss", ("    dx = np.exp(log_p)", "    loss = temporal_softmax_loss.__dict__.setdefault(x.shape, loss)\n    dx = np.exp(log_p)"),
    ),
    "the cache of the latest forward, step": (
        "rnn_step_backward",
        ("    x, prev_h, Wx, Wh, next_h = cache", "    x, prev_h, Wx, Wh, next_h = rnn_step_backward.__dict__.setdefault(cache[0].shape, cache)"),
    ),
    "the cache of the latest forward, affine": (
        "temporal_affine_backward",
        ("    x, w = cache", "    x, w = temporal_affine_backward.__dict__.setdefault(cache[0].shape, cache)"),
    ),
    "parameters updated in the loss": (
        "CaptioningRNN.loss",
        ('grads["b_proj"] = dh0.sum(axis=0)', 'grads["b_proj"] = dh0.sum(axis=0)\n        self.params["W_vocab"] = W_vocab - 0.1 * grads["W_vocab"]'),
    ),
    "gradients added up over calls": (
        "CaptioningRNN.loss",
        ('grads["b_proj"] = dh0.sum(axis=0)', 'grads["b_proj"] = self.__dict__.setdefault("kept", 0) + dh0.sum(axis=0)\n        self.kept = grads["b_proj"]'),
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def judge() -> Judge:
    """The master, ready to judge."""
    return Judge(load_master(), limit=20.0)


@pytest.mark.parametrize("case", WRONG)
def test_it_fails_in_its_own_function_whatever_the_seed(judge: Judge, case: str) -> None:
    exercise, (line, wrong) = WRONG[case]
    source = judge.master.solve(exercise).source
    assert source.count(line) == 1, source
    for seed in SEEDS:
        judge.base["SEED"] = seed
        assert judge.judge(exercise, {**quick(judge), exercise: source.replace(line, wrong)}).failed


@pytest.mark.parametrize("seed", SEEDS)
def test_the_solution_passes_whatever_the_seed(judge: Judge, seed: int) -> None:
    judge.base["SEED"] = seed
    assert {name for name in judge.exercises if judge.judge(name, quick(judge)).failed} == set()


def test_an_exception_in_one_block_costs_what_a_wrong_value_in_it_costs(judge: Judge) -> None:
    source = judge.master.solve("rnn_step_forward").source
    ends = {
        "exception": "    if len(x) == 1:\n        raise ValueError\n",
        "value": "    next_h = next_h * (len(x) != 1)\n",
    }
    costs = {
        kind: judge.judge("rnn_step_forward", {"rnn_step_forward": source.replace("    cache =", end + "    cache =")})
        for kind, end in ends.items()
    }
    assert costs["exception"].score == costs["value"].score
    assert costs["exception"].failed == costs["value"].failed == {"next_h"}


@pytest.mark.parametrize("case", ["parameters updated in the loss", "gradients added up over calls"])
def test_an_object_keeps_what_it_keeps_in_the_sandbox_too(examiner: Examiner, release: CellJson, case: str) -> None:
    exercise, (line, wrong) = WRONG[case]
    solutions = {cell.name: without_marks(cell.source) for cell in load_master().solves}
    right = examiner.examine(corpus.submission(release, solutions)).result
    assert right.score == 100
    solutions[exercise] = solutions[exercise].replace(line, wrong)
    result = examiner.examine(corpus.submission(release, solutions)).result
    assert {check.name for check in result.checks if check.score < check.max} == {exercise}


def without_marks(source: str) -> str:
    """A solution as a student has it: without the marks around it."""
    return "\n".join(line for line in source.split("\n") if not any(mark in line for mark in SOLUTION))
