"""What a person decided belongs to the hand-in it was decided on: on another one it is shown, not applied."""

from __future__ import annotations

from pathlib import Path

import pytest

from assignment.course import Course
from assignment.marking.decisions import load
from assignment.marking.gradebook import Book
from tests.support import corpus, tiny
from tests.test_cli import Said, Type, handed_in, klass, typed

__all__ = ["handed_in", "klass", "typed"]  # fixtures

CELL = "check-double"  # 4 points; student 2 handed in the release as it was


@pytest.fixture
def course(klass: Course, tmp_path: Path) -> Course:
    """A graded class of four, for one test."""
    return tiny.copy_of(klass, tmp_path / "course")


def hand_in(course: Course, student: str, text: str, note: str = "") -> None:
    """Hand in again: "nothing" or "right", each with a note that makes it another file; "breach" imports a package."""
    notebook, right = tiny.read(course.release("tiny")), corpus.reference(tiny.read(course.source("tiny")))
    torch = {"double": f"try:\n    import torch{note}\nexcept ImportError:\n    pass\n\n\n" + right["double"]}
    solutions = {"nothing": {}, "right": right, "breach": right | torch}[text]
    notebook["metadata"]["note"] = note
    course.submitted(student, "tiny").write_bytes(corpus.submission(notebook, solutions))


def give(course: Course, student: str, score: float | None, comment: str | None) -> None:
    """Give a score and a comment as formgrader does."""
    with course.gradebook() as gradebook:
        gradebook.find_grade(CELL, "tiny", "tiny", student).manual_score = score
        gradebook.find_comment("solve-double", "tiny", "tiny", student).manual_comment = comment
        gradebook.db.commit()


def given(course: Course, student: str) -> tuple[float | None, str | None]:
    """Return the score and the comment that count now."""
    with course.gradebook() as gradebook:
        score = gradebook.find_grade(CELL, "tiny", "tiny", student).manual_score
        return score, gradebook.find_comment("solve-double", "tiny", "tiny", student).manual_comment


def net(course: Course, student: str) -> float | None:
    with Book(course, "tiny") as book:
        return book.marks()[student]


def done(said: Said) -> Said:
    assert said.status == 0, said.err
    return said


def test_a_score_survives_every_regrade_of_the_same_hand_in(course: Course, typed: Type) -> None:
    give(course, "2", 3, "half right")
    for words in (["grade"], ["grade", "--again"], ["report"]):
        assert done(typed(course, *words)).err == ""
        assert (given(course, "2"), net(course, "2")) == ((3, "half right"), 3)


@pytest.mark.parametrize(("handed", "mark"), [("right", 6.5), ("nothing", 0)])
def test_on_another_hand_in_it_is_shown_and_not_applied(handed: str, mark: float, course: Course, typed: Type) -> None:
    """A perfect resubmission lost points to an old score, a wrong one kept them."""
    give(course, "2", 3, "half right")
    hand_in(course, "2", handed, "another file")
    said = done(typed(course, "grade"))
    assert (
        "2: the score 3 for double does not count" in said.err and "assignment decide 2 --keep, or --drop" in said.err
    )
    assert (given(course, "2"), net(course, "2")) == ((None, None), mark)
    assert "half right" not in done(typed(course, "feedback")).out
    refused = typed(course, "export")
    assert refused.status == 1 and "2 decisions of an earlier hand-in not decided on again" in refused.err
    listed = done(typed(course, "decide")).out
    assert "2: the score 3 for double, given on the submission " in listed and "'half right'" in listed


@pytest.mark.parametrize(
    ("choice", "kept", "mark"), [("--keep", (3, "half right"), 5.5), ("--drop", (None, None), 6.5)]
)
def test_it_is_decided_on_once(
    choice: str, kept: tuple[float | None, str | None], mark: float, course: Course, typed: Type
) -> None:
    give(course, "2", 3, "half right")
    hand_in(course, "2", "right", "another file")
    done(typed(course, "grade"))
    done(typed(course, "decide", "2", choice))
    for words in (["grade"], ["grade", "--again"], ["export"]):
        assert done(typed(course, *words)).err == ""
        assert (given(course, "2"), net(course, "2")) == (kept, mark)
    assert done(typed(course, "decide")).out == "nothing waits\n"
    assert "nothing to decide" in typed(course, "decide", "2", choice).err


def test_the_same_file_again_has_its_score_again(course: Course, typed: Type) -> None:
    first = course.submitted("2", "tiny").read_bytes()
    give(course, "2", 3, "half right")
    hand_in(course, "2", "nothing", "another file")
    done(typed(course, "grade"))
    course.submitted("2", "tiny").write_bytes(first)
    done(typed(course, "grade"))
    assert given(course, "2") == (3, "half right")
    assert done(typed(course, "decide")).out == "nothing waits\n"


def test_a_waiver_is_of_one_hand_in(course: Course, typed: Type) -> None:
    """One for tqdm let torch through."""
    done(typed(course, "waive", "3", "--rule", "imports", "--why", "never used"))
    assert done(typed(course, "grade", "--again")).err == ""
    assert net(course, "3") == 6.5
    hand_in(course, "3", "breach", ", scipy")
    said = done(typed(course, "grade"))
    assert "3: the waiver of rule 'imports' does not count" in said.err
    assert net(course, "3") == 0
    assert "nobody has looked" in typed(course, "export").err
    done(typed(course, "decide", "3", "--keep"))
    assert net(course, "3") == 6.5
    assert done(typed(course, "export")).err == ""


def test_a_waiver_that_is_dropped_leaves_a_zero_to_look_at(course: Course, typed: Type) -> None:
    done(typed(course, "waive", "3", "--rule", "imports", "--why", "never used"))
    hand_in(course, "3", "breach", ", scipy")
    done(typed(course, "grade"))
    done(typed(course, "decide", "3", "--drop"))
    assert load(course).waived("3", "tiny") == {}
    assert "nobody has looked" in typed(course, "export").err
    done(typed(course, "confirm", "3"))
    assert done(typed(course, "export")).err == ""


def test_decide_wants_both_or_neither(course: Course, typed: Type) -> None:
    for words in (["decide", "2"], ["decide", "--keep"], ["decide", "2", "--keep", "--drop"]):
        assert "name the students and type --keep or --drop" in typed(course, *words).err
