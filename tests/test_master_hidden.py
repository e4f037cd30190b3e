"""The hidden checks: what was weak in the visible ones costs its parts, what is not demanded costs nothing."""

from __future__ import annotations

import re

import numpy as np
import pytest

from assignment.homework import Master
from tests.support.judge import load_master
from tests.support.master_cells import PARAMETERS, POINTS, Notebook, solve


@pytest.fixture(scope="module")
def text() -> Master:
    return load_master()


@pytest.fixture(scope="module")
def right(text: Master) -> Notebook:
    """The reference solution, everything run."""
    return Notebook(text).run()


MEMORY = """
    memory = rnn_forward.__dict__.setdefault("memory", {})
    state, memory[h0.shape] = memory.get(h0.shape, h0), h0 / 2
"""

WEAK: dict[str, tuple[str, str, str, set[str]]] = {
    # exercise, right line, wrong line, parts lost
    "row for a vector": ("rnn_step_backward", "da.sum(axis=0)", "da.sum(axis=0, keepdims=True)", {"db"}),
    "scalar": ("temporal_affine_backward", "dout.sum(axis=(0, 1))", "dout.sum()", {"db"}),
    "no gradients": ("CaptioningRNN.loss", "return loss, grads", "return loss, {}", set(PARAMETERS)),
    "a gradient missing": ("CaptioningRNN.loss", 'grads["b_proj"] =', 'b_proj =', {"b_proj"}),
    "first word for the padding": (
        "CaptioningRNN.loss", "mask = captions_out != self._null", "mask = captions_out != 0", {"loss", *PARAMETERS}
    ),
    "mask cut at the first NULL": (
        "CaptioningRNN.loss",
        "        h0 = features",
        "        mask = np.cumprod(mask, axis=1) == 1\n        h0 = features",
        {"loss", *PARAMETERS},
    ),
    "repeated words": ("word_embedding_backward", "np.add.at(dW, x, dout)", "dW[x] += dout", {"dW"}),
    "average over what counts": ("temporal_softmax_loss", "* mask) / N", "* mask) / max(mask.sum(), 1)", {"loss"}),
    "state kept between calls": (
        "rnn_forward", "    state = h0\n", MEMORY, {"h"}
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", WEAK)
def test_what_was_weak_costs_its_parts(text: Master, case: str) -> None:
    name, line, wrong, parts = WEAK[case]
    source = solve(text, name).source
    assert source.count(line) == 1
    lost = Notebook(text).run({name: source.replace(line, wrong)}).failed()
    assert lost[name] == parts


PAIRS = {
    "both zero": ("out = 0 * (x @ w + b)", "dx, dw, db = 0 * x, 0 * w, 0 * dout[0, 0]"),
    "both doubled": (
        "out = 2 * (x @ w + b)",
        'dx, dw, db = 2 * dout @ w.T, 2 * np.einsum("ntd,ntm->dm", x, dout), 2 * dout.sum(axis=(0, 1))',
    ),
}


@pytest.mark.parametrize("case", PAIRS)
def test_wrong_together_is_wrong(text: Master, case: str) -> None:
    forward, backward = (solve(text, f"temporal_affine_{way}").source for way in ("forward", "backward"))
    wrong = {
        "temporal_affine_forward": forward.replace("out = x @ w + b", PAIRS[case][0]),
        "temporal_affine_backward": backward.replace("    db = dout.sum(axis=(0, 1))", f"    {PAIRS[case][1]}"),
    }
    lost = Notebook(text).run(wrong).failed()
    assert lost["temporal_affine_forward"] == {"out"}
    assert lost["temporal_affine_backward"] == {"dx", "dw", "db"}


# What the task does not demand

ADVICE: dict[str, tuple[str, str, str, str]] = {
    "unshifted": ("temporal_softmax_loss", "x - x.max(axis=2, keepdims=True)", "x", "exp 会溢出"),
    "another key": (
        "CaptioningRNN.loss", 'grads["W_proj"] =', 'grads["h0"] = dh0\n        grads["W_proj"] =', "多余的键"
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", ADVICE)
def test_what_is_not_demanded_is_advice(text: Master, case: str) -> None:
    name, line, other, advice = ADVICE[case]
    notebook = Notebook(text).run({name: solve(text, name).source.replace(line, other)})
    assert notebook.failed() == {}
    assert [advice in message for message in notebook.outcomes[name].check.advice] == [True]
    assert notebook.outcomes[name].shown == [POINTS[name]]


def test_the_solution_needs_no_advice(right: Notebook) -> None:
    assert {message for outcome in right.outcomes.values() for message in outcome.check.advice} == set()


# Cost: too large to differentiate, small enough for any formula

LARGE = {
    # exercise -> entries to perturb, and the numbers a single forward has to read for each of them
    "rnn_step_backward": ("rnn_step_forward", 200_000, 200_000),
    "rnn_backward": ("rnn_forward", 130_000, 130_000),
    "word_embedding_backward": ("word_embedding_forward", 100_000, 100_000),
    "temporal_affine_backward": ("temporal_affine_forward", 200_000, 200_000),
}


@pytest.mark.parametrize("name", LARGE)
def test_each_backward_has_one_case_that_no_differences_can_finish(right: Notebook, name: str) -> None:
    forward, entries, work = LARGE[name]
    with right.recorded(forward) as seen:
        right.cell(right.master.check(name))
    largest = max(seen[forward], key=lambda args: sum(a.size for a in args))
    moved = [a for a in largest if a.dtype.kind == "f"]
    assert sum(a.size for a in moved) >= entries
    assert sum(a.size for a in largest) >= work


def test_the_losses_have_such_a_case_too(right: Notebook) -> None:
    right.cell(right.master.check("temporal_softmax_loss"))
    rows = [row for row in right.names["check"].rows if row.block == "较大的数据" and row.part == "dx"]
    assert [np.size(row.want) >= 170_000 and row.below == 1e-8 for row in rows] == [True]
    right.cell(right.master.check("CaptioningRNN.loss"))
    rows = [row for row in right.names["check"].rows if row.block == "较大的数据"]
    assert sum(np.size(row.want) for row in rows) > 150_000


def test_hidden_vocabularies_have_words_for_keys_and_padding_anywhere(text: Master) -> None:
    """Dictionaries travel to the sandbox by value; the padding is not always word 0; V, W, H, D differ."""
    assert re.search(r'^words = \("<END>", "a", "<NULL>"', text.check("CaptioningRNN.loss").source, re.MULTILINE)
