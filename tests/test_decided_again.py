"""What a person decided belongs to the hand-in it was decided on: on another one it is shown, not applied."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from assignment.course import Course
from assignment.marking import earlier
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


def waiting(course: Course, typed: Type) -> list[str]:
    """Return the students for whom something waits."""
    return [line.split()[0] for line in done(typed(course, "decide")).out.splitlines() if re.match(r"\d+  ", line)]


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
    assert ": the score 3 for double, given on the submission " in " ".join(listed.split()) and "'half right'" in listed
    assert "    assignment decide 2 --keep, or --drop\n" in listed


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
    assert waiting(course, typed) == ["4"]  # whose file is no notebook
    assert "nothing to decide" in typed(course, "decide", "2", choice).err


def test_the_same_file_again_has_its_score_again(course: Course, typed: Type) -> None:
    first = course.submitted("2", "tiny").read_bytes()
    give(course, "2", 3, "half right")
    hand_in(course, "2", "nothing", "another file")
    done(typed(course, "grade"))
    course.submitted("2", "tiny").write_bytes(first)
    done(typed(course, "grade"))
    assert given(course, "2") == (3, "half right")
    assert waiting(course, typed) == ["4"]  # whose file is no notebook


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


# --- awards and the ledger


def causes(course: Course, student: str) -> list[tuple[float | None, float | None, str]]:
    """What the ledger says, read without noting anything; it ends in the mark, as everything else reads it."""
    with Book(course, "tiny") as book:
        assert {student: book.ledger(student).mark() for student in book.marks()} == book.marks()
        return [(change.old, change.new, change.cause) for change in book.ledger(student).history()]


@pytest.mark.parametrize(
    ("words", "marks"),
    [
        (["2", "double", "1.5"], {"1": 6.5, "2": 1.5, "3": 0}),
        (["jane", "elizabeth", "double", "1.5"], {"2": 1.5}),  # two words of one name
        (["1", "王小明", "double", "2"], {"1": 6.5}),  # no more than the exercise is worth
        (["--all", "double", "4"], {"1": 6.5, "2": 4, "3": 0}),  # a broken rule stays a zero
    ],
)
def test_an_award_adds_points_and_no_more_than_there_are(
    words: list[str], marks: dict[str, float], course: Course, typed: Type
) -> None:
    done(typed(course, "award", *words, "--why", "the hidden test was wrong"))
    for again in (["grade"], ["grade", "--again"], ["export"]):
        done(typed(course, *again))
        assert {student: net(course, student) for student in marks} == marks


def test_who_has_all_points_is_left_alone(course: Course, typed: Type) -> None:
    """Their next hand-in would wait for a decision on points that never were."""
    said = done(typed(course, "award", "--all", "double", "2", "--why", "x")).out
    assert said == "2: double +2, the mark is 2 now\n2 students with all points of double: left as they are\n"
    assert done(typed(course, "award", "1", "double", "2", "--why", "x")).out == (
        "1: has all points of double, left as they are\n"
    )
    assert [d.student for d in load(course).of("tiny").values() if d.decision == "awarded"] == ["2"]
    done(typed(course, "award", "--all", "double", "4", "--why", "x"))  # in the place of the first
    assert net(course, "2") == 4
    assert "2: double +1, the mark is 1 now" in done(typed(course, "award", "2", "double", "1", "--why", "x")).out


def test_an_award_is_in_everything_that_shows_a_mark(course: Course, typed: Type) -> None:
    give(course, "2", 1, None)
    assert (
        "2: double +2, the mark is 3 now" in done(typed(course, "award", "2", "double", "2", "--why", "对了一半")).out
    )
    for words in (["report"], ["feedback"], ["export"]):
        done(typed(course, *words))
    page = course.feedback("2", "tiny").read_text(encoding="utf-8")
    assert "助教加分" in page and "double：对了一半" in page and "+2" in page
    report = json.loads((course.exported("tiny") / "report.json").read_text(encoding="utf-8"))
    [row] = [row for row in report["students"] if row["student"] == "2"]
    assert (row["net"], row["checks"]["double"]["score"], row["auto"]) == (3, 3, 0)
    assert "2,A,3" in (course.exported("tiny") / "grades.csv").read_text(encoding="utf-8")
    said = done(typed(course, "history", "2")).out
    assert "0 -> 1  by hand" in said and "1 -> 3  award (" in said and "double +2: 对了一半" in said


def test_a_second_award_takes_the_place_of_the_first_and_undo_takes_it_back(course: Course, typed: Type) -> None:
    for more, mark in (("1", 1), ("3", 3), ("2", 2)):
        done(typed(course, "award", "2", "double", more, "--why", "x"))
        assert net(course, "2") == mark
    done(typed(course, "award", "2", "double", "--undo", "--who", "lin"))
    assert net(course, "2") == 0
    assert "2 -> 0  award (lin)" in done(typed(course, "history", "2")).out
    assert "nothing to undo" in typed(course, "award", "2", "double", "--undo").err
    assert [row[:2] for row in causes(course, "2")] == [(None, 0), (0, 1), (1, 3), (3, 2), (2, 0)]


def test_an_award_is_of_one_hand_in(course: Course, typed: Type) -> None:
    done(typed(course, "award", "2", "double", "1", "--why", "x"))
    hand_in(course, "2", "nothing", "another file")
    said = done(typed(course, "grade"))
    assert "2: the award of 1 point for double does not count" in said.err and net(course, "2") == 0
    assert causes(course, "2")[-1] == (1, 0, "graded, another hand-in")  # one step, never above what there is
    assert "not decided on again" in typed(course, "export").err
    for choice, mark in (("--keep", 1), ("--undo", 0), ("--drop", 0), ("--undo", 0), ("--keep", 1)):
        done(typed(course, "decide", "2", choice))
        assert net(course, "2") == mark, choice
        assert ("2" not in waiting(course, typed)) == (choice != "--undo")


def test_extra_credit_and_a_score_by_hand_are_decided_on_and_undone(course: Course, typed: Type) -> None:
    """Extra credit of formgrader stayed on every later hand-in."""
    with course.gradebook() as gradebook:
        gradebook.find_grade(CELL, "tiny", "tiny", "2").extra_credit = 0.5
        gradebook.db.commit()
    give(course, "2", 3, "half right")
    hand_in(course, "2", "nothing", "another file")
    assert "the score 3 and the extra credit 0.5 for double does not count" in done(typed(course, "grade")).err
    for choice, mark in (("--keep", 3.5), ("--undo", 0), ("--drop", 0), ("--undo", 0)):
        done(typed(course, "decide", "2", choice))
        assert net(course, "2") == mark, choice


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["2", "double", "2"], "needs a reason"),
        (["2", "triple", "2", "--why", "x"], "there are double, Counter.add"),
        (["2", "double", "5", "--why", "x"], "double is worth 4 points"),
        (["2", "double", "much", "--why", "x"], "'much' is no number of points"),
        (["4", "double", "2", "--why", "x"], "has no mark that points could be added to"),
        (["2", "4", "double", "2", "--why", "x"], "has no mark that points could be added to"),
        (["77", "double", "2", "--why", "x"], "77: handed in nothing"),
        (["double", "2", "--why", "x"], "type the students"),
        (["2", "--all", "double", "2", "--why", "x"], "type the students"),
    ],
)
def test_what_is_no_award_is_refused_and_nothing_written(
    words: list[str], why: str, course: Course, typed: Type
) -> None:
    before = (course.root / "waivers.toml").read_bytes()
    said = typed(course, "award", *words)
    assert said.status == 1 and why in said.err
    assert (course.root / "waivers.toml").read_bytes() == before and net(course, "2") == 0


def test_each_decision_can_be_undone(course: Course, typed: Type) -> None:
    done(typed(course, "confirm", "3", "--undo"))
    assert "nobody has looked" in typed(course, "export").err
    done(typed(course, "waive", "ng", "--rule", "imports", "--why", "never used"))
    assert (net(course, "3"), typed(course, "export").status) == (6.5, 0)
    done(typed(course, "waive", "3", "--rule", "imports", "--undo", "--who", "lin"))
    assert "6.5 -> 0  rules (lin)" in done(typed(course, "history", "3")).out
    assert net(course, "3") == 0 and "nobody has looked" in typed(course, "export").err
    assert "nothing to undo" in typed(course, "waive", "3", "--rule", "imports", "--undo").err
    assert "nothing to undo" in typed(course, "confirm", "3", "--undo").err


def test_the_ledger_tells_every_change_of_a_mark(course: Course, typed: Type) -> None:
    done(typed(course, "waive", "3", "--rule", "imports", "--why", "never used", "--who", "lin"))
    config = course.root / "nbgrader_config.py"
    config.write_text(config.read_text("utf-8") + "\nc.LatePenalty.flat = 1.0\n", encoding="utf-8")
    done(typed(course, "report"))
    give(course, "3", 2, None)
    hand_in(course, "3", "right", "another file")
    done(typed(course, "grade"))
    done(typed(course, "decide", "3", "--keep"))
    told = causes(course, "3")
    assert told == [
        (None, 6.5, "graded"),
        (6.5, 0, "rules"),
        (0, 6.5, "rules"),
        (6.5, 4.5, "by hand"),
        (4.5, 6.5, "graded, another hand-in"),
        (6.5, 4.5, "decide"),
    ]
    said = done(typed(course, "history", "3")).out
    assert "0 -> 6.5  rules (lin)" in said and "imports waived: never used" in said
    assert (0.0, 0, "lateness") not in told and causes(course, "2") == [(None, 0, "graded")]


def test_the_ledger_is_in_the_transaction_of_the_mark(course: Course, monkeypatch: pytest.MonkeyPatch) -> None:
    """A kill before the commit loses both, one after it neither."""
    with Book(course, "tiny") as book, pytest.raises(KeyboardInterrupt):
        monkeypatch.setattr(book.gradebook.db, "commit", lambda: (_ for _ in ()).throw(KeyboardInterrupt))
        book.gradebook.find_grade(CELL, "tiny", "tiny", "2").auto_score = 1
        result = earlier(course, "tiny", "2")
        assert result is not None
        book.penalise("2", result)
    assert (net(course, "2"), causes(course, "2")) == (0, [(None, 0, "graded")])


def test_all_that_waits_is_on_one_screen(course: Course, typed: Type) -> None:
    """Broken rules, old decisions, submissions without a mark: each with its name and what to type."""
    give(course, "2", 3, "half right")
    hand_in(course, "2", "right", "another file")
    hand_in(course, "3", "breach", ", scipy")
    done(typed(course, "grade"))
    listed = done(typed(course, "decide")).out
    assert waiting(course, typed) == ["3", "2", "2", "4"]
    assert 'assignment confirm 3\n    assignment waive 3 --rule imports --why "…"' in listed
    assert "no mark: unreadable" in listed and "ask for the file again, or grade 4 by hand" in listed
    assert listed.endswith("\n4 in all\n")
