"""Submissions -> the verdict on every part, through the sandbox; the table that says what a mark is worth."""

from __future__ import annotations

import json
import os
import re
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from assignment.grading import examination
from assignment.grading.checks import CheckRun, run_check
from assignment.grading.examiner import Examiner
from assignment.grading.reference import Code, Homework
from assignment.grading.result import Result
from assignment.homework import Cell
from assignment.sandbox.channel import Ended
from assignment.sandbox.session import Session
from tests.support import corpus

Notebook = dict[str, Any]
Sources = dict[str, str]

STEP_F, STEP_B, FORWARD, BACKWARD = "rnn_step_forward", "rnn_step_backward", "rnn_forward", "rnn_backward"
EMBED_F, EMBED_B = "word_embedding_forward", "word_embedding_backward"
AFFINE_F, AFFINE_B = "temporal_affine_forward", "temporal_affine_backward"
SOFTMAX, CAPTION = "temporal_softmax_loss", "CaptioningRNN.loss"
POINTS = {
    STEP_F: 8,
    STEP_B: 12,
    FORWARD: 10,
    BACKWARD: 14,
    EMBED_F: 6,
    EMBED_B: 8,
    AFFINE_F: 6,
    AFFINE_B: 8,
    SOFTMAX: 12,
    CAPTION: 16,
}


def lost(result: Result) -> dict[str, list[str]]:
    """The failed parts by exercise."""
    failed = {check.name: [part.name for part in check.parts if not part.passed] for check in result.checks}
    return {name: parts for name, parts in failed.items() if parts}


def consistent(result: Result) -> None:
    """What must hold of every result: parts add up to checks, checks to the score; the maxima are the homework's."""
    assert {check.name: check.max for check in result.checks} == POINTS
    for check in result.checks:
        assert check.score == pytest.approx(sum(part.score for part in check.parts), abs=1e-6), check.name
        assert check.max == pytest.approx(sum(part.max for part in check.parts), abs=1e-6), check.name
    assert result.score == pytest.approx(sum(check.score for check in result.checks), abs=1e-6)


def test_an_exercise_that_hangs_before_others_that_are_not_written(
    examiner: Examiner, release: Notebook, reference: Sources
) -> None:
    signature = reference[STEP_F].partition("\n")[0]
    result = examiner.examine(
        corpus.submission(release, {STEP_F: f"{signature}\n    while True:\n        pass"})
    ).result
    consistent(result)
    assert (result.verdict, result.score) == ("graded", 0)
    assert result.checks[0].ended == "timeout"


