"""Grading a class: what is due, who keeps what, kills at random moments, and nbgrader's own command beside ours."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from itertools import count
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbgrader.api import Gradebook

from assignment.course import Course
from assignment.errors import AssignmentError
from assignment.grading.examiner import Examiner
from assignment.marking.decisions import confirm_zero, refuse_unseen, unseen
from assignment.marking.gradebook import waive_rule
from assignment.workflow.grade import Graded, grade
from assignment.workflow.new import copy_course
from assignment.workflow.release import release as make_release
from tests.support import corpus, tiny

pytestmark = pytest.mark.slow  # the command line's own tests grade a small class in a quick run too

Notebook = dict[str, Any]
Sources = dict[str, str]
SOFTMAX = "temporal_softmax_loss"


def hand_in(course: Course, student: str, data: bytes, name: str = "rnn") -> None:
    path = course.submitted(student, name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def five(course: Course, name: str, left_out: str) -> Course:
    """Hand in for five students: right, one exercise missing, nothing done, not a notebook, another package."""
    release, reference = tiny.read(course.release(name)), corpus.reference(tiny.read(course.source(name)))
    hand_in(course, "1", corpus.submission(release, reference), name)
    hand_in(course, "2", corpus.submission(release, {k: v for k, v in reference.items() if k != left_out}), name)
    hand_in(course, "3", corpus.submission(release, {}), name)
    hand_in(course, "4", b"not a notebook", name)
    imports = {left_out: "import scipy\n" + reference[left_out]}
    hand_in(course, "5", corpus.submission(release, {**reference, **imports}), name)
    return course


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Course:
    """The five of the tiny homework, not graded yet; tests take copies."""
    course = tiny.course(tmp_path_factory.mktemp("small") / "course")
    make_release(course, "tiny")
    (course.root / "gradebook.db").unlink()  # to be laid out by the first grade, as in a new checkout
    return five(course, "tiny", "double")


@pytest.fixture
def klass(small: Course, tmp_path: Path) -> Course:
    """The five of the tiny homework, not graded yet."""
    return tiny.copy_of(small, tmp_path / "klass")


@pytest.fixture(scope="module")
def graded(small: Course, tmp_path_factory: pytest.TempPathFactory) -> Course:
    """The five of the tiny homework, graded; tests take copies."""
    course = tiny.copy_of(small, tmp_path_factory.mktemp("graded") / "course")
    grade(course, "tiny", jobs=1)
    return course


@pytest.fixture
def five_marks(graded: Course, tmp_path: Path) -> Course:
    """A graded class of the tiny homework, of the test's own, where it is about decisions and files."""
    return tiny.copy_of(graded, tmp_path / "five")


@pytest.fixture(scope="module")
def once(checkout: Course, tmp_path_factory: pytest.TempPathFactory) -> tuple[Course, Graded]:
    """The five graded, one after the other, and what that run said; tests take copies."""
    course = five(copy_course(checkout, tmp_path_factory.mktemp("once")), "rnn", SOFTMAX)
    return course, grade(course, "rnn", jobs=1)


@pytest.fixture
def marked(once: tuple[Course, Graded], tmp_path: Path) -> Course:
    """A graded class of the test's own."""
    shutil.copytree(once[0].root, tmp_path / "marked")
    return Course(tmp_path / "marked")


def scores(course: Course) -> dict[tuple[str, str], tuple[Any, ...]]:
    """Everything that nbgrader's gradebook says of grades."""
    query = """select sa.student_id, cell.name, g.auto_score, g.manual_score, g.needs_manual_grade,
        sn.late_submission_penalty from grade g join submitted_notebook sn on g.notebook_id = sn.id
        join submitted_assignment sa on sn.assignment_id = sa.id join base_cell cell on g.cell_id = cell.id"""
    database = sqlite3.connect(course.root / "gradebook.db")
    try:
        return {row[:2]: row[2:] for row in database.execute(query)}
    finally:
        database.close()


def total(course: Course, student: str) -> float:
    return sum(row[0] or 0 for (who, _), row in scores(course).items() if who == student)


