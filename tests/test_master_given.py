"""The given code of the notebook: the model's parameters, the helpers, and the references behind the hidden checks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.support.judge import load_master
from tests.support.master_cells import PARAMETERS, Notebook


@pytest.fixture(scope="module")
def right() -> Notebook:
    """The reference solution, everything run."""
    return Notebook(load_master()).run()


def test_the_model_as_it_is_given(right: Notebook) -> None:
    model_of = right.names["CaptioningRNN"]
    words = {"<NULL>": 0, "<START>": 1, "<END>": 2, "cat": 3}
    state = np.random.get_state()
    try:
        np.random.seed(5)
        model = model_of(words, input_dim=6, wordvec_dim=4, hidden_dim=3, dtype=np.float64)
        lstm = model_of({"<NULL>": 1, "cat": 0}, cell_type="lstm")
    finally:
        np.random.set_state(state)
    stream = np.random.RandomState(5)
    for name, shape, scale in (
        ("W_embed", (4, 4), 100), ("W_proj", (6, 3), np.sqrt(6)), ("Wx", (4, 3), 2), ("Wh", (3, 3), np.sqrt(3)),
        ("W_vocab", (3, 4), np.sqrt(3)),
    ):  # fmt: skip
        np.testing.assert_array_equal(model.params[name], stream.randn(*shape) / scale)
    assert [(name, model.params[name].any(), model.params[name].shape) for name in ("b_proj", "b", "b_vocab")] == [
        ("b_proj", False, (3,)),
        ("b", False, (3,)),
        ("b_vocab", False, (4,)),
    ]
    assert tuple(model.params) == PARAMETERS
    assert (model._null, model._start, model._end) == (0, 1, 2)
    assert model.idx_to_word == {0: "<NULL>", 1: "<START>", 2: "<END>", 3: "cat"}
    assert (lstm._null, lstm._start, lstm._end) == (1, None, None)
    assert {name: lstm.params[name].shape for name in ("Wx", "Wh", "b")} == {
        "Wx": (128, 512),
        "Wh": (128, 512),
        "b": (512,),
    }
    assert {value.dtype for value in lstm.params.values()} == {np.dtype(np.float32)}
    assert lstm.params["W_proj"].shape == (512, 128)
    with pytest.raises(ValueError, match="cell_type must be 'rnn' or 'lstm', not 'gru'"):
        model_of(words, cell_type="gru")


def test_helpers_restore_what_they_move(right: Notebook, capsys: pytest.CaptureFixture[str]) -> None:
    array, number = right.names["eval_numerical_gradient_array"], right.names["eval_numerical_gradient"]
    x = np.random.default_rng(0).standard_normal((2, 3))
    before, df = x.copy(), np.arange(6.0).reshape(2, 3)
    np.testing.assert_allclose(array(np.sin, x, df), np.cos(x) * df, rtol=1e-8)
    np.testing.assert_allclose(array(lambda _: np.sin(x), x, df), np.cos(x) * df, rtol=1e-8)  # f may look at x itself
    np.testing.assert_allclose(number(lambda a: np.sum(a**2), x, verbose=False), 2 * x, rtol=1e-6)
    np.testing.assert_array_equal(x, before)

    def spoils(a: np.ndarray) -> np.ndarray:
        a -= a.max()
        return np.asarray(np.exp(a) / np.exp(a).sum())

    array(spoils, x, df)
    np.testing.assert_array_equal(x, before)
    assert capsys.readouterr().out == ""
    number(lambda a: a.sum(), x[0, :2])
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == ["(0,)", "(1,)"]


def test_rel_error_is_that_of_the_homework(right: Notebook) -> None:
    rel_error = right.names["rel_error"]
    assert rel_error(np.array([1.0, 2.0]), np.array([1.0, 3.0])) == pytest.approx(0.2)
    assert rel_error(np.array([1e-12]), np.array([0.0])) == pytest.approx(1e-4)  # the floor of 1e-8


# What the hidden checks compare with


def test_the_hidden_references_agree_with_the_solution_and_with_each_other(right: Notebook) -> None:
    names, truth = right.names, right.names["Truth"]
    rng = np.random.default_rng(1)

    def agree(got: Any, *wants: Any) -> None:
        for want in wants:
            for a, b in zip(got, want, strict=True):
                assert a.shape == b.shape
                assert names["rel_error"](a, b) < 1e-10

    for n, t, d, h, v in ((2, 3, 4, 5, 6), (1, 1, 1, 1, 2), (3, 4, 2, 3, 5), (2, 10, 3, 5, 9), (1, 5, 3, 4, 7)):
        x, state, params = (
            rng.normal(size=(n, t, d)),
            rng.normal(size=(n, h)),
            [rng.normal(scale=0.5, size=s) for s in ((d, h), (h, h), (h,))],  # keeps tanh out of saturation
        )
        up = rng.normal(size=(n, t, h))

        out, cache = names["rnn_step_forward"](x[:, 0], state, *params)
        agree([out], [truth.step(x[:, 0], state, *params)])
        slopes = truth.slopes(
            lambda *a, up=up: np.sum(truth.step(*a) * up[:, 0], axis=(-2, -1)), x[:, 0], state, *params
        )
        agree(names["rnn_step_backward"](up[:, 0], cache), slopes, truth.step_back(up[:, 0], x[:, 0], state, *params))

        out, cache = names["rnn_forward"](x, state, *params)
        agree([out], [truth.sequence(x, state, *params)])
        slopes = truth.slopes(lambda *a, up=up: np.sum(truth.sequence(*a) * up, axis=(-3, -2, -1)), x, state, *params)
        agree(names["rnn_backward"](up, cache), slopes, truth.sequence_back(up, x, state, *params))

        words, table = rng.integers(v, size=(n, t)), rng.normal(size=(v, h))
        out, cache = names["word_embedding_forward"](words, table)
        agree([out], [truth.embedding(words, table)])
        slopes = truth.slopes(
            lambda w, words=words, up=up: np.sum(truth.embedding(words, w) * up, axis=(-3, -2, -1)), table
        )
        agree([names["word_embedding_backward"](up, cache)], slopes, [truth.embedding_back(up, words, table)])

        affine = [x, rng.normal(size=(d, h)), rng.normal(size=h)]
        out, cache = names["temporal_affine_forward"](*affine)
        agree([out], [truth.affine(*affine)])
        slopes = truth.slopes(lambda *a, up=up: np.sum(truth.affine(*a) * up, axis=(-3, -2, -1)), *affine)
        agree(names["temporal_affine_backward"](up, cache), slopes, truth.affine_back(up, *affine))

        scores, mask = rng.normal(size=(n, t, v)), rng.random((n, t)) < 0.7
        loss, dx = names["temporal_softmax_loss"](scores, words, mask)
        agree([np.asarray(loss)], [np.asarray(truth.softmax_loss(scores, words, mask))])
        slopes = truth.slopes(lambda s, i=(words, mask): truth.softmax_loss(s, *i), scores)
        agree([dx], slopes, [truth.softmax_back(scores, words, mask)])

        vocabulary = {"<NULL>": v - 1, **{str(i): i for i in range(v - 1)}}
        model = names["CaptioningRNN"](vocabulary, d, h + 1, h, "rnn", np.float64)
        model.params = {name: rng.normal(size=value.shape) for name, value in model.params.items()}
        inputs = x[:, 0], rng.integers(v, size=(n, t + 1)), v - 1
        loss, grads = model.loss(*inputs[:2])
        values = list(model.params.values())
        agree([np.asarray(loss)], [np.asarray(truth.captioning(*inputs, *values))])
        slopes = truth.slopes(lambda *p, i=inputs: truth.captioning(*i, *p), *values)
        agree([grads[name] for name in PARAMETERS], slopes, truth.captioning_back(*inputs, *values))
