"""Late work: what it costs by the course's settings, and that everything that shows a mark shows the same."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from assignment.course import Course
from assignment.errors import AssignmentError
from assignment.marking.breakdown import marks
from assignment.marking.gradebook import refresh_penalties, waive_rule
from assignment.marking.lateness import Lateness, handed_in
from assignment.workflow.classroom import annotated, graded, write_feedback, write_report
from assignment.workflow.grade import grade
from assignment.workflow.release import release
from assignment.workflow.returning import export_grades
from tests import ROOT
from tests.support import corpus, tiny
from tests.test_grade import nbgrader

pytestmark = pytest.mark.slow

DUE = "2026-11-08T23:59:59+08:00"  # 15:59:59 UTC
STUDENT, BREACH = "1042", "1043"  # both have 4 of 6.5 points; the second edited a given cell
Settings = dict[str, Any]


@pytest.fixture(scope="module")
def examined(tmp_path_factory: pytest.TempPathFactory) -> Course:
    """A graded class of two."""
    course = tiny.course(tmp_path_factory.mktemp("late") / "course")
    release(course, "tiny")
    notebook = tiny.read(course.release("tiny"))
    double = corpus.reference(tiny.read(course.source("tiny")))["double"]

    def edited(notebook: dict[str, Any]) -> None:
        given = next(cell for cell in notebook["cells"] if cell["id"] == "given-imports")
        given["source"] += "\nnear = lambda got, want: True"

    for student, edit in ((STUDENT, None), (BREACH, edited)):
        path = course.submitted(student, "tiny")
        path.parent.mkdir(parents=True)
        path.write_bytes(corpus.submission(notebook, {"double": double}, edit=edit))
    grade(course, "tiny", jobs=1)
    return course


@pytest.fixture
def course(examined: Course, tmp_path: Path) -> Course:
    """A copy of the graded class, for one test."""
    return tiny.copy_of(examined, tmp_path / "course")


def configure(course: Course, settings: Mapping[str, Any]) -> None:
    """Write the course's settings of late work."""
    lines = [f"c.LatePenalty.{name} = {value!r}\n" for name, value in settings.items()]
    (course.root / "nbgrader_config.py").write_text(tiny.CONFIG + "\n" + "".join(lines), encoding="utf-8")


def came(course: Course, student: str, at: str = "", marked: bool = False) -> None:
    """Say when a submission came, as fetch does, or only that it is marked late, as collect does."""
    folder = course.submitted(student, "tiny").parent
    record = {"late": marked, "submitted_at": at or None, "attachment": "1", "name": "Doe, Jane"}
    (folder / "canvas.json").write_text(json.dumps(record), encoding="utf-8")
    (folder / "timestamp.txt").unlink(missing_ok=True)
    if at:
        (folder / "timestamp.txt").write_text(at, encoding="utf-8")


def penalty(course: Course, student: str) -> float:
    """What nbgrader's gradebook takes off."""
    query = """select late_submission_penalty from submitted_notebook n join submitted_assignment a
        on n.assignment_id = a.id where a.student_id = ?"""
    database = sqlite3.connect(course.root / "gradebook.db")
    try:
        return float(database.execute(query, [student]).fetchone()[0] or 0.0)
    finally:
        database.close()


