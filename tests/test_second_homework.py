"""A second, tiny homework dropped into the course: nothing of the engine is about recurrent networks."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import TypeGuard

import pytest

from assignment.build import build
from assignment.course import Course
from assignment.errors import AssignmentError
from assignment.master import load_master
from assignment.release import release, releases
from tests import tiny


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Course:
    """A course with the recurrent networks as they are and the tiny homework, both released."""
    course = tiny.course(tmp_path_factory.mktemp("two") / "course", tiny=tiny.TEXT)
    networks = Course(tiny.ROOT)
    for source in (networks.source_text("rnn"), networks.mistakes("rnn")):
        (course.root / "source" / source.name).write_bytes(source.read_bytes())
    for name in course.assignments():
        release(course, name)
    return course


def test_both_are_found_and_one_must_be_chosen(two: Course) -> None:
    assert two.assignments() == ["rnn", "tiny"]
    with pytest.raises(AssignmentError, match="choose with --assignment: rnn, tiny"):
        two.assignment()


def test_each_has_its_own_release(two: Course) -> None:
    for name, points in [("rnn", 100), ("tiny", 6.5)]:
        released = load_master(two.release(name))
        assert (released.name, released.max) == (name, points)
        assert list(releases(two, name)) == [released.release]
        assert build(two, name).changed is False
    with two.gradebook() as gradebook:
        assert {each.name: each.max_score for each in gradebook.assignments} == {"rnn": 100, "tiny": 6.5}


def test_the_engine_does_not_know_the_homework() -> None:
    """No module's code names an exercise of the recurrent networks (a docstring may, as an example)."""
    exercises = {cell.name for cell in load_master(Course(tiny.ROOT).source("rnn")).solves}
    package = Path(build.__code__.co_filename).parent
    trees = {path.name: ast.parse(path.read_text(encoding="utf-8")) for path in package.rglob("*.py")}
    assert {name: known for name, tree in trees.items() if (known := exercises & set(words(tree)))} == {}
    assert set(words(ast.parse('x = ["rnn_forward"]'))) & exercises == {"rnn_forward"}


def words(tree: ast.Module) -> Iterator[str]:
    """Yield the names and texts in code, docstrings left out."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name | ast.Attribute | ast.FunctionDef):
            yield getattr(node, "id", None) or getattr(node, "attr", None) or getattr(node, "name", "")
        elif not isinstance(node, ast.Expr):
            yield from (part.value for part in ast.iter_child_nodes(node) if is_text(part))


def is_text(node: ast.AST) -> TypeGuard[ast.Constant]:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def test_the_committed_notebooks_are_what_the_text_gives_today(tmp_path: Path) -> None:
    networks = Course(tiny.ROOT)
    course = tiny.course(tmp_path / "course", rnn=networks.source_text("rnn").read_text(encoding="utf-8"))
    released = release(course, "rnn")
    assert course.source("rnn").read_bytes() == networks.source("rnn").read_bytes()
    assert course.release("rnn").read_bytes() == networks.release("rnn").read_bytes()
    assert (networks.published("rnn") / released.published.name).read_bytes() == released.published.read_bytes()
