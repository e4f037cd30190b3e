"""Random calls of the ten functions: every shape from 1 up, well-conditioned values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from assignment.grading.proxies import CacheOf, Call

WORDS = {"<NULL>": 0, "<START>": 1, "<END>": 2, "狗": 3, "猫": 4}


def random_call(exercise: str, rng: np.random.Generator, namespace: Mapping[str, Any]) -> Call:
    """Draw arguments for an exercise; namespace: where CaptioningRNN is found."""
    N, T, D, H, V = (int(size) for size in rng.integers(1, 6, 5))
    if exercise.endswith("_backward"):
        forward = random_call(exercise.replace("_backward", "_forward"), rng, namespace)
        shape = _output_shape(forward)
        return Call(exercise, (rng.standard_normal(shape), CacheOf(forward)))
    draw = rng.standard_normal
    match exercise:
        case "rnn_step_forward":
            return Call(exercise, (draw((N, D)), draw((N, H)), draw((D, H)), draw((H, H)), draw(H)))
        case "rnn_forward":
            return Call(exercise, (draw((N, T, D)), draw((N, H)), draw((D, H)), draw((H, H)), draw(H)))
        case "word_embedding_forward":
            return Call(exercise, (rng.integers(0, V, (N, T)), draw((V, D))))
        case "temporal_affine_forward":
            return Call(exercise, (draw((N, T, D)), draw((D, H)), draw(H)))
        case "temporal_softmax_loss":
            return Call(exercise, (draw((N, T, V)), rng.integers(0, V, (N, T)), rng.random((N, T)) < 0.7))
        case "CaptioningRNN.loss":
            model = namespace["CaptioningRNN"](WORDS, input_dim=D, wordvec_dim=V, hidden_dim=H, dtype=np.float64)
            params = {name: draw(value.shape) for name, value in model.params.items()}
            captions = rng.integers(0, len(WORDS), (N, T + 1))
            return Call(exercise, ({**vars(model), "params": params}, draw((N, D)), captions))
    raise KeyError(exercise)


def _output_shape(forward: Call) -> tuple[int, ...]:
    """Return the shape of what a forward pass returns first."""
    args = forward.args
    match forward.function:
        case "rnn_step_forward":
            return np.shape(args[1])
        case "rnn_forward":
            return (*args[0].shape[:2], args[1].shape[1])
        case _:
            return (*args[0].shape[:2], args[1].shape[1])