ONE = {"deadline": {"tiny": DUE}, "per_day": 1.0}
# name: (settings, when it came, marked late by Canvas) -> (points off, shown as late, days, words)
TABLE: dict[str, tuple[Settings, str, bool, float, bool, float, str]] = {
    "nothing is set": ({}, "2026-11-20 00:00:00 UTC", False, 0, False, 0, ""),
    "nothing is set, marked late": ({}, "", True, 0, True, 0, ""),
    "in time": (ONE, "2026-11-08 15:59:59 UTC", False, 0, False, 0, ""),
    "a second late": (ONE, "2026-11-08 16:00:00 UTC", False, 1, True, 0, "截止 2026-11-08 23:59，按 1 天计"),
    "a day late to the second": (ONE, "2026-11-09 15:59:59 UTC", False, 1, True, 1, "按 1 天计"),
    "a day and a second late": (ONE, "2026-11-09 16:00:00 UTC", False, 2, True, 1, "按 2 天计"),
    "another zone": (ONE, "2026-11-08T09:00:00-08:00", False, 1, True, 1 / 24, "按 1 天计"),
    "never more than the score": (ONE, "2026-12-24 00:00:00 UTC", False, 4, True, 45.33, "按 46 天计"),
    "capped": (ONE | {"most": 2.5}, "2026-12-24 00:00:00 UTC", False, 2.5, True, 45.33, "按 46 天计，最多扣 2.5 分"),
    "within the grace": (ONE | {"grace": 15.0}, "2026-11-08 16:14:59 UTC", False, 0, False, 0, ""),
    "after the grace": (ONE | {"grace": 15.0}, "2026-11-08 16:15:00 UTC", False, 1, True, 0.01, "按 1 天计"),
    "the grace moves the days": (ONE | {"grace": 15.0}, "2026-11-09 16:10:00 UTC", False, 1, True, 1.01, "按 1 天计"),
    "extended": (
        *(ONE | {"extensions": {"tiny": {STUDENT: 2}}}, "2026-11-10 12:00:00 UTC", True),
        *(0, False, 0, "截止 2026-11-10 23:59（已延期 2 天）"),
    ),
    "extended, and late": (
        *(ONE | {"extensions": {"tiny": {1042: 0.5}}}, "2026-11-09 12:00:00 UTC", True),
        *(1, True, 0.33, "截止 2026-11-09 11:59（已延期 0.5 天），按 1 天计"),
    ),
    "another's extension": (
        ONE | {"extensions": {"tiny": {"1": 9}}},
        "2026-11-09 12:00:00 UTC",
        False,
        1,
        True,
        0.83,
        "截止 2026-11-08 23:59，按 1 天计",
    ),
    "Canvas's mark gives way to the time": (ONE | {"flat": 3.0}, "2026-11-08 12:00:00 UTC", True, 0, False, 0, ""),
    "a mark without a time": (ONE | {"flat": 3.0}, "", True, 3, True, 0, ""),
    "a mark without a time, flagged": (ONE, "", True, 0, True, 0, ""),
    "a mark without a time, extended": (
        *(ONE | {"flat": 3.0, "extensions": {"tiny": {STUDENT: 2}}}, "", True),
        *(0, True, 0, "截止 2026-11-10 23:59（已延期 2 天）"),
    ),
    "no mark and no time": (ONE | {"flat": 3.0}, "", False, 0, False, 0, ""),
    "a time, and no deadline": ({"flat": 3.0, "per_day": 1.0}, "2026-11-20 00:00:00 UTC", True, 3, True, 0, ""),
    "the flat sum is no more than the score": ({"flat": 30.0}, "", True, 4, True, 0, ""),
}


@pytest.mark.parametrize("case", TABLE)
def test_what_lateness_costs_and_how_it_is_told(case: str, course: Course) -> None:
    settings, at, marked, off, late, days, words = TABLE[case]
    configure(course, settings)
    came(course, STUDENT, at, marked)
    refresh_penalties(course, "tiny")
    [one] = [standing for standing, _ in graded(course, "tiny") if standing.student == STUDENT]
    told = one.breakdown.late
    assert (penalty(course, STUDENT), told.late) == (off, late)
    assert told.days == pytest.approx(days, abs=0.01)
    assert words in told.words and bool(told.words) == bool(words)
    assert (one.breakdown.penalty, one.breakdown.net) == (off, 4 - off)


def test_settings_that_change_later_count_without_grading_again(course: Course) -> None:
    came(course, STUDENT, "2026-11-09 12:00:00 UTC")
    for settings, off in ((ONE, 1), (ONE | {"per_day": 2.0}, 2), (ONE | {"extensions": {"tiny": {STUDENT: 1}}}, 0)):
        configure(course, settings)
        run = grade(course, "tiny", jobs=1, only=[STUDENT])
        assert [(one.regraded, one.net) for one in run.grades] == [(False, 4 - off)]
        assert [one.student for one in run.changed] == [STUDENT]
    came(course, STUDENT, "")
    configure(course, ONE)
    assert grade(course, "tiny", jobs=1, only=[STUDENT]).grades[0].net == 4, "a time that is no longer known is none"


