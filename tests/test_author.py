"""The homework that docs/author.md shows: it is built and released as it stands, and each slip in it is named."""

from __future__ import annotations

import re
from contextlib import nullcontext
from pathlib import Path

import pytest

from assignment.course import Course
from assignment.errors import AssignmentError
from assignment.homework import Master
from assignment.homework.notebook import prove, render
from assignment.homework.percent import parse
from assignment.workflow.build import build
from assignment.workflow.proving import slips
from assignment.workflow.release import release
from tests import ROOT
from tests.support import tiny

PAGE = (ROOT / "docs" / "author.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
[TEXT] = [block for block in BLOCKS if block.startswith("# ---")]
[MISTAKES] = [block for block in BLOCKS if block.startswith("@mistake")]
VISIBLE = "    x = np.arange(3.0)\n"


@pytest.fixture
def course(tmp_path: Path) -> Course:
    """A course with that homework, built."""
    course = tiny.course(tmp_path / "course", double=TEXT)
    course.mistakes("double").write_text(MISTAKES, encoding="utf-8")
    return course


def change(path: Path, old: str, new: str) -> None:
    """Put something else into an author's file, where it stands first."""
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_what_the_page_shows_is_a_homework(course: Course) -> None:
    release(course, "double")
    assert "负数也要翻倍" not in course.release("double").read_text("utf-8")  # it is packed


def test_a_line_of_a_solution_in_what_students_see_of_a_check() -> None:
    text = TEXT.replace("    y = 2 * x\n", "    two = 2\n    y = two * x\n")
    for line, leaks in (("y = x + x", False), ("y=two*x", True)):
        shown = text.replace(VISIBLE, f"{VISIBLE}    {line}\n", 1)
        master = Master("double", tuple(parse(shown, "source/double.py")))
        notebook = render("double", list(master.released.cells), None)
        with pytest.raises(AssignmentError, match="tells what is hidden in solve-double") if leaks else nullcontext():
            prove(master, notebook)


@pytest.mark.parametrize(
    ("mistakes", "old", "new", "why"),
    [
        (False, "import rel_error,", "import", "source/double.py: cell 'given checks': NameError: name 'rel_error' is"),
        (False, "Row, Diagnosis", "Diagnosis", "source/double.py: cell 'given checks': NameError: name 'Row' is not"),
        (False, "# jupyter:", "# asignment:\n#   time_axis: 1\n# jupyter:", r"malformed header \(unknown asignment\)"),
        (True, '"double"', '"duoble"', r"source/double_mistakes.py: @mistake\('duoble', …\): no such function"),
        (True, "absolute(x)", "absolute(x, y)", "absolute takes 2 arguments, double 1; give it the same ones"),
    ],
)
def test_what_cannot_be_built_is_named(course: Course, mistakes: bool, old: str, new: str, why: str) -> None:
    change(course.mistakes("double") if mistakes else course.source_text("double"), old, new)
    with pytest.raises(AssignmentError, match=why):
        build(course, "double")


def test_a_figure_that_is_no_picture(tmp_path: Path) -> None:
    (tmp_path / "figures").mkdir()
    (tmp_path / "figures" / "x.png").write_bytes(b"<svg/>")
    with pytest.raises(AssignmentError, match=r"cell 'prose double': figures/x\.png is no PNG; save it as one"):
        parse(TEXT.replace("# # 两倍", "# ![两倍](figures/x.png)"), "source/double.py", tmp_path)


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("", "", []),
        ('Check.of("double"', 'Check.of("duoble"', ["check double: Check.of names 'duoble'; name this exercise"]),
        ('near("y", check', 'near("z", check', ["check double: 'z' is none of its parts; there are y"]),
        ("check.award()\n", "", ["check double: check.award() is missing"]),
        ("check.report()\n", "", ["check double: check.report() is missing"]),
        ("[SEED, 7, 1]", "7", ["check double: np.random.default_rng(7) in its hidden tests is the same for everybody"]),
        (
            VISIBLE,
            "    x = np.random.default_rng(SEED).normal(size=3)\n",
            ["check double: SEED stands outside its hidden"],
        ),
    ],
)
def test_slips_in_the_text_of_a_check(old: str, new: str, why: list[str]) -> None:
    check = next(cell for cell in parse(TEXT.replace(old, new, 1), "source/double.py") if cell.kind == "check")
    lines = list(slips(check))
    assert len(lines) == len(why) and all(line.startswith(start) for line, start in zip(lines, why, strict=True))
