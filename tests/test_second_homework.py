"""A second, tiny homework dropped into the course: nothing of the engine is about recurrent networks."""

from __future__ import annotations

import ast
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TypeGuard

import nbformat
import pytest
from nbgrader.utils import determine_grade

from assignment.cli.app import app
from assignment.course import Course
from assignment.errors import AssignmentError
from assignment.homework import load_master
from assignment.homework.notebook import releases
from assignment.marking import earlier
from assignment.workflow.build import build
from assignment.workflow.collect import collect
from assignment.workflow.grade import grade
from assignment.workflow.release import release
from tests import ROOT
from tests.support import corpus, tiny
from tests.support.canvas_class import pack

pytestmark = pytest.mark.slow

PARTLY = """
# %% solve half
def half(x):
    '''Halve. x (N,) -> (N,).'''
    # TODO: 返回一半
    ### BEGIN SOLUTION
    y = x / 2
    ### END SOLUTION
    # TODO 结束
    return y

# %% check half 3
# 一个数一半，一个数组一半，各 1.5 分
1.5 * (half(3.0) == 1.5) + 1.5 * near(half(np.array([4.0])), [2])
"""  # a check cell that gives part of its points as nbgrader has it: the value it displays


@pytest.fixture(scope="module")
def two(few_mistakes: None, tmp_path_factory: pytest.TempPathFactory) -> Course:
    """A course with the recurrent networks as they are and the tiny homework, both released."""
    course = tiny.course(tmp_path_factory.mktemp("two") / "course", tiny=tiny.TEXT + PARTLY)
    networks = Course(ROOT)
    for source in (networks.source_text("rnn"), networks.mistakes("rnn")):
        (course.root / "source" / source.name).write_bytes(source.read_bytes())
    shutil.copytree(networks.source_text("rnn").parent / "figures", course.root / "source" / "figures")
    for name in course.assignments():
        release(course, name)
    return course


def test_both_are_found_and_one_must_be_chosen(two: Course) -> None:
    assert two.assignments() == ["rnn", "tiny"]
    with pytest.raises(AssignmentError, match="choose with --assignment: rnn, tiny"):
        two.assignment()


def test_each_has_its_own_release(two: Course) -> None:
    for name, points in [("rnn", 100), ("tiny", 9.5)]:
        released = load_master(two.release(name))
        assert (released.name, released.max) == (name, points)
        assert list(releases(two, name)) == [released.release]
        assert build(two, name).changed is False
    with two.gradebook() as gradebook:
        assert {each.name: each.max_score for each in gradebook.assignments} == {"rnn": 100, "tiny": 9.5}


@pytest.fixture(scope="module")
def klass(two: Course) -> Course:
    """The tiny homework's class, collected and graded beside a submission of the other homework."""
    source, notebook = tiny.read(two.source("tiny")), tiny.read(two.release("tiny"))
    right = corpus.reference(source)
    whole = "y = np.array([two * one if one >= 0 else one for one in x])"
    hands = {
        "1": right,
        "2": right | {"double": right["double"].replace("y = two * x", whole)},
        "3": right | {"half": right["half"].replace("y = x / 2", "y = x // 2")},
        "4": right | {"half": right["half"].replace("y = x / 2", "y = x[0] / 2 + x * 0")},
        "5": {},
    }
    entries = {
        f"doe_{user}_{user}7_tiny.ipynb": corpus.submission(notebook, solutions) for user, solutions in hands.items()
    }
    entries["roe_6_67_rnn.ipynb"] = corpus.submission(tiny.read(two.release("rnn")), {})
    collected = collect(two, "tiny", pack(two.root / "tiny.zip", entries))
    assert collected.counts["collected"] == 6
    assert [item.user for item in collected.items if "not look like the homework" in item.why] == ["6"]
    other = two.submitted("1", "rnn")
    other.parent.mkdir(parents=True)
    other.write_bytes(entries["roe_6_67_rnn.ipynb"])
    grade(two, "tiny", jobs=2)
    return two


MARKS: dict[str, dict[str, float]] = {  # student -> points of each check
    "1": {"double": 4, "Counter.add": 2.5, "half": 3},
    "2": {"double": 0, "Counter.add": 2.5, "half": 3},  # right for what the student sees, not for the hidden test
    "3": {"double": 4, "Counter.add": 2.5, "half": 1.5},
    "4": {"double": 4, "Counter.add": 2.5, "half": 0},  # raises before a value is displayed
    "5": {"double": 0, "Counter.add": 0, "half": 0},
}