def test_the_score_of_a_new_submission_counts(course: Course) -> None:
    configure(course, ONE)
    path, notebook = course.submitted(STUDENT, "tiny"), tiny.read(course.release("tiny"))
    right = path.read_bytes()
    came(course, STUDENT, "2026-11-09 12:00:00 UTC")
    for data, net in ((corpus.submission(notebook, {}), 0), (right, 3)):
        path.write_bytes(data)
        assert [one.net for one in grade(course, "tiny", jobs=1, only=[STUDENT]).grades] == [net]


def test_points_that_a_person_gives_later_are_taken_off_too(course: Course) -> None:
    configure(course, ONE | {"per_day": 5.0})
    came(course, STUDENT, "2026-11-09 12:00:00 UTC")
    refresh_penalties(course, "tiny")
    assert penalty(course, STUDENT) == 4
    with course.gradebook() as gradebook:
        gradebook.find_grade("check-Counter-add", "tiny", "tiny", STUDENT).manual_score = 2.5
        gradebook.db.commit()
    refresh_penalties(course, "tiny")
    assert penalty(course, STUDENT) == 5
    assert marks(course, "tiny")[0][0].net == 1.5


def test_a_late_breach_is_zero_and_each_penalty_is_shown(course: Course) -> None:
    """A rule zero takes the whole maximum, whatever lateness took; waived, the lateness stays."""
    configure(course, ONE)
    came(course, BREACH, "2026-11-09 12:00:00 UTC")
    refresh_penalties(course, "tiny")
    assert penalty(course, BREACH) == 1 + 6.5
    [one] = [standing for standing, _ in graded(course, "tiny") if standing.student == BREACH]
    assert [(row.kind, row.points) for row in one.breakdown.rows] == [("auto", 4), ("late", -1), ("rules", -3)]
    waive_rule(course, "tiny", BREACH, "todo", why="误判，已核对", who="ta")
    assert penalty(course, BREACH) == 1
    [one] = [standing for standing, _ in graded(course, "tiny") if standing.student == BREACH]
    assert [(row.kind, row.points) for row in one.breakdown.rows] == [("auto", 4), ("late", -1)]
    write_feedback(course, "tiny")
    page = course.feedback(BREACH, "tiny").read_text(encoding="utf-8")
    assert "助教已豁免：误判，已核对" in page and "误判，已核对" in dict(annotated(course, "tiny"))[BREACH].decode()


def test_a_very_late_breach_that_was_waived_is_only_late(course: Course) -> None:
    configure(course, ONE | {"per_day": 99.0})
    came(course, BREACH, "2026-11-09 12:00:00 UTC")
    waive_rule(course, "tiny", BREACH, "todo", why="x", who="ta")
    with course.gradebook() as gradebook:  # full marks, all lost to lateness: as much as a zero takes
        gradebook.find_grade("check-Counter-add", "tiny", "tiny", BREACH).manual_score = 2.5
        gradebook.db.commit()
    refresh_penalties(course, "tiny")
    [one] = [standing for standing, _ in graded(course, "tiny") if standing.student == BREACH]
    taken = [(row.kind, row.points) for row in one.breakdown.rows if row.points < 0]
    assert taken == [("late", -6.5)]


def test_all_that_shows_the_mark_agrees(course: Course) -> None:
    configure(course, ONE | {"per_day": 0.5})
    came(course, STUDENT, "2026-11-10 12:00:00 UTC", marked=True)
    refresh_penalties(course, "tiny")
    write_feedback(course, "tiny")
    page = course.feedback(STUDENT, "tiny").read_text(encoding="utf-8")
    for words in ("迟交 1 天 20 小时", "截止 2026-11-08 23:59，按 2 天计", "提交于 2026-11-10 20:00 UTC+08:00", "−1"):
        assert words in page
    notebook = dict(annotated(course, "tiny"))[STUDENT].decode()
    assert "作业反馈：3 / 6.5 分" in notebook and "迟交扣分 迟交 1 天 20 小时 | −1" in notebook
    rows = json.loads(write_report(course, "tiny")["json"].read_text(encoding="utf-8"))["students"]
    assert [(r["net"], r["penalty"], r["days"]) for r in rows if r["student"] == STUDENT] == [(3, 1, 1.83)]
    roster = course.root / "gradebook.csv"
    roster.write_text(
        f'Student,ID,Section,tiny (7)\nPoints Possible,,,6.5\n"Doe, Jane",{STUDENT},A,\n', encoding="utf-8"
    )
    exported = export_grades(course, "tiny", roster)
    assert [(one.student, one.points) for one in exported.grades] == [(STUDENT, 3)]