def test_differences_are_asked_for_where_points_are_lost(
    examiner: Examiner, release: Notebook, reference: Sources, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: set[str] = set()
    ran: list[str] = []
    sweep = Session.sweep

    def recorded(session: Session, call: Any, *about: Any) -> list[Any]:
        asked.add(call[0])
        return sweep(session, call, *about)

    def counted(cell: Cell, code: Code, namespace: dict[str, Any]) -> CheckRun:
        ran.append(cell.name)
        return run_check(cell, code, namespace)

    monkeypatch.setattr(Session, "sweep", recorded)
    monkeypatch.setattr(examination, "run_check", counted)
    examiner.examine(corpus.submission(release, reference))
    assert asked == set()
    assert max(Counter(ran).values()) == 1
    ran.clear()
    wrong = {AFFINE_F: reference[AFFINE_F].replace("x @ w + b", "x @ w - b")}
    result = examiner.examine(corpus.submission(release, reference | wrong)).result
    assert lost(result) == {AFFINE_F: ["out"]}
    assert asked == {CAPTION}  # which goes wrong with it, before it is found to be right without
    assert Counter(ran)[AFFINE_F] == 1  # its check takes no differences
    assert Counter(ran)[CAPTION] == 3  # on the reference's differences, its own, and beside the reference


def test_a_check_that_runs_again_names_the_cause(examiner: Examiner, release: Notebook, reference: Sources) -> None:
    wrong = {SOFTMAX: reference[SOFTMAX].replace("return loss, dx", "return loss, -dx")}
    result = examiner.examine(corpus.submission(release, reference | wrong)).result
    assert lost(result) == {SOFTMAX: ["dx"]}
    assert "符号" in result.checks[list(POINTS).index(SOFTMAX)].parts[1].hint


def test_the_reference_gets_everything(examiner: Examiner, release: Notebook, reference: Sources) -> None:
    result = examiner.examine(corpus.submission(release, reference)).result
    consistent(result)
    assert (result.verdict, result.score, result.net, lost(result), result.repairs) == ("graded", 100.0, 100.0, {}, ())


def test_the_untouched_release_gets_nothing_and_every_part_says_what_to_do(
    examiner: Examiner, release: Notebook
) -> None:
    result = examiner.examine(corpus.submission(release, {})).result
    consistent(result)
    assert (result.verdict, result.score) == ("graded", 0.0)
    for check in result.checks:
        for part in check.parts:
            assert part.message.startswith("未完成"), (check.name, part)


@pytest.mark.slow
@pytest.mark.parametrize("name", POINTS)
def test_one_exercise_left_out_costs_itself_alone(
    examiner: Examiner, release: Notebook, reference: Sources, name: str
) -> None:
    result = examiner.examine(corpus.submission(release, {k: v for k, v in reference.items() if k != name})).result
    consistent(result)
    assert list(lost(result)) == [name]
    assert result.score == 100 - POINTS[name]


# What a line of the reference becomes -> the parts that this costs.
SLIPS: dict[str, tuple[str, str, str, dict[str, list[str]]]] = {
    "db not summed": (STEP_B, "db = da.sum(axis=0)", "db = da", {STEP_B: ["db"]}),
    "a transposed weight": (STEP_B, "dprev_h = da @ Wh.T", "dprev_h = da @ Wh", {STEP_B: ["dprev_h"]}),
    "h one step off": (FORWARD, "h[:, t] = state", "h[:, t - 1] = state", {FORWARD: ["h"]}),
    "words lost": (EMBED_B, "np.add.at(dW, x, dout)", "dW[x] += dout", {EMBED_B: ["dW"]}),
    "averaged over T too": (SOFTMAX, " / N", " / y.size", {SOFTMAX: ["loss", "dx"]}),
}


@pytest.mark.slow
@pytest.mark.parametrize("slip", SLIPS)
def test_a_slip_costs_its_part(examiner: Examiner, release: Notebook, reference: Sources, slip: str) -> None:
    name, right, wrong, costs = SLIPS[slip]
    assert right in reference[name], f"the reference reads differently now: {reference[name]}"
    result = examiner.examine(
        corpus.submission(release, {**reference, name: reference[name].replace(right, wrong)})
    ).result
    consistent(result)
    got = lost(result)
    assert got.keys() <= costs.keys()
    assert got[name] == costs[name]


def emptied(notebook: Notebook) -> None:
    notebook["metadata"] = {}
    for cell in notebook["cells"]:
        cell["metadata"] = {}
        del cell["id"]
    notebook["nbformat_minor"] = 4


def reordered(notebook: Notebook) -> None:
    notebook["cells"].reverse()


def without_checks(notebook: Notebook) -> None:
    notebook["cells"] = [cell for cell in notebook["cells"] if corpus.kind_of(cell)[0] != "check"]


def doubled(notebook: Notebook) -> None:
    notebook["cells"] += json.loads(json.dumps(notebook["cells"]))


def other_kernel(notebook: Notebook) -> None:
    notebook["metadata"]["kernelspec"] = {
        "name": "conda-env-dl-py",
        "display_name": "Python [dl]",
        "language": "python",
    }


def forged(notebook: Notebook) -> None:
    for cell in notebook["cells"]:
        if "nbgrader" in cell["metadata"] and cell["metadata"]["nbgrader"].get("grade"):
            cell["metadata"]["nbgrader"]["points"] = 1000


@pytest.mark.slow
@pytest.mark.parametrize(
    "edit", [emptied, reordered, without_checks, doubled, other_kernel, forged], ids=lambda e: e.__name__
)
def test_a_notebook_in_disorder_is_put_right_and_graded(
    examiner: Examiner, release: Notebook, reference: Sources, edit: Callable[[Notebook], None]
) -> None:
    result = examiner.examine(corpus.submission(release, reference, edit=edit)).result
    consistent(result)
    assert (result.verdict, result.score) == ("graded", 100.0)
    assert bool(result.repairs) == (edit is not forged)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b"\x89PNG\r\n\x1a\n", "JSON"),
        (b"[1, 2]", "notebook"),
        (b'{"cells": 3, "nbformat": 4}', "cells"),
        (b'{"cells": [' * 100_000, ""),
    ],
    ids=["empty", "a picture", "a list", "cells that are a number", "deep"],
)
def test_what_is_no_notebook_is_said_to_be_none(examiner: Examiner, data: bytes, reason: str) -> None:
    examined = examiner.examine(data)
    result = examined.result
    consistent(result)
    assert (result.verdict, result.score) == ("unreadable", 0.0)
    assert reason in result.reason
    assert any(result.reason in str(cell["source"]) for cell in examined.notebook["cells"])