@pytest.mark.parametrize("student", MARKS)
def test_a_check_without_parts_is_judged_as_nbgrader_does(student: str, klass: Course) -> None:
    result = earlier(klass, "tiny", student)
    assert result is not None
    assert {check.name: check.score for check in result.checks} == MARKS[student]
    assert result.score == sum(MARKS[student].values()) and result.verdict == "graded"
    for check in result.checks:  # one part a check, which says the same
        [part] = check.parts
        assert (part.score, part.passed) == (check.score, check.score == check.max)
    notebook = nbformat.read(klass.autograded(student, "tiny"), as_version=4)
    cells = {cell.metadata.assignment.name: cell for cell in notebook.cells if "check-" in cell.id}
    assert {name: determine_grade(cell)[0] for name, cell in cells.items()} == MARKS[student]
    with klass.gradebook() as gradebook:
        assert gradebook.find_submission("tiny", student).score == result.score


def test_the_other_homeworks_notebook_is_no_submission_of_this_one(klass: Course) -> None:
    result = earlier(klass, "tiny", "6")
    assert result is not None
    assert (result.verdict, result.marked, list(result.rules)) == ("other", False, [])
    with klass.gradebook() as gradebook:  # no mark, but somebody has to look
        grades = [grade for notebook in gradebook.find_submission("tiny", "6").notebooks for grade in notebook.grades]
        assert all(one.auto_score is None and one.needs_manual_grade for one in grades)


def test_the_other_homework_is_left_alone(klass: Course) -> None:
    assert klass.students("rnn") == ["1"] and not klass.autograded("1", "rnn").exists()
    with klass.gradebook() as gradebook:
        assert list(gradebook.assignment_submissions("rnn")) == []


@pytest.mark.parametrize(
    "words", [["grade"], ["rules"], ["export"], ["report"], ["feedback"], ["build"], ["collect", "tiny.zip"]]
)
def test_the_command_line_asks_which_of_two(
    words: list[str], klass: Course, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(AssignmentError, match="several assignments; choose with --assignment: rnn, tiny"):
        app([*words, "--course", str(klass.root)], standalone_mode=False)
    with pytest.raises(AssignmentError, match="--assignment cnn: not in this course; it has rnn, tiny"):
        app([*words, "--course", str(klass.root), "--assignment", "cnn"], standalone_mode=False)


def test_the_command_line_does_the_one_named(klass: Course, capsys: pytest.CaptureFixture[str]) -> None:
    app(["grade", "--json", "--course", str(klass.root), "--assignment", "tiny"], standalone_mode=False)
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    marks = {who: sum(points.values()) for who, points in MARKS.items()}
    assert {row["student"]: row["net"] for row in rows} == marks | {"6": None}
    assert not any(row["regraded"] for row in rows)


def test_the_engine_does_not_know_the_homework() -> None:
    """No module's code names an exercise of the recurrent networks (a docstring may, as an example)."""
    exercises = {cell.name for cell in load_master(Course(ROOT).source("rnn")).solves}
    package = Path(build.__code__.co_filename).parent
    trees = {path.name: ast.parse(path.read_text(encoding="utf-8")) for path in package.rglob("*.py")}
    assert {name: known for name, tree in trees.items() if (known := exercises & set(words(tree)))} == {}
    assert set(words(ast.parse('x = ["rnn_forward"]'))) & exercises == {"rnn_forward"}


def words(tree: ast.Module) -> Iterator[str]:
    """Yield the names and texts in code, docstrings left out."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name | ast.Attribute | ast.FunctionDef):
            yield str(getattr(node, "id", "") or getattr(node, "attr", "") or getattr(node, "name", ""))
        elif not isinstance(node, ast.Expr):
            yield from (str(part.value) for part in ast.iter_child_nodes(node) if is_text(part))


def is_text(node: ast.AST) -> TypeGuard[ast.Constant]:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


@pytest.mark.usefixtures("few_mistakes")
def test_the_committed_notebooks_are_what_the_text_gives_today(tmp_path: Path) -> None:
    networks = Course(ROOT)
    course = tiny.course(tmp_path / "course", rnn=networks.source_text("rnn").read_text(encoding="utf-8"))
    released = release(course, "rnn")
    assert course.source("rnn").read_bytes() == networks.source("rnn").read_bytes()
    assert course.release("rnn").read_bytes() == networks.release("rnn").read_bytes()
    kept = f"{released.release}.ipynb"
    assert (networks.published("rnn") / kept).read_bytes() == (course.published("rnn") / kept).read_bytes()