def test_nbgrader_autograde_takes_off_the_same(course: Course) -> None:
    configure(course, ONE | {"flat": 0.5})
    came(course, STUDENT, "2026-11-10 12:00:00 UTC")
    came(course, BREACH, marked=True)
    grade(course, "tiny", jobs=1, again=True)
    ours = [penalty(course, student) for student in (STUDENT, BREACH)]
    assert ours == [2, 0.5 + 6.5]
    (course.root / "gradebook.db").unlink()
    shutil.rmtree(course.root / "autograded")
    nbgrader(course, "generate_assignment", "tiny", "--force")
    nbgrader(course, "autograde", "tiny", "--create")
    assert [penalty(course, student) for student in (STUDENT, BREACH)] == ours


def test_nbgraders_own_plugins_count_in_grade_too(course: Course) -> None:
    """With another plugin than ours, nbgrader's due date decides."""
    settings = 'c.AssignLatePenalties.plugin_class = "nbgrader.plugins.LateSubmissionPlugin"\n'
    settings += 'c.LateSubmissionPlugin.penalty_method = "zero"\n'
    (course.root / "nbgrader_config.py").write_text(tiny.CONFIG + settings, encoding="utf-8")
    came(course, STUDENT, "2026-11-09 12:00:00 UTC")
    refresh_penalties(course, "tiny")
    assert penalty(course, STUDENT) == 0
    with course.gradebook() as gradebook:
        gradebook.update_or_create_assignment("tiny", duedate="2026-11-09 11:59:59 UTC")
    refresh_penalties(course, "tiny")
    assert penalty(course, STUDENT) == 4


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        ({"deadline": {"tiny": "8 November"}}, "'8 November' is no time with its zone; write it like"),
        ({"deadline": {"tiny": "2026-11-08T23:59:59"}}, "is no time with its zone"),
        ({"deadline": {"tiny": 7}}, "7 is no time with its zone"),
        ({"deadline": {"tinny": DUE}}, "c.LatePenalty.deadline: no assignment tinny in source/"),
        ({"deadline": DUE}, "deadline"),
        ({"extensions": {"tinny": {"1042": 1}}}, "c.LatePenalty.extensions: no assignment tinny"),
        ({"extensions": {"tiny": {"1042": "2 days"}}}, "not a number of days for 1042"),
        ({"extensions": {"tiny": {"1042": -1}}}, "not a number of days for 1042"),
        ({"extensions": {"tiny": ["1042"]}}, "not a number of days"),
        ({"per_day": "ten"}, "per_day"),
        ({"grace": -1.0}, "grace"),
        ({"per_dya": 10.0}, "c.LatePenalty.per_dya: no such setting; there are deadline, extensions, flat, grace"),
    ],
)
def test_a_wrong_setting_is_named_before_anything_is_graded(settings: Settings, word: str, course: Course) -> None:
    configure(course, settings)
    with pytest.raises(AssignmentError, match=r"nbgrader_config\.py") as raised:
        grade(course, "tiny", jobs=1, again=True)
    assert word in str(raised.value) and "\n" not in str(raised.value)


def test_a_time_that_is_none_is_named(course: Course) -> None:
    came(course, STUDENT, "yesterday or so")
    with pytest.raises(AssignmentError, match=r"1042/tiny/timestamp.txt: 'yesterday or so' is no time; write it like"):
        grade(course, "tiny", jobs=1)
    for said in ("", "[1]", "{}", '{"submitted_at": null}'):
        folder = course.submitted(STUDENT, "tiny").parent
        (folder / "timestamp.txt").unlink(missing_ok=True)
        (folder / "canvas.json").write_text(said, encoding="utf-8")
        assert handed_in(folder) is None


def test_the_course_as_it_lies_there_takes_nothing_off() -> None:
    """Off by default: the commented lines of nbgrader_config.py are examples."""
    checkout = Course(ROOT)
    assert Lateness(checkout.config(), "rnn").due is None
    examples = [line[2:] for line in tiny.CONFIG.split("\n") if line.startswith("# c.LatePenalty.")]
    assert len(examples) == 6
    config = checkout.config()
    exec("\n".join(examples), {"c": config})
    assert Lateness(config, "rnn").due is not None