ENDS = {
    "loops": ("while True:\n        pass", "timeout"),
    "exits": ("import os\n    os._exit(3)", "crashed"),
    "takes all memory": ("hog = [bytes(1 << 28) for _ in range(64)]", ""),
}


@pytest.mark.slow
@pytest.mark.parametrize("how", ENDS)
def test_a_death_in_one_exercise_costs_that_exercise(
    examiner: Examiner, release: Notebook, reference: Sources, how: str
) -> None:
    body, ended = ENDS[how]
    source = corpus.solved(
        corpus.text_of(corpus.solve_cells(release)[SOFTMAX]),
        SOFTMAX,
        f"def {SOFTMAX}(x, y, mask, verbose=False):\n    {body}\n",
    )
    result = examiner.examine(corpus.submission(release, {**reference, SOFTMAX: source})).result
    consistent(result)
    assert result.verdict == "graded"
    assert list(lost(result)) == [SOFTMAX]
    check = next(check for check in result.checks if check.name == SOFTMAX)
    assert check.ended == ended
    assert bool(check.reason) == bool(ended)


def test_a_cell_that_kills_the_sandbox_costs_what_it_defines(
    examiner: Examiner, release: Notebook, reference: Sources
) -> None:
    source = reference[EMBED_B] + "\nimport os\nos._exit(1)\n"
    examined = examiner.examine(corpus.submission(release, {**reference, EMBED_B: source}))
    consistent(examined.result)
    assert list(lost(examined.result)) == [EMBED_B]
    cell = next(cell for cell in examined.notebook["cells"] if cell["id"] == "solve-word_embedding_backward")
    assert cell["outputs"][0]["ename"] == "crashed"


def test_a_cell_that_raises_itself_is_named_as_the_cause(
    examiner: Examiner, release: Notebook, reference: Sources
) -> None:
    source = "import torch\n" + reference[SOFTMAX]
    result = examiner.examine(corpus.submission(release, {**reference, SOFTMAX: source})).result
    assert list(lost(result)) == [SOFTMAX]
    [check] = [check for check in result.checks if check.name == SOFTMAX]
    assert all("ModuleNotFoundError: No module named 'torch'" in part.hint for part in check.parts)


@pytest.mark.slow
@pytest.mark.parametrize("name", POINTS)
def test_the_words_of_an_error_are_told_wherever_it_is_raised(
    examiner: Examiner, release: Notebook, reference: Sources, name: str
) -> None:
    """Also behind the hidden tests of other exercises, whose data student code could put into them."""
    blank = corpus.text_of(corpus.solve_cells(release)[name])
    source = re.sub(r"raise NotImplementedError\(.*\)", "raise KeyError('word seven')", blank)
    assert source != blank
    result = examiner.examine(corpus.submission(release, {**reference, name: source})).result
    [check] = [check for check in result.checks if check.name == name]
    assert all("'word seven'" in part.message for part in check.parts), check.parts


def test_what_is_no_file_is_not_read(examiner: Examiner, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "endless").symlink_to("/dev/zero")
    for path in (tmp_path, tmp_path / "pipe", tmp_path / "endless"):
        result = examiner.examine_file(path).result
        assert (result.verdict, result.reason) == ("unreadable", "it is not a file")


