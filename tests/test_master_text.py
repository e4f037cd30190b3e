"""The text of the master runs as it lies there, is worth 100 points, and is kind to who has not written it yet."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from assignment.homework import STUB, Master
from assignment.homework.checker import verdicts_shown
from tests import ROOT
from tests.support.judge import load_master
from tests.support.master_cells import PARAMETERS, POINTS, Notebook, solve

TEXT = ROOT / "source" / "rnn.py"

# What cannot be right while this exercise is not written.
DEPENDENTS = {
    "rnn_step_forward": {"rnn_step_backward", "rnn_forward", "rnn_backward", "CaptioningRNN.loss"},
    "rnn_step_backward": {"rnn_backward", "CaptioningRNN.loss"},
    "rnn_forward": {"rnn_backward", "CaptioningRNN.loss"},
    "rnn_backward": {"CaptioningRNN.loss"},
    "word_embedding_forward": {"word_embedding_backward", "CaptioningRNN.loss"},
    "word_embedding_backward": {"CaptioningRNN.loss"},
    "temporal_affine_forward": {"temporal_affine_backward", "CaptioningRNN.loss"},
    "temporal_affine_backward": {"CaptioningRNN.loss"},
    "temporal_softmax_loss": {"CaptioningRNN.loss"},
    "CaptioningRNN.loss": set[str](),
}


@pytest.fixture(scope="module")
def text() -> Master:
    return load_master()


@pytest.fixture(scope="module")
def right(text: Master) -> Notebook:
    """The reference solution, everything run."""
    return Notebook(text).run()


def python(path: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error", str(path)], capture_output=True, text=True, encoding="utf-8", check=False
    )


# As plain Python


def test_runs_as_plain_python_and_everything_passes() -> None:
    done = python(TEXT)
    assert (done.returncode, done.stderr) == (0, "")
    assert [float(line) for line in done.stdout.splitlines() if re.fullmatch(r"[\d.]+", line)] == [0, *POINTS.values()]
    assert "100 / 100" in done.stdout
    assert "未通过" not in done.stdout


def test_a_failed_check_ends_plain_python_with_a_status(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.py"
    wrong.write_text(TEXT.read_text(encoding="utf-8").replace("1 - next_h**2", "1 - next_h"), encoding="utf-8")
    done = python(wrong)
    assert done.returncode == 1
    assert done.stderr.endswith("AssertionError: rnn_step_backward 未通过：dx, dprev_h, dWx, dWh, db\n")


# Points


def test_points_are_those_of_the_homework(text: Master, right: Notebook) -> None:
    assert {cell.name: cell.points for cell in text.checks if cell.points} == POINTS
    table = last(right).splitlines()
    assert {line.split()[0]: int(line.split()[3]) for line in table if line.split()[0] in POINTS} == POINTS
    for name, points in POINTS.items():
        outcome = right.outcomes[name]
        assert sum(outcome.check.parts.values()) == points
        assert outcome.shown == [points]
        assert type(outcome.shown[0]) is float
    assert [cell.name for cell in text.solves] == list(POINTS)


def test_the_model_pays_for_the_loss_and_for_each_gradient(right: Notebook) -> None:
    assert right.outcomes["CaptioningRNN.loss"].check.parts == {"loss": 6, **dict.fromkeys(PARAMETERS, 1.25)}


def test_every_part_has_a_visible_and_a_hidden_row(right: Notebook) -> None:
    for name, outcome in right.outcomes.items():
        for part in outcome.check.parts:
            kinds = {row.hidden for row in outcome.check.rows if row.part == part}
            assert kinds == {False, True}, (name, part)


# Not written yet


@pytest.mark.parametrize("name", POINTS)
def test_one_exercise_left_out_fails_itself_and_its_dependents(text: Master, name: str) -> None:
    notebook = Notebook(text).run({name: solve(text, name).stub})
    assert notebook.failed().keys() == {name} | DEPENDENTS[name]
    outcome = notebook.outcomes[name]
    assert re.fullmatch(rf"{', '.join(outcome.check.parts)} +未完成：{name} 还没有写\n", outcome.printed)
    assert verdicts_shown(outcome.printed) == dict.fromkeys(outcome.check.parts, False)
    assert outcome.shown == [0.0]
    for dependent in DEPENDENTS[name]:
        assert f"未完成：{name} 还没有写" in notebook.outcomes[dependent].printed


def test_the_untouched_release_runs_to_its_end(text: Master) -> None:
    notebook = Notebook(text.released).run()
    for name in POINTS:
        outcome = notebook.outcomes[name]
        assert outcome.error is None
        assert not any(map(outcome.check.passed, outcome.check.parts))
        assert len(re.findall("未完成：.* 还没有写", outcome.printed)) == 1


@pytest.mark.parametrize("where", ["validate", "autograde"])
def test_in_nbgrader_a_check_raises(text: Master, where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NBGRADER_EXECUTION", where)
    notebook = Notebook(text.released).run()
    assert notebook.failed() == {name: set(notebook.outcomes[name].check.parts) for name in POINTS}
    for name in POINTS:
        outcome = notebook.outcomes[name]
        assert str(outcome.error) == f"{name} 未完成"
        assert type(outcome.error) is AssertionError
        assert outcome.error._render_traceback_() == [f"AssertionError: {name} 未完成"]  # type: ignore[attr-defined]
        assert outcome.shown == []


def test_the_release_keeps_both_ends_of_every_region(text: Master) -> None:
    for cell in text.released.solves:
        lines = [line.strip() for line in cell.source.splitlines()]
        stub = lines.index(STUB)
        assert lines[stub - 1].startswith("# TODO ▼")
        assert lines[stub + 1] == "# TODO 结束 ▲▲▲▲▲▲▲▲"
        assert lines[stub + 2].startswith(("return ", "if verbose"))


# The table before handing in


def last(notebook: Notebook) -> str:
    return notebook.cell(notebook.master.given[-1]).printed


def status(table: str, name: str) -> str:
    return next(line.split(maxsplit=4)[4] for line in table.splitlines() if line.startswith(name + " "))


def test_the_table_of_the_right_solution(text: Master, right: Notebook) -> None:
    table = last(right)
    assert {status(table, name) for name in POINTS} == {"通过"}
    assert "100 / 100" in table
    assert ".ipynb" in table


def test_the_table_of_the_untouched_release(text: Master) -> None:
    table = last(Notebook(text.released).run())
    assert {status(table, name) for name in POINTS} == {"未完成"}
    assert " 0 / 100" in table


def test_the_table_before_any_check_was_run(text: Master) -> None:
    notebook = Notebook(text)
    assert "检查器还没有运行" in last(notebook)
    for cell in text.given[:3]:
        notebook.cell(cell)
    assert {status(last(notebook), name) for name in POINTS} == {"检查还没有运行"}


def test_the_table_sees_what_was_defined_again(text: Master) -> None:
    notebook = Notebook(text).run()
    notebook.cell(solve(text, "rnn_step_forward"))
    table = last(notebook)
    stale = {name for name in POINTS if status(table, name) == "函数重新定义过，请再运行一次检查"}
    assert stale == {"rnn_step_forward", "rnn_forward", "CaptioningRNN.loss"}  # those that call it
    assert " 66 / 100" in table
    notebook.cell(text.check("rnn_step_forward"))
    assert status(last(notebook), "rnn_step_forward") == "通过"


def test_the_table_names_the_parts_and_never_the_hidden_result(text: Master) -> None:
    embed = solve(text, "word_embedding_backward").source
    lucky = embed.replace("np.add.at(dW, x, dout)", "np.add.at(dW, x, dout)\n    dW *= len(x) == 50")
    notebook = Notebook(text).run({"word_embedding_backward": lucky}, until="given-------")
    assert notebook.failed()["word_embedding_backward"] == {"dW"}
    assert status(last(notebook), "word_embedding_backward") == "通过"
    notebook = Notebook(text).run({"word_embedding_backward": embed.replace("np.add.at(dW, x, dout)", "dW[x] += dout")})
    assert status(last(notebook), "word_embedding_backward") == "未通过：dW"
