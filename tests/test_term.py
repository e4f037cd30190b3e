"""A term from its beginning to the next one's, with what goes wrong in between."""

from __future__ import annotations

from pathlib import Path

import pytest

from assignment.course import Course
from assignment.homework.releases import releases
from assignment.marking.decisions import load
from tests.support import tiny
from tests.test_cli import Said, Type, typed

__all__ = ["typed"]  # a fixture

OLD = """
c.LatePenalty.deadline = {
    "tiny": "2026-11-08T23:59:59+08:00",
}
c.LatePenalty.extensions = {"tiny": {"1042": 2}}
c.LatePenalty.per_day = 10.0
c.CourseDirectory.db_url = "sqlite:////tmp/last-years.db"
"""


def done(said: Said) -> Said:
    assert said.status == 0, said.err
    return said


@pytest.fixture
def old(tmp_path: Path) -> Course:
    """A course with a class, decisions, a deadline and a secret."""
    course = tiny.course(tmp_path / "old")
    config = course.root / "nbgrader_config.py"
    config.write_text(config.read_text("utf-8") + OLD, "utf-8")
    for file in ("waivers.toml", "gradebook.db", "secret.key", "submitted/1/tiny/tiny.ipynb", "release/tiny/x"):
        (course.root / file).parent.mkdir(parents=True, exist_ok=True)
        (course.root / file).write_text("[[decision]]")
    return course


def test_a_new_course_has_homeworks_and_settings_and_nothing_of_the_class(old: Course, typed: Type) -> None:
    said = done(typed(old, "new", "../next", "--course-id", "cs-2027")).out
    assert "next: course cs-2027, tiny\n" in said and 'extensions = {"tiny": {"1042": 2}}' in said
    new = Course.find(old.root.parent / "next")
    assert sorted(p.name for p in new.root.iterdir()) == ["nbgrader_config.py", "source"]
    config = new.config()
    assert config.CourseDirectory == {"course_id": "cs-2027"}
    assert not config.LatePenalty.get("deadline") and not config.LatePenalty.get("extensions")
    assert config.LatePenalty.per_day == 10.0 and config.Rules == old.config().Rules
    assert new.source("tiny").read_bytes() == old.source("tiny").read_bytes()
    assert load(new).entries == ()
    done(typed(new, "release"))
    assert len(releases(new, "tiny")) == 1 and new.secret() != old.secret()


@pytest.mark.parametrize(
    ("words", "config", "why"),
    [
        (["../next", "--course-id", "cs7353"], "", "another than the old course's"),
        (["../next", "--course-id", " "], "", "another than the old course's"),
        (["submitted", "--course-id", "x"], "", "not empty"),
        (["source/next", "--course-id", "x"], "", "lies in the homeworks"),
        (["../next", "--course-id", "x", "--from", "../nowhere"], "", "no nbgrader_config.py here"),
        (
            ["../next", "--course-id", "x"],
            "late = c.LatePenalty\nlate.deadline = {'tiny': '2026-11-08T23:59:59+08:00'}",
            "c.LatePenalty.deadline is set inside another statement",
        ),
    ],
)
def test_what_can_be_no_new_course_is_refused(
    words: list[str], config: str, why: str, old: Course, typed: Type
) -> None:
    file = old.root / "nbgrader_config.py"
    file.write_text(file.read_text("utf-8") + config, "utf-8")
    said = typed(old, "new", *words)
    assert said.status == 1 and why in said.err
    assert sorted(p.name for p in old.root.parent.iterdir()) == ["old"] and not (old.root / "source/next").exists()
