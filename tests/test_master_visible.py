"""The visible checks feed and expect what the homework says, and no right solution may fail the softmax one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from assignment.homework import Master
from tests.support.judge import load_master
from tests.support.master_cells import PARAMETERS, Notebook, solve


@pytest.fixture(scope="module")
def text() -> Master:
    return load_master()


@pytest.fixture(scope="module")
def right(text: Master) -> Notebook:
    """The reference solution, everything run."""
    return Notebook(text).run()


def lin(low: float, high: float, *shape: int) -> np.ndarray:
    return np.linspace(low, high, int(np.prod(shape))).reshape(shape)


def draws(*shapes: tuple[int, ...]) -> list[np.ndarray]:
    stream = np.random.RandomState(231)
    return [stream.randn(*shape) for shape in shapes]


def embedding_inputs() -> list[np.ndarray]:
    stream = np.random.RandomState(231)
    return [stream.randint(5, size=(50, 3)), stream.randn(5, 6)]


INPUTS: dict[str, list[np.ndarray]] = {
    "rnn_step_forward": [
        lin(-0.4, 0.7, 3, 10), lin(-0.2, 0.5, 3, 4), lin(-0.1, 0.9, 10, 4), lin(-0.3, 0.7, 4, 4), lin(-0.2, 0.4, 4)
    ],
    "rnn_step_backward": draws((4, 5), (4, 6), (5, 6), (6, 6), (6,), (4, 6))[-1:],
    "rnn_forward": [
        lin(-0.1, 0.3, 2, 3, 4), lin(-0.3, 0.1, 2, 5), lin(-0.2, 0.4, 4, 5), lin(-0.4, 0.1, 5, 5), lin(-0.7, 0.1, 5)
    ],
    "rnn_backward": draws((2, 10, 3), (2, 5), (3, 5), (5, 5), (5,), (2, 10, 5))[-1:],
    "word_embedding_forward": [np.array([[0, 3, 1, 2], [2, 1, 0, 3]]), lin(0, 1, 5, 3)],
    "temporal_affine_backward": draws((2, 3, 4), (4, 5), (5,), (2, 3, 5))[-1:],
}  # fmt: skip


@pytest.mark.parametrize("name", INPUTS)
def test_visible_inputs_are_those_of_the_homework(right: Notebook, name: str) -> None:
    with right.recorded(name) as seen:
        right.visible(name)
    for got, want in zip(seen[name][0], INPUTS[name], strict=False):
        np.testing.assert_array_equal(got, want)


def test_visible_inputs_of_the_backward_checks_start_with_those_of_their_forward(right: Notebook) -> None:
    shapes = {
        ("rnn_step_backward", "rnn_step_forward"): [(4, 5), (4, 6), (5, 6), (6, 6), (6,)],
        ("rnn_backward", "rnn_forward"): [(2, 10, 3), (2, 5), (3, 5), (5, 5), (5,)],
        ("temporal_affine_backward", "temporal_affine_forward"): [(2, 3, 4), (4, 5), (5,)],
    }
    for (name, forward), expected in shapes.items():
        with right.recorded(forward) as seen:
            right.visible(name)
        for got, want in zip(seen[forward][0], draws(*expected), strict=True):
            np.testing.assert_array_equal(got, want)
    with right.recorded("word_embedding_forward", "word_embedding_backward") as seen:
        right.visible("word_embedding_backward")
    for got, want in zip(seen["word_embedding_forward"][0], embedding_inputs(), strict=True):
        np.testing.assert_array_equal(got, want)
    assert seen["word_embedding_backward"][0][0].shape == (50, 3, 6)


NEXT_H = [[-0.58172089, -0.50182032, -0.41232771, -0.31410098], [0.66854692, 0.79562378, 0.87755553, 0.92795967],
          [0.97934501, 0.99144213, 0.99646691, 0.99854353]]  # fmt: skip
H = [[[-0.42070749, -0.27279261, -0.11074945, 0.05740409, 0.22236251],
      [-0.39525808, -0.22554661, -0.0409454, 0.14649412, 0.32397316],
      [-0.42305111, -0.24223728, -0.04287027, 0.15997045, 0.35014525]],
     [[-0.55857474, -0.39065825, -0.19198182, 0.02378408, 0.23735671],
      [-0.27150199, -0.07088804, 0.13562939, 0.33099728, 0.50158768],
      [-0.51014825, -0.30524429, -0.06755202, 0.17806392, 0.40333043]]]  # fmt: skip
OUT = np.round(lin(0, 1, 5, 3)[[[0, 3, 1, 2], [2, 1, 0, 3]]], 8)

# exercise -> (part, threshold, expected figures where the homework gives them) of the visible rows
ROWS: dict[str, list[tuple[str, float, Any]]] = {
    "rnn_step_forward": [("next_h", 1e-8, NEXT_H)],
    "rnn_step_backward": [(part, 1e-8, None) for part in ("dx", "dprev_h", "dWx", "dWh", "db")],
    "rnn_forward": [("h", 1e-7, H)],
    "rnn_backward": [(part, 1e-6, None) for part in ("dx", "dh0", "dWx", "dWh", "db")],
    "word_embedding_forward": [("out", 1e-7, OUT)],
    "word_embedding_backward": [("dW", 1e-11, None)],
    "temporal_affine_backward": [(part, 1e-9, None) for part in ("dx", "dw", "db")],
    "temporal_softmax_loss": [("loss", 0.1, 2.3), ("loss", 0.1, 23), ("loss", 0.1, 2.3), ("dx", 1e-7, None)],
    "CaptioningRNN.loss": [("loss", 1e-10, 9.83235591003), *((name, 1e-5, None) for name in PARAMETERS)],
}


@pytest.mark.parametrize("name", ROWS)
def test_visible_figures_and_thresholds_are_those_of_the_homework(right: Notebook, name: str) -> None:
    rows = right.visible(name).check.rows
    assert [(row.part, row.below) for row in rows] == [(part, below) for part, below, _ in ROWS[name]]
    for row, (_, _, figures) in zip(rows, ROWS[name], strict=True):
        if figures is not None:
            np.testing.assert_array_equal(row.want, figures)


def test_visible_losses_are_judged_by_absolute_error(right: Notebook) -> None:
    row = right.visible("CaptioningRNN.loss").check.rows[0]
    assert row.error == abs(float(row.got) - 9.83235591003)


def test_visible_inputs_of_the_softmax_loss(right: Notebook) -> None:
    with right.recorded("temporal_softmax_loss") as seen:
        right.visible("temporal_softmax_loss")
    inputs = seen["temporal_softmax_loss"]
    assert [x.shape for x, _, _ in inputs[:4]] == [(100, 1, 10), (100, 10, 10), (5000, 10, 10), (7, 8, 9)]
    assert [mask.mean() for _, _, mask in inputs[:3]] == [1, 1, pytest.approx(0.1, rel=0.05)]
    assert all(0.0009 < x.std() < 0.0011 for x, _, _ in inputs[:3])
    x, y, mask = inputs[3]
    stream = np.random.RandomState(2451)
    np.testing.assert_array_equal(x, stream.randn(7, 8, 9))
    np.testing.assert_array_equal(y, stream.randint(9, size=(7, 8)))
    np.testing.assert_array_equal(mask, stream.rand(7, 8) > 0.5)


def test_visible_inputs_of_the_model(right: Notebook) -> None:
    seen: list[tuple[Any, ...]] = []
    kept = right.names["CaptioningRNN"]

    class Recorded(kept):  # type: ignore[misc, valid-type]
        def loss(self, features: np.ndarray, captions: np.ndarray) -> Any:
            seen.append((dict(self.params), features, captions, self))
            return super().loss(features, captions)

    right.names["CaptioningRNN"] = Recorded
    try:
        right.visible("CaptioningRNN.loss")
    finally:
        right.names["CaptioningRNN"] = kept
    params, features, captions, model = seen[0]
    shapes = [(3, 30), (20, 40), (40,), (30, 40), (40, 40), (40,), (40, 3), (3,)]
    for (name, value), expected, shape in zip(params.items(), PARAMETERS, shapes, strict=True):
        assert name == expected
        np.testing.assert_array_equal(value, lin(-1.4, 1.3, *shape))
    np.testing.assert_array_equal(features, lin(-1.5, 0.3, 10, 20))
    np.testing.assert_array_equal(captions, (np.arange(130) % 3).reshape(10, 13))
    assert model.word_to_idx == {"<NULL>": 0, "cat": 2, "dog": 3}
    params, features, captions, model = seen[1]
    stream = np.random.RandomState(231)
    np.testing.assert_array_equal(captions, stream.randint(3, size=(2, 3)))
    np.testing.assert_array_equal(features, stream.randn(2, 4))
    np.testing.assert_array_equal(params["W_embed"], stream.randn(3, 5) / 100)
    np.testing.assert_array_equal(params["W_proj"], stream.randn(4, 6) / 2)
    assert [params[name].shape for name in PARAMETERS] == [(3, 5), (4, 6), (6,), (5, 6), (6, 6), (6,), (6, 3), (3,)]


# Margins of the visible softmax check: no right way of writing the loss may fail it

STYLES = {
    "shifted": "",
    "unshifted": "log_p = x - np.log(np.exp(x).sum(axis=2, keepdims=True))",
    "epsilon": "p = np.exp(shifted); p /= p.sum(axis=2, keepdims=True); log_p = np.log(p + 1e-12)",
    "one maximum": "s = x - x.max(); log_p = s - np.log(np.exp(s).sum(axis=2, keepdims=True))",
    "a maximum per sample": (
        "s = x - x.max(axis=(1, 2), keepdims=True); log_p = s - np.log(np.exp(s).sum(axis=2, keepdims=True))"
    ),
    "a maximum per step": (
        "s = x - x.max(axis=(0, 2), keepdims=True); log_p = s - np.log(np.exp(s).sum(axis=2, keepdims=True))"
    ),
    "backwards": "z = sum(np.exp(shifted[..., v]) for v in range(8, -1, -1)); log_p = shifted - np.log(z)[..., None]",
    "by the mean": "e = np.exp(x - x.mean(axis=2, keepdims=True)); log_p = np.log(e / e.sum(axis=2, keepdims=True))",
}
SUMS = {
    "all at once": "loss = -np.sum(log_p[right] * mask) / N",
    "over time first": "loss = -np.mean(np.sum(log_p[right] * mask, axis=1))",
    "one by one": "loss = 0.0\n    for a in -(log_p[right] * mask).ravel() / N:\n        loss += a",
    "backwards": "loss = -sum((log_p[right] * mask).T.ravel()[::-1]) / N",
    "picked": "loss = -log_p[right][mask].sum() / N",
}


@pytest.mark.parametrize("style", STYLES)
def test_right_losses_stay_far_below_the_visible_threshold(text: Master, right: Notebook, style: str) -> None:
    source = solve(text, "temporal_softmax_loss").source
    for total in SUMS.values():
        lines = f"    {STYLES[style]}\n    {total}\n    dx = np.exp(log_p)"
        notebook = Notebook(text)
        notebook.names = dict(right.names)
        changed = source.replace(f"    {SUMS['all at once']}\n    dx = np.exp(log_p)", lines)
        assert changed != source or style == "shifted"
        notebook.execute(changed)
        x, y, mask = softmax_inputs()
        loss = notebook.names["temporal_softmax_loss"]
        numeric = notebook.names["eval_numerical_gradient"](
            lambda x, f=loss, y=y, mask=mask: f(x, y, mask)[0], x, verbose=False, h=1e-4
        )
        assert notebook.names["rel_error"](loss(x, y, mask)[1], numeric) < 2e-8


def softmax_inputs() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    stream = np.random.RandomState(2451)
    return stream.randn(7, 8, 9), stream.randint(9, size=(7, 8)), stream.rand(7, 8) > 0.5


def test_the_epsilon_in_the_logarithm_passes_everywhere(text: Master) -> None:
    source = solve(text, "temporal_softmax_loss").source
    line = "    loss = -np.sum(log_p[right] * mask) / N"
    changed = source.replace(line, line.replace("log_p[right]", "np.log(np.exp(log_p[right]) + 1e-12)"))
    assert changed != source
    assert Notebook(text).run({"temporal_softmax_loss": changed}).failed() == {}