def test_a_class(once: tuple[Course, Graded], marked: Course) -> None:
    assert {g.student: (g.result.verdict, g.result.score, g.result.net) for g in once[1].grades} == {
        "1": ("graded", 100.0, 100.0),
        "2": ("graded", 88.0, 88.0),
        "3": ("graded", 0.0, 0.0),
        "4": ("unreadable", 0.0, 0.0),
        "5": ("graded", 88.0, 0.0),
    }
    assert all(g.regraded for g in once[1].grades)
    assert [total(marked, student) for student in "123"] == [100, 88, 0]
    assert all(row[0] is None and row[2] for (who, _), row in scores(marked).items() if who == "4")
    assert {row[-1] for (who, _), row in scores(marked).items() if who == "5"} == {100.0}
    assert marked.submitted("4", "rnn").read_bytes() == b"not a notebook"

    second = grade(marked, "rnn")
    assert not any(g.regraded for g in second.grades) and not second.changed
    assert len(list(marked.backups().iterdir())) == 1  # there was nothing to copy the first time


def test_only_what_changed_is_graded_again(marked: Course, release: Notebook, reference: Sources) -> None:
    hand_in(marked, "3", corpus.submission(release, {k: v for k, v in reference.items() if k != SOFTMAX}))
    graded = grade(marked, "rnn", only=["1", "3"])
    assert {g.student: g.regraded for g in graded.grades} == {"1": False, "3": True}
    assert [(g.student, g.before, g.result.score) for g in graded.changed] == [("3", 0.0, 88.0)]
    with pytest.raises(AssignmentError, match="nothing from 77"):
        grade(marked, "rnn", only=["77"])


def test_a_persons_mark_survives_every_regrade(five_marks: Course) -> None:
    with five_marks.gradebook() as gradebook:
        cell = gradebook.find_grade("check-double", "tiny", "tiny", "2")
        cell.manual_score, cell.needs_manual_grade = 3.5, False
        gradebook.db.commit()
    grade(five_marks, "tiny", only=["2"], again=True)
    assert scores(five_marks)["2", "check-double"][:2] == (0.0, 3.5)


def test_no_zero_goes_out_unseen_and_a_waiver_lifts_it_for_good(five_marks: Course) -> None:
    assert unseen(five_marks, "tiny") == {"5": ["imports"]}
    with pytest.raises(AssignmentError, match="nobody has looked"):
        refuse_unseen(five_marks, "tiny")
    assert confirm_zero(five_marks, "tiny", "5", who="ta") == (["imports"], [])
    assert confirm_zero(five_marks, "tiny", "5", who="ta") == ([], ["imports"])
    refuse_unseen(five_marks, "tiny")
    data = five_marks.submitted("5", "tiny").read_bytes()
    hand_in(five_marks, "5", data.replace(b"import scipy", b"import torch"), "tiny")
    grade(five_marks, "tiny", only=["5"])
    assert unseen(five_marks, "tiny") == {"5": ["imports"]}, "other evidence must be looked at again"
    assert waive_rule(five_marks, "tiny", "5", "imports", why="tried it out", who="ta") == 2.5
    for _ in range(2):
        assert unseen(five_marks, "tiny") == {}
        assert {row[-1] for (who, _), row in scores(five_marks).items() if who == "5"} == {None}
        grade(five_marks, "tiny", only=["5"], again=True)


def test_nothing_to_grade_is_said(course: Course) -> None:
    with pytest.raises(AssignmentError, match="collect them first"):
        grade(course, "rnn")


def test_jobs_and_order_make_no_difference(marked: Course) -> None:
    alone = scores(marked), {s: stripped(marked, s) for s in "12345"}  # they were graded with one job
    grade(marked, "rnn", jobs=3, again=True)
    assert (scores(marked), {s: stripped(marked, s) for s in "12345"}) == alone


@pytest.mark.parametrize(
    "entrance", ["assignment.workflow.grade", "assignment.workflow.pool", "assignment.plugins.steps"]
)
def test_checks_compute_in_one_thread(entrance: str) -> None:
    work = "a = np.ones((600, 600)); a @ a; print(os.listdir('/proc/self/task'))"
    code = f"import os, {entrance}, numpy as np; {work}"
    environment = {name: value for name, value in os.environ.items() if not name.endswith("_NUM_THREADS")}
    said = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert len(said.stdout.split()) == 1


def test_a_folder_without_its_notebook_stops_nobody(five_marks: Course) -> None:
    for student in ("3", "4"):
        five_marks.submitted(student, "tiny").unlink()
    os.mkfifo(five_marks.submitted("4", "tiny"))  # nobody writes into it: to read it would take for ever
    reasons = {"3": "there is no tiny.ipynb in its folder", "4": "it is not a file"}
    for regraded in (set(reasons), set[str]()):  # the second time they are known
        graded = grade(five_marks, "tiny").grades
        assert {g.student: g.result.reason for g in graded if g.net is None} == reasons
        assert {g.student for g in graded if g.regraded} == regraded


