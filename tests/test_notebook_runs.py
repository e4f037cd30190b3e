"""The release as a student runs it from top to bottom in plain Jupyter, empty and filled; and nbgrader's Validate."""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbconvert.preprocessors import ExecutePreprocessor
from nbgrader.validator import Validator

from assignment.homework import SOLUTION, load_master
from tests import ROOT
from tests.support.tiny import read

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
Notebook = dict[str, Any]
RELEASE = ROOT / "release" / "rnn" / "rnn.ipynb"


def filled(notebook: Notebook) -> Notebook:
    """The release with every solution in its region."""
    master = load_master(ROOT / "source" / "rnn" / "rnn.ipynb")
    answer = copy.deepcopy(notebook)
    for cell in answer["cells"]:
        if cell["metadata"].get("assignment", {}).get("kind") == "solve":
            lines = master.cell(cell["id"]).source.split("\n")
            cell["source"] = "\n".join(line for line in lines if not any(mark in line for mark in SOLUTION))
    return answer


def executed(notebook: Notebook) -> dict[str, str]:
    """Run all cells with no leave for errors; returns what each printed or showed, without colours."""
    for cell in notebook["cells"]:
        cell["metadata"].pop("tags", None)  # with which a check may raise
    ran = nbformat.reads(json.dumps(notebook), as_version=4)
    ExecutePreprocessor(timeout=120, kernel_name="python3").preprocess(ran, {})
    shown = {}
    for cell in ran.cells:
        texts = [out.get("text") or "".join(out.get("data", {}).values()) for out in cell.get("outputs", [])]
        shown[cell.id] = re.sub(r"\x1b\[[0-9;]+m", "", "".join(texts))
    return shown


def test_the_untouched_release_runs_to_its_end() -> None:
    shown = executed(read(RELEASE))
    assert " 0 / 100 合计" in shown["given------"]
    plays = [name for name in shown if name.startswith("play-") and shown[name]]
    assert plays
    assert all("通过，再来运行这个单元" in shown[name] for name in plays)


def test_the_filled_release_speaks() -> None:
    shown = executed(filled(read(RELEASE)))
    assert " 100 / 100 合计" in shown["given------"]
    assert "可见的检查全部通过了" in shown["given------"]
    described = re.search(r"100 张新图，说对 (\d+) 张", shown["play-speaking"])
    assert described
    assert int(described[1]) >= 95
    for name in ("play-journey", "play-training", "play-speaking"):
        assert "<svg" in shown[name]
    assert "<NULL> <NULL>" in shown["play-no-mask"]
    assert "[0. 0.]" in shown["play-guess-rows"]
    assert "ln 1000 = 6.908" in shown["play-guess-loss"]


@pytest.mark.parametrize(("fill", "failed"), [(False, 10), (True, 0)])
def test_validate_tells_the_truth(tmp_path: Path, fill: bool, failed: int) -> None:
    notebook = read(RELEASE)
    path = tmp_path / "rnn.ipynb"
    path.write_text(json.dumps(filled(notebook) if fill else notebook, ensure_ascii=False), encoding="utf-8")
    assert len(Validator().validate(str(path)).get("failed", [])) == failed