def test_a_failed_function_is_replaced_and_what_builds_on_it_says_so(
    examiner: Examiner, release: Notebook, reference: Sources
) -> None:
    wrong = reference[STEP_B].replace("(1 - next_h", "(1 + next_h")
    assert wrong != reference[STEP_B]
    result = examiner.examine(corpus.submission(release, {**reference, STEP_B: wrong})).result
    assert list(lost(result)) == [STEP_B]
    premises = {check.name: check.premise for check in result.checks if check.premise}
    assert premises == {BACKWARD: (STEP_B,), CAPTION: (STEP_B,)}


def test_the_function_under_examination_is_never_replaced(homework: Homework) -> None:
    for name in POINTS:
        assert name not in homework.builds_on[name]
    assert homework.builds_on[STEP_B] == frozenset()
    assert homework.builds_on[BACKWARD] == {STEP_F, STEP_B}
    assert homework.builds_on[CAPTION] == set(POINTS) - {CAPTION}


def test_the_same_bytes_give_the_same_result(examiner: Examiner, release: Notebook, reference: Sources) -> None:
    wrong = corpus.submission(release, {**reference, SOFTMAX: reference[SOFTMAX].replace(" / N", " / y.size")})
    first, _, second = (examiner.examine(data) for data in (wrong, corpus.submission(release, {}), wrong))
    results = [examined.result.as_dict() for examined in (first, second)]
    for result in results:
        del result["seconds"]
    assert results[0] == results[1]
    cells = [examined.notebook["cells"] for examined in (first, second)]
    assert cells[0] == cells[1]


def other_homework(notebook: Notebook) -> None:
    """Another homework of the same course, of which this one's given cells are a part."""
    notebook["metadata"]["assignment"] = {"name": "cnn", "release": "0" * 16}
    notebook["cells"] = [cell for cell in notebook["cells"] if corpus.kind_of(cell)[0] in ("prose", "given")]
    notebook["cells"] += [
        {"cell_type": "code", "id": f"cnn-{number}", "metadata": {}, "source": f"def conv_{number}(x): return x"}
        for number in range(8)
    ]


def newer_syntax(notebook: Notebook) -> None:
    """A solution in the syntax of a Python that does not exist yet, as its notebook says."""
    notebook["metadata"]["language_info"]["version"] = f"3.{sys.version_info.minor + 1}.0"
    cell = corpus.solve_cells(notebook)[SOFTMAX]
    cell["source"] = corpus.text_of(cell) + "\n\nsoftmax = x => y"


@pytest.mark.parametrize(
    ("edit", "verdict", "reason"),
    [(other_homework, "other", "names the assignment 'cnn'"), (newer_syntax, "newer", f"solve-{SOFTMAX}")],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_what_cannot_be_judged_has_no_mark_and_accuses_nobody(
    examiner: Examiner,
    release: Notebook,
    reference: Sources,
    edit: Callable[[Notebook], None],
    verdict: str,
    reason: str,
) -> None:
    result = examiner.examine(corpus.submission(release, reference, edit=edit)).result
    consistent(result)
    assert (result.verdict, result.marked, result.score, list(result.rules)) == (verdict, False, 0.0, [])
    assert reason in result.reason


@pytest.mark.parametrize("moment", ["stand_in", "call", "sweep"])
def test_a_sandbox_that_breaks_at_any_moment_is_a_verdict(
    moment: str, examiner: Examiner, release: Notebook, reference: Sources, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thread of the submission may write into the channel while stand-ins are put, too."""

    def broken(*_: Any, **__: Any) -> None:
        raise Ended("crashed", "the process broke the protocol")

    monkeypatch.setattr(Session, moment, broken)
    sources = reference | {STEP_F: "def rnn_step_forward(x, prev_h, Wx, Wh, b):\n    return prev_h, None\n"}
    result = examiner.examine(corpus.submission(release, sources)).result
    consistent(result)
    assert result.verdict == "graded"
    assert result.score < 100
