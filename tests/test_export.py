"""Export: the CSV that Canvas imports gives each mark once and clears none; the feedback archive comes back."""

import csv
import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from assignment.canvas.files import read_gradebook
from assignment.course import Course
from assignment.errors import AssignmentError
from assignment.marking.breakdown import marks
from assignment.workflow.returning import export_feedback, export_grades
from tests.support.canvas_class import autograde, grade_class, hand_in, make_course, notebook
from tests.test_canvas_gradebook import canvas_import
from tests.test_canvas_names import described_context, token_context

ROSTER = """\
Student,ID,SIS Login ID,Section,Essay (1289),hw (1290)
    Points Possible,,,,10,{points}
"Doe, Jane",1,jane,A,9,
王小明,2,xiaoming,A,9,12.50
"=1+1",3,eve,A,9,EX
"Late, Lou",4,lou,B,9,N/A
"Nothing, Nat",5,nat,B,9,77
"Crash, Cy",6,cy,B,9,55
"Manual, Max",7,max,B,9,
"Zero, Zoe",8,zoe,B,9,
"Student, Test",9,test,A,9,
"""
CLASS = {
    # student: (automatic score of 60, manual score of 60, penalty)
    "1": (60.0, None, 0.0),
    "2": (30.25, None, 5.0),
    "3": (60.0, None, 0.0),
    "4": (60.0, None, 0.0),
    "6": (None, None, 0.0),
    "7": (0.0, 45.5, 0.0),
    "8": (10.0, None, 100.0),
    "9": (60.0, None, 0.0),
    "10": (60.0, None, 0.0),
    "anon_Xy9Qk": (60.0, None, 0.0),
}


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The gradebook of the class."""
    course = make_course(tmp_path_factory.mktemp("graded") / "course")
    grade_class(course, CLASS)
    return (course.root / "gradebook.db").read_bytes()


@pytest.fixture
def course(graded: bytes, tmp_path: Path) -> Course:
    course = make_course(tmp_path / "course")
    (course.root / "gradebook.db").write_bytes(graded)
    return course


def roster(tmp_path: Path, points: object = 100) -> Path:
    path = tmp_path / "roster.csv"
    path.write_text(ROSTER.format(points=points), encoding="utf-8")
    return path


def imported(path: Path, roster: Path) -> dict[str, str]:
    """Return what Canvas takes from the CSV: grade by user."""
    people = {student.user: student.name for student in read_gradebook(roster).students}
    return {user: grade for (user, _), grade in canvas_import(path.read_text("utf-8"), people, {"1290": "hw"}).items()}


def test_grades(course: Course, tmp_path: Path) -> None:
    made = export_grades(course, "hw", roster(tmp_path))
    assert made.path == course.root / "exported" / "hw" / "grades.csv"
    assert imported(made.path, tmp_path / "roster.csv") == {"1": "100", "2": "65.25", "7": "85.5", "8": "0"}
    assert {one.student: one.why for one in made.left_out} == {
        "3": "excused in Canvas",
        "4": "not assigned in Canvas",
        "6": "not graded yet; run: assignment grade",
        "9": "Canvas's Test Student: not imported",
        "10": "not in roster.csv",
        "anon_Xy9Qk": "handed in anonymously",
    }
    assert made.scaled is None
    assert [grade.student for grade in made.grades if grade.changed] == ["2"]


@pytest.mark.parametrize(
    ("points", "scaled", "jane", "xiaoming"),
    [
        (100, None, "100", "65.25"),
        (50, (100.0, 50.0), "50", "32.62"),
        (150, (100.0, 150.0), "150", "97.88"),
        ('"12,5"', (100.0, 12.5), "12.5", "8.16"),
        (0, None, "100", "65.25"),  # nothing to scale to
        ("", None, "100", "65.25"),
    ],
)
def test_scaled_to_points_possible(
    points: object, scaled: object, jane: str, xiaoming: str, course: Course, tmp_path: Path
) -> None:
    made = export_grades(course, "hw", roster(tmp_path, points))
    grades = imported(made.path, tmp_path / "roster.csv")
    assert (made.scaled, grades["1"], grades["2"]) == (scaled, jane, xiaoming)


def test_the_column_is_remembered_by_its_id(course: Course, tmp_path: Path) -> None:
    """Renamed in Canvas it is still found; a column that bears its old name is not taken."""
    path = roster(tmp_path)
    assert export_grades(course, "hw", path, column="Essay").column.id == "1289"
    assert export_grades(course, "hw", path).column.id == "1289"
    path.write_text(path.read_text("utf-8").replace("Essay (1289)", "Homework (1289)"), encoding="utf-8")
    assert export_grades(course, "hw", path).column.title == "Homework"
    path.write_text(path.read_text("utf-8").replace("(1289)", "(3)"), encoding="utf-8")
    before = course.exported("hw") / "grades.csv"
    text = before.read_text("utf-8")
    with pytest.raises(AssignmentError, match=r"no column with the id 1289, which was hw's so far; is it another"):
        export_grades(course, "hw", path)
    assert before.read_text("utf-8") == text
    assert export_grades(course, "hw", path, column="1290").column.id == "1290"


def test_another_homeworks_lone_column_is_not_taken(course: Course, tmp_path: Path) -> None:
    path = roster(tmp_path)
    path.write_text("Student,ID,Section,hw2 (1290)\nJane,1,A,\n")
    with pytest.raises(AssignmentError, match=r"no column for hw; choose one with --column ID: hw2 \(1290\)"):
        export_grades(course, "hw", path)


def test_no_existing_grade_is_cleared(course: Course, tmp_path: Path) -> None:
    made = export_grades(course, "hw", roster(tmp_path))
    rows = list(csv.reader(io.StringIO(made.path.read_text("utf-8-sig"))))
    assert rows[0] == ["Student", "ID", "Section", "hw (1290)"]
    assert all(row[3] for row in rows[1:])  # a blank cell would clear a grade
    assert not {"5", "6"} & {row[1] for row in rows}  # nothing handed in; not graded: they keep what they have


def test_the_table_opens_in_excel_and_in_canvas(course: Course, tmp_path: Path) -> None:
    data = export_grades(course, "hw", roster(tmp_path)).path.read_bytes()
    assert data.startswith(b"\xef\xbb\xbfStudent,ID,Section,hw (1290)\r\n")  # no quote behind the mark: no CSV to Ruby
    assert data.count(b"\n") == data.count(b"\r\n") and "王小明".encode() in data


def test_names_run_no_formula(course: Course, tmp_path: Path) -> None:
    path = roster(tmp_path)
    path.write_text(path.read_text("utf-8").replace("EX", "").replace(",A,", ",@A,"), encoding="utf-8")
    text = export_grades(course, "hw", path).path.read_text("utf-8")
    assert "'=1+1,3,'@A,100" in text
    assert "\n=" not in text


@pytest.mark.parametrize(
    ("verdict", "why"),
    [("crashed", "crashed (exit 139): grade it by hand"), ("unreadable", "unreadable"), ("graded", "not graded yet")],
)
def test_what_could_not_be_graded_says_why(verdict: str, why: str, course: Course, tmp_path: Path) -> None:
    hand_in(course, {"6": "Crash, Cy"})
    autograde(course, "6", verdict, "exit 139" if verdict == "crashed" else "")
    (left,) = [one for one in export_grades(course, "hw", roster(tmp_path)).left_out if one.student == "6"]
    assert left.why.startswith(why)


def test_graded_by_hand_after_a_crash_is_sent(course: Course) -> None:
    with course.gradebook() as gradebook:
        for grade in gradebook.find_submission_notebook("hw", "hw", "6").grades:
            grade.manual_score = 20
        gradebook.db.commit()
    assert {mark.student: mark.net for mark in marks(course, "hw")[0]}["6"] == 40


def test_handed_in_anew_or_never_graded(course: Course, tmp_path: Path) -> None:
    hand_in(course, {"1": "Doe, Jane", "2": "王小明", "11": "New, Ned"})
    for student in ("1", "2"):
        autograde(course, student)
    course.submitted("1", "hw").write_bytes(notebook("a second try"))
    sent, left = marks(course, "hw")
    assert "2" in {mark.student for mark in sent}
    reasons = {one.student: one.why for one in left}
    assert reasons["1"] == "handed in anew since it was graded; run: assignment grade"
    assert reasons["11"] == "not graded yet; run: assignment grade"


def test_without_roster_or_grades(course: Course, tmp_path: Path) -> None:
    with pytest.raises(AssignmentError, match="--roster"):
        export_grades(course, "hw")
    with pytest.raises(AssignmentError, match="nothing graded of essay"):
        export_grades(course, "essay", roster(tmp_path))
    with pytest.raises(AssignmentError, match="--column ID"):
        export_grades(course, "hw", roster(tmp_path), column="1288")


def annotated(course: Course) -> Iterator[tuple[str, bytes]]:
    """Something to give back to everybody but 6."""
    for student in course.students("hw"):
        if student != "6":
            yield student, json.dumps({"cells": [], "nbformat": 4, "student": student}).encode()


def test_feedback_archive(course: Course, tmp_path: Path) -> None:
    people = {"1": "Doe, Jane", "2": "王小明", "3": "45", "6": "Crash, Cy", "anon_Xy9Qk": ""}
    hand_in(course, people)
    (course.submitted("4", "hw").parent).mkdir(parents=True)  # put there by hand
    made = export_feedback(course, "hw", annotated(course))
    with zipfile.ZipFile(made.path) as archive:
        assert archive.testzip() is None
        entries = {name: json.loads(archive.read(name)) for name in archive.namelist()}
    for number, student in enumerate(people):
        if student == "6":
            continue
        name = made.files[student]
        assert described_context(name) == token_context(name) == (student, str(88000 + number))
        assert entries[name]["student"] == student
        assert name.endswith("_hw.ipynb")
    assert sorted(made.files.values()) == sorted(entries)
    reasons = {one.student: one.why for one in made.left_out}
    assert reasons["6"] == "not graded; run: assignment grade 6"
    assert "no canvas.json" in reasons["4"]


def test_feedback_archive_is_the_same_each_time(course: Course) -> None:
    hand_in(course, {"1": "Doe, Jane", "2": "王小明"})
    first = export_feedback(course, "hw", annotated(course)).path.read_bytes()
    made = export_feedback(course, "hw", annotated(course))
    assert made.path.read_bytes() == first
    assert [path.name for path in made.path.parent.glob("*.zip")] == ["feedback.zip"]


def test_feedback_of_an_older_hand_in_is_not_sent(course: Course) -> None:
    hand_in(course, {"1": "Doe, Jane"})
    autograde(course, "1")
    course.submitted("1", "hw").write_bytes(notebook("a second try"))
    made = export_feedback(course, "hw", annotated(course))
    assert made.files == {}
    assert "handed in anew" in made.left_out[0].why
