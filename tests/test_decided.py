"""What counts as an answer: types, shapes, keys, changed inputs, state; each case decided, and seen in the sandbox."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from assignment.grading.examiner import Examiner
from tests.support import corpus

pytestmark = pytest.mark.slow

STEP, STEP_BACK, CAPTION = "rnn_step_forward", "rnn_step_backward", "CaptioningRNN.loss"
EMBED, EMBED_BACK = "word_embedding_forward", "word_embedding_backward"
CACHE = "cache = (x, prev_h, Wx, Wh, next_h)"
DB = "db = da.sum(axis=0)"
B_PROJ = 'grads["b_proj"] = dh0.sum(axis=0)'


@dataclass(frozen=True)
class Decided:
    """In an exercise's right source `right` becomes `wrong`; it loses these parts, and the words that say why."""

    what: str
    exercise: str
    right: str
    wrong: str
    lost: frozenset[str] = frozenset()
    words: str = ""


KEPT = """
def kept(function, key, value):
    return function.__dict__.setdefault(key, value)
"""


def loses(part: str) -> frozenset[str]:
    """Only this part."""
    return frozenset({part})


CASES = (
    Decided("integers", STEP, CACHE, CACHE + "; next_h = next_h.astype(int)", loses("next_h"), "元素是整数"),
    Decided("booleans", STEP_BACK, DB, DB + " > 0", loses("db"), "元素不是实数"),
    Decided("half precision", STEP_BACK, DB, DB + ".astype(np.float16)", loses("db"), "不对"),
    Decided("single precision", STEP_BACK, DB, DB + ".astype(np.float32)", loses("db"), "不够精确"),
    Decided("extended precision", STEP_BACK, DB, DB + ".astype(np.longdouble)"),
    Decided("complex with no imaginary part", STEP_BACK, DB, DB + " + 0j", loses("db"), "元素不是实数"),
    Decided("a list", STEP_BACK, DB, DB + ".tolist()", loses("db"), "应该是数组"),
    Decided("a matrix", STEP_BACK, DB, "db = np.asmatrix(da.sum(axis=0))", loses("db"), "形状"),
    Decided("one row for a vector", STEP_BACK, DB, "db = da.sum(axis=0)[None]", loses("db"), "形状"),
    Decided("NaN", STEP_BACK, DB, DB + " * np.nan", loses("db"), "NaN"),
    Decided("nothing", STEP_BACK, DB, "db = None", loses("db"), "None"),
    Decided("another byte order", STEP_BACK, DB, DB + ".astype('>f8')"),
    Decided("a transposed view", STEP_BACK, "dWx = x.T @ da", "dWx = (da.T @ x).T"),
    Decided("a missing key", CAPTION, B_PROJ, "pass", loses("b_proj"), "缺少"),
    Decided("one more key", CAPTION, B_PROJ, B_PROJ + '; grads["h0"] = dh0'),
    Decided("inputs changed after use", STEP, "cache = (x,", "x, used = x.copy(), x; used *= 0; cache = (x,"),
    Decided("upstream gradient changed", STEP_BACK, "da = dnext_h * (", "dnext_h *= 1; dnext_h += 0; da = dnext_h * ("),
    Decided("upstream gradient destroyed", STEP_BACK, DB, DB + "; dnext_h[...] = 0"),
    Decided("a cache that serves once", STEP, CACHE, "cache = iter((x, prev_h, Wx, Wh, next_h))"),
    Decided(
        "one array returned again and again", EMBED, "out = W[x]",
        "out = kept(word_embedding_forward, x.shape + W.shape, W[x]); out[...] = W[x]",
    ),
    Decided(
        "an answer remembered by shape", EMBED, "out = W[x]",
        "out = kept(word_embedding_forward, x.shape + W.shape, W[x])", loses("out"), "不对",
    ),
    Decided(
        "gradients that pile up from call to call", EMBED_BACK, "dW = np.zeros(shape, dtype=dout.dtype)",
        "dW = kept(word_embedding_backward, shape, np.zeros(shape))", loses("dW"), "不对",
    ),
)  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.what)
def test_decided(case: Decided, examiner: Examiner, release: dict[str, Any], reference: dict[str, str]) -> None:
    right = reference[case.exercise]
    assert right.count(case.right) == 1, "the solution reads differently now"
    solutions = {**reference, case.exercise: right.replace(case.right, case.wrong) + KEPT}
    result = examiner.examine(corpus.submission(release, solutions)).result
    lost = {check.name: {part.name for part in check.parts if not part.passed} for check in result.checks}
    assert {name: parts for name, parts in lost.items() if parts} == ({case.exercise: case.lost} if case.lost else {})
    check = next(check for check in result.checks if check.name == case.exercise)
    assert all(case.words in part.message for part in check.parts if not part.passed), check.parts


def test_one_more_key_is_advice(examiner: Examiner, release: dict[str, Any], reference: dict[str, str]) -> None:
    source = reference[CAPTION].replace(B_PROJ, B_PROJ + '; grads["h0"] = dh0')
    result = examiner.examine(corpus.submission(release, {**reference, CAPTION: source})).result
    assert any("多余的键" in advice for advice in result.checks[-1].advice)