def stripped(course: Course, student: str) -> Notebook:
    """An autograded notebook without the time it took."""
    notebook: Notebook = nbformat.read(course.autograded(student, "rnn"), as_version=4)  # texts as one string or lists
    del notebook["metadata"]["assignment"]["result"]["seconds"]
    return notebook


def test_nbgrader_autograde_gives_the_same_gradebook(marked: Course) -> None:
    ours = scores(marked), {s: stripped(marked, s) for s in "1235"}
    (marked.root / "gradebook.db").unlink()
    shutil.rmtree(marked.root / "autograded")
    nbgrader(marked, "generate_assignment", "rnn", "--force")
    nbgrader(marked, "autograde", "rnn", "--create")
    assert scores(marked) == ours[0]
    assert {s: stripped(marked, s) for s in "1235"} == ours[1]
    nbgrader(marked, "generate_feedback", "rnn")
    page = marked.feedback("2", "rnn").read_text(encoding="utf-8")
    assert "88" in page and "HIDDEN" not in page


def test_nbgrader_validates_the_master_and_not_the_release(course: Course) -> None:
    assert "Success" in nbgrader(course, "validate", str(course.source("rnn")))
    assert "fail" in nbgrader(course, "validate", str(course.release("rnn"))).lower()


def nbgrader(course: Course, *words: str) -> str:
    """Run nbgrader as a TA would. Fails the test if it fails."""
    tools = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # nbgrader calls alembic by its name
    environment = {
        **os.environ,
        "PATH": tools,
        "JUPYTER_CONFIG_DIR": str(course.root / ".jupyter"),
        "IPYTHONDIR": str(course.root / ".ipython"),
    }
    command = [sys.executable, "-m", "nbgrader", *words]
    done = subprocess.run(command, cwd=course.root, env=environment, capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.mark.parametrize("saved", [0, 3])
def test_stopped_while_the_gradebook_is_laid_out(klass: Course, monkeypatch: pytest.MonkeyPatch, saved: int) -> None:
    """nbgrader saves what it knows of a cell in several steps, the source last."""
    original, calls = Gradebook.update_or_create_source_cell, count()

    def stops(self: Gradebook, *args: Any, **more: Any) -> Any:
        if next(calls) >= saved:
            raise KeyboardInterrupt
        return original(self, *args, **more)

    with monkeypatch.context() as stopped, pytest.raises(KeyboardInterrupt):
        stopped.setattr(Gradebook, "update_or_create_source_cell", stops)
        grade(klass, "tiny", only=["1"])
    [graded] = grade(klass, "tiny", only=["1"]).grades
    assert (graded.net, graded.regraded) == (6.5, True)


@pytest.mark.parametrize("jobs", [1, 3])  # of one process that dies, the others of the class are already in the queue
def test_an_examiner_that_dies_costs_one_verdict(jobs: int, klass: Course, monkeypatch: pytest.MonkeyPatch) -> None:
    original = Examiner.examine_file

    def dies(self: Examiner, path: Path) -> Any:
        if path.parent.parent.name == "2":
            os._exit(9)
        return original(self, path)

    monkeypatch.setattr(Examiner, "examine_file", dies)
    graded = grade(klass, "tiny", jobs, only=["1", "2", "3"])
    assert {g.student: g.result.verdict for g in graded.grades} == {"1": "graded", "2": "crashed", "3": "graded"}


@pytest.mark.usefixtures("few_mistakes")
def test_a_correction_in_mid_term_harms_nobody(course: Course, release: Notebook, reference: Sources) -> None:
    before = release["metadata"]["assignment"]["release"]
    text = course.source_text("rnn")
    source = text.read_text(encoding="utf-8")
    corrected = source.replace("import numpy as np\n", "import numpy as np\n\nCORRECTED = True\n", 1)
    text.write_text(corrected, encoding="utf-8")
    after = make_release(course, "rnn").release
    assert after != before
    new = json.loads(course.release("rnn").read_text(encoding="utf-8"))
    hand_in(course, "1", corpus.submission(release, reference))
    hand_in(course, "2", corpus.submission(new, reference))
    results = {g.student: g.result for g in grade(course, "rnn").grades}
    assert {student: result.release for student, result in results.items()} == {"1": before, "2": after}
    assert all(result.net == 100.0 and not result.rules for result in results.values())
