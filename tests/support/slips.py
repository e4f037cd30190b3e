"""One slip each: what a wrong line in one function costs when the other nine are right.

A slip costs the parts that it makes wrong, and nothing else: functions that build on it are examined with the reference
in its place, a right backward beside a wrong forward with caches made of right values. Where a forward that passes and
its backward disagree on the order of the cache, the backward pays.
"""

from __future__ import annotations

from dataclasses import dataclass

STEP_BACK = ("dx", "dprev_h", "dWx", "dWh", "db")
GRADS = ("W_embed", "W_proj", "b_proj", "Wx", "Wh", "b", "W_vocab", "b_vocab")


@dataclass(frozen=True)
class Slip:
    """In an exercise's right source, `right` becomes `wrong`; it costs these parts, and those of `cannot` for `why`."""

    exercise: str
    right: str
    wrong: str
    costs: tuple[str, ...]
    cannot: tuple[str, tuple[str, ...]] | None = None
    why: str = ""

    @property
    def name(self) -> str:
        """What was written, in short."""
        return f"{self.exercise}: {' '.join(self.wrong.split())}"

    @property
    def lost(self) -> dict[str, set[str]]:
        """Every part that it costs, by exercise."""
        lost = {self.exercise: set(self.costs)} if self.costs else {}
        return lost | ({self.cannot[0]: set(self.cannot[1])} if self.cannot else {})

    def source(self, right: str) -> str:
        """Return the exercise's source with the slip; AssertionError if the solution reads differently now."""
        assert right.count(self.right) == 1, f"{self.exercise} reads differently now: {self.right}"
        return right.replace(self.right, self.wrong)


SLIPS = (
    Slip(
        "rnn_step_forward",
        "np.tanh(x @ Wx + prev_h @ Wh + b)",
        "np.tanh(x @ Wx + prev_h @ Wh)",
        ("next_h",),
    ),
    Slip(
        "rnn_step_forward",
        "cache = (x, prev_h, Wx, Wh, next_h)",
        "cache = (x, prev_h, Wx, Wh, next_h); next_h = next_h * 2",
        ("next_h",),
    ),
    Slip(
        "rnn_step_forward",
        "cache = (x, prev_h, Wx, Wh, next_h)",
        "cache = (x, prev_h, Wh, Wx, next_h)",
        (),
        ("rnn_step_backward", ("dx", "dprev_h")),
        "forward and backward disagree on the order of the cache",
    ),
    Slip("rnn_step_backward", "db = da.sum(axis=0)", "db = da.mean(axis=0)", ("db",)),
    Slip("rnn_step_backward", "(1 - next_h**2)", "(1 - next_h)", STEP_BACK),
    Slip("rnn_forward", "h[:, t] = state", "h[:, t - 1] = state", ("h",)),
    Slip(
        "rnn_forward",
        "rnn_step_forward(x[:, t], state,",
        "rnn_step_forward(x[:, t], h0,",
        ("h",),
    ),
    Slip("rnn_backward", "dh[:, t] + dh0", "dh[:, t]", ("dx", "dh0", "dWx", "dWh", "db")),
    Slip(
        "rnn_backward",
        "dWx, dWh, db = dWx + dWxt, dWh + dWht, db + dbt",
        "dWx, dWh, db = dWxt, dWht, dbt",
        ("dWx", "dWh", "db"),
    ),
    Slip("word_embedding_forward", "out = W[x]", "out = W[x - 1]", ("out",)),
    Slip("word_embedding_backward", "np.add.at(dW, x, dout)", "dW[x] += dout", ("dW",)),
    Slip("temporal_affine_forward", "out = x @ w + b", "out = x @ w", ("out",)),
    Slip("temporal_affine_backward", "db = dout.sum(axis=(0, 1))", "db = dout.sum(axis=0)", ("db",)),
    Slip(
        "temporal_softmax_loss",
        "loss = -np.sum(log_p[right] * mask) / N",
        "loss = -np.sum(log_p[right]) / N",
        ("loss",),
    ),
    Slip("temporal_softmax_loss", "dx *= mask[:, :, None] / N", "dx /= N", ("dx",)),
    Slip("CaptioningRNN.loss", "features @ W_proj + b_proj", "features @ W_proj", ("loss", *GRADS)),
    Slip(
        "CaptioningRNN.loss", 'grads["b_proj"] = dh0.sum(axis=0)', 'grads["b_proj"] = dh[:, 0].sum(axis=0)', ("b_proj",)
    ),
)
