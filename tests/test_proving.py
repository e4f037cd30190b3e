"""What `prove` and `release` make of variants, mistakes and mutants of a homework."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from assignment.cli.app import app
from assignment.course import Course
from assignment.errors import AssignmentError
from assignment.homework import load_master
from assignment.homework.solutions import variants_of
from assignment.plugins import examiner_of
from assignment.workflow import proving
from assignment.workflow.grade import grade
from assignment.workflow.proving import made_of
from tests.support import tiny

TEXT = '''\
# %% prose intro [markdown]
# # 小作业

# %% given imports
import base64
import json
import os
import re
import sys
import zlib

import numpy as np

# %% given helpers
from assignment.homework.checker import rel_error
from assignment.homework.checker import eval_numerical_gradient_array
from assignment.homework.checker import eval_numerical_gradient

# %% given checks
from assignment.homework.diagnosis import Row, Diagnosis
from assignment.homework.checker import Check

# %% solve clipped
def clipped(x, most):
    """x (N,), no entry above most."""
    # TODO: 截断
    ### BEGIN SOLUTION
    y = np.where(x < most, x, most)
    ### END SOLUTION
    # TODO 结束
    return y

# %% check clipped 4
@Check.of("clipped", y=4)
def check(check):
    check.near("y", check.call(clipped, np.array([-1.0, 3.0]), 2.0), [-1, 2], 1e-9)


### BEGIN HIDDEN TESTS
for block, x in {"负数": [-5.0, -2.5], "只有一个": [-9.0]}.items():
    with check.hidden(block):
        check.near("y", clipped(np.array(x), -3.0), np.minimum(x, -3.0), 1e-9)
check.award()
### END HIDDEN TESTS
check.report()
'''
MISTAKES = """\
def bounded(x, most):
    return np.minimum(clipped(x, most), most)


@mistake("clipped", "负数也要截断。")
def never_negative(x, most):
    return bounded(x, most) if most > 0 else x


@mistake("clipped", "x 没有截断。")
def untouched(x, most):
    return x
"""
VARIANTS = {"minimum": "def clipped(x, most):\n    return np.minimum(x, most)\n"}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Course:
    return tiny.course(tmp_path_factory.mktemp("made") / "course", clip=TEXT)


@pytest.fixture
def course(made: Course, tmp_path: Path) -> Course:
    return tiny.copy_of(made, tmp_path / "course")


def beside(course: Course, mistakes: str = "", variants: dict[str, str] | None = None) -> Course:
    """Put a list of mistakes and right variants beside the homework."""
    course.mistakes("clip").write_text(mistakes, encoding="utf-8")
    folder = course.root / "source" / "clip_variants"
    folder.mkdir()
    for name, text in (variants or {}).items():
        (folder / f"{name}.py").write_text(text, encoding="utf-8")
    return course


def proved(course: Course) -> dict[str, Any]:
    done = CliRunner().invoke(app, ["prove", "--course", str(course.root), "--draws", "2", "--json"])
    assert done.exit_code == 0, done.output
    proof: dict[str, Any] = json.loads(done.stdout)
    return proof


def test_what_an_author_is_told(course: Course, monkeypatch: pytest.MonkeyPatch) -> None:
    names: list[str] = []

    def noting(own: Callable[..., Iterator[tuple[Any, Any]]]) -> Callable[..., Iterator[tuple[Any, Any]]]:
        def trying(*given: Any, **more: Any) -> Iterator[tuple[Any, Any]]:
            for solution, found in own(*given, **more):
                names.append(getattr(solution, "name", solution))
                yield solution, found

        return trying

    monkeypatch.setattr(proving, "_tried", noting(proving._tried))
    monkeypatch.setattr(proving, "_mistaken", noting(proving._mistaken))
    proof = proved(beside(course, MISTAKES, VARIANTS))
    assert len(names) == len({*names}) == 1 + 2 + 14  # each is tried once
    assert proof["tried"] == {"variant": 1, "mistake": 2, "mutant": 14}
    assert proof["survivors"] == ["clipped, line 5: y = np.where(x < most, x, most) -> y = np.where(x<= most, x, most)"]
    assert proof["unnamed"] == []
    assert proof["unneeded"] == ["clipped: 只有一个"]
    [margin] = proof["margins"]
    assert (margin["check"], margin["part"], margin["right"]) == ("clipped", "y", 0.0)
    assert margin["wrong"] > 1e6


@pytest.mark.parametrize(
    ("mistakes", "variants", "word"),
    [
        (
            MISTAKES.replace("return x\n", "return clipped(x, most)\n"),
            {},
            "mistake untouched: gets every point",
        ),
        (
            "",
            {"wrong": "def clipped(x, most):\n    return x\n"},
            "check clipped: variant wrong get 0 of 4 points",
        ),
    ],
)
def test_a_list_that_the_checks_do_not_bear_out_stops_the_release(
    mistakes: str, variants: dict[str, str], word: str, course: Course
) -> None:
    """As it stops `build --check`, `prove` and the first `grade`."""
    beside(course, mistakes, variants)
    for path in (course.release("clip"), course.submitted("1", "clip")):
        path.parent.mkdir(parents=True)
        path.write_bytes(made_of(load_master(course.source("clip"))))
    for verb in ("release", "build --check", "prove", "grade"):
        done = CliRunner().invoke(app, [*verb.split(), "--course", str(course.root)])
        assert isinstance(done.exception, AssignmentError), (verb, done.output)
        assert "its own solutions must get every point" in str(done.exception)
        assert word in done.exception.details
    assert not course.autograded("1", "clip").exists()


def test_variants_and_mistakes_are_tried_once_and_again_when_they_change(
    course: Course, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[bool] = []
    monkeypatch.setattr(proving, "prove_marks", lambda *args, known: tried.append(known))
    examiner = examiner_of(course, load_master(course.source("clip")), {})
    beside(course, "", VARIANTS)
    for text in ("def clipped(x, most):\n    return x\n", "1"):
        for _ in range(2):
            (course.variants("clip") / "another.py").write_text(text, encoding="utf-8")
            proving.prove_once(course, "clip", examiner, None)  # type: ignore[arg-type]
    assert tried == [True, False, True, False]


def test_the_homework_is_proved_before_its_first_marks_alone(course: Course, monkeypatch: pytest.MonkeyPatch) -> None:
    proofs: list[str] = []
    monkeypatch.setattr(proving, "prove_once", lambda course, name, *_: proofs.append(name))
    for path in (course.release("clip"), course.submitted("1", "clip")):
        path.parent.mkdir(parents=True)
        path.write_bytes(made_of(load_master(course.source("clip"))))
    for again, beside_it, count in ((True, "", 1), (True, "", 1), (False, "", 1), (True, MISTAKES, 2), (False, "", 3)):
        course.mistakes("clip").write_text(beside_it, encoding="utf-8")
        grade(course, "clip", jobs=1, again=again)
        assert len(proofs) == count


@pytest.mark.parametrize(
    ("text", "word"),
    [("def clipped(x, most:\n", "no Python"), ("def clip(x, most):\n    return x\n", "defines none of clipped")],
)
def test_a_variant_that_is_none_is_named(text: str, word: str, course: Course) -> None:
    beside(course, variants={"odd": text})
    with pytest.raises(AssignmentError, match=rf"odd\.py: {word}"):
        list(variants_of(load_master(course.source("clip")), course.root / "source" / "clip_variants"))
