"""What is broken on disk costs one line that names it and the remedy, and nobody else's marks."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text

from assignment import course as ground
from assignment.course import Course, database_error, replace_file
from assignment.errors import AssignmentError
from assignment.marking.gradebook import Book
from tests.support import tiny
from tests.support.canvas_class import pack
from tests.test_cli import COMMAND, ENVIRONMENT, Type, handed_in, klass, typed

__all__ = ["handed_in", "klass", "typed"]  # fixtures

OLD = "CREATE TABLE student (id VARCHAR(128) PRIMARY KEY, first_name VARCHAR(128), last_name VARCHAR(128))"
Breaks = Callable[[Course], None]


@pytest.fixture
def course(klass: Course, tmp_path: Path) -> Course:
    """A graded class of four, for one test."""
    return tiny.copy_of(klass, tmp_path / "course")


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait a moment only for another program to let go of the gradebook."""
    monkeypatch.setattr(ground, "PATIENCE", 0.3)


def one_error(status: int, err: str) -> str:
    """Return the one line on stderr."""
    assert status == 1, err
    assert err.startswith("error: ") and err.count("\n") == 1, err
    return err


# --- the gradebook


@pytest.mark.parametrize("lock", ["BEGIN EXCLUSIVE", "BEGIN IMMEDIATE"])
@pytest.mark.parametrize("verb", ["grade", "report", "collect"])
def test_a_gradebook_that_another_program_holds(lock: str, verb: str, course: Course, typed: Type) -> None:
    words = [verb, "submissions.zip", "--roster", "gradebook.csv"] if verb == "collect" else [verb]
    with closing(sqlite3.connect(course.root / "gradebook.db", isolation_level=None)) as other:
        other.execute(lock)
        said = typed(course, *words)
    line = one_error(said.status, said.err)
    assert "gradebook.db: another program holds it (waited 0.3 s), perhaps formgrader" in line
    assert "backups/" not in line
    assert typed(course, *words).status == 0  # nothing was harmed


def test_a_second_grade_says_that_it_waits_for_the_first(course: Course) -> None:
    with (course.root / "nbgrader_config.py").open("rb") as first:
        fcntl.flock(first, fcntl.LOCK_EX)
        second = subprocess.Popen(
            [*COMMAND, "grade"],
            cwd=course.root,
            env=ENVIRONMENT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert second.stderr is not None
        assert "another `assignment grade` is at work in this course" in second.stderr.readline()
    assert "0 graded now" in second.communicate(timeout=60)[0] and second.returncode == 0


def test_a_gradebook_of_an_older_nbgrader(course: Course, typed: Type) -> None:
    (course.root / "gradebook.db").unlink()
    with closing(sqlite3.connect(course.root / "gradebook.db")) as old:
        old.execute(OLD)
    line = one_error(*typed(course, "grade")[::2])
    assert "made by an older nbgrader" in line and line.endswith("run: nbgrader db upgrade\n")


def test_a_damaged_gradebook_is_the_one_to_be_replaced(course: Course, typed: Type) -> None:
    (course.root / "gradebook.db").write_bytes(b"x" * 10_000)
    line = one_error(*typed(course, "grade")[::2])
    assert "damaged (file is not a database); put the newest copy from backups/ in its place" in line


@pytest.mark.parametrize("verb", ["grade", "report", "feedback"])
def test_a_gradebook_that_is_gone(verb: str, course: Course, typed: Type) -> None:
    """Begun anew, it would lack every score that a person gave."""
    newest = sorted(course.backups().glob("*.db"))[-1].name if any(course.backups().glob("*.db")) else ""
    if not newest:
        course.backups().mkdir(exist_ok=True)
        newest = "gradebook-20261103-120000-000000.db"
        shutil.copy(course.root / "gradebook.db", course.backups() / newest)
    (course.root / "gradebook.db").unlink()
    line = one_error(*typed(course, verb)[::2])
    assert "gradebook.db: is gone, with every score that was given by hand; put the newest copy" in line
    assert f"cp backups/{newest} gradebook.db" in line and "grade --fresh" in line
    assert not (course.root / "gradebook.db").exists()
    assert typed(course, "grade", "--fresh").status == 0
    with Book(course, "tiny") as book:
        assert set(book.marks()) == {"1", "2", "3", "4"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("database is locked", "another program holds it"),
        ("database table is locked", "another program holds it"),
        ("no such column: student.lms_user_id", "nbgrader db upgrade"),
        ("database or disk is full", "free some space"),
        ("attempt to write a readonly database", "may be written by you"),
        ("unable to open database file", "may be written by you"),
        ("file is not a database", "backups/"),
        ("database disk image is malformed", "backups/"),
        ("disk I/O error", "run this again"),
    ],
)
def test_what_a_database_says(text: str, words: str) -> None:
    line = str(database_error(Path("gradebook.db"), sqlite3.OperationalError(text)))
    assert line.startswith("gradebook.db: ") and words in line
    assert ("backups/" in line) == (words == "backups/"), "only a damaged gradebook gives way to a copy"


# --- files


def test_a_disk_that_fills_up_under_the_gradebook(course: Course, capfd: pytest.CaptureFixture[str]) -> None:
    """nbgrader made another error of it, which was called a fault of this program, below a traceback."""
    full = pytest.raises(AssignmentError, match=r"gradebook\.db: the disk is full; free some space")
    with full, Book(course, "tiny") as book:
        book.gradebook.db.execute(text("PRAGMA max_page_count = 1"))  # no page more than there are
        for number in range(100):
            book.gradebook.update_or_create_student(f"{number}", first_name="x" * 1000)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EACCES])
def test_a_file_that_cannot_be_written_leaves_nothing_behind(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = Path.write_bytes

    def half(path: Path, data: bytes) -> int:
        whole(path, data[:1])
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(Path, "write_bytes", half)
    with pytest.raises(AssignmentError, match=r"page.html: cannot be written \(.*\); (free some space|see that)"):
        replace_file(tmp_path / "page.html", b"page")
    assert list(tmp_path.iterdir()) == []


def in_the_way(place: str) -> Breaks:
    """Put a file where a folder belongs: root, as whom tests may run, could write into a read-only folder."""

    def breaks(course: Course) -> None:
        path = course.root / place
        shutil.rmtree(path, ignore_errors=True)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")

    return breaks


def test_a_folder_in_which_grade_cannot_write(course: Course, typed: Type) -> None:
    in_the_way("autograded/2")(course)
    said = typed(course, "grade", "--again")
    assert "autograded/2/tiny/tiny.ipynb: cannot be written (Not a directory)" in one_error(said.status, said.err)
    assert "4 submissions, 4 graded now" in said.out
    (course.root / "autograded" / "2").unlink()
    assert typed(course, "grade").status == 0


def test_a_folder_in_which_feedback_cannot_write(course: Course, typed: Type) -> None:
    in_the_way("feedback/2")(course)
    said = typed(course, "feedback")
    line = one_error(said.status, said.err)
    assert "feedback/2/tiny/tiny.html: cannot be written (Not a directory); see that" in line
    assert sorted(page.parts[-3] for page in course.root.glob("feedback/*/tiny/tiny.html")) == ["1", "3", "4"]


@pytest.mark.parametrize("broken", [b"", b"{", b"\xff", b"[" * 100_000, b"[]", b'{"metadata": {"assignment": 1}}'])
@pytest.mark.parametrize("verb", ["report", "feedback"])
def test_one_broken_autograded_notebook(broken: bytes, verb: str, course: Course, typed: Type) -> None:
    course.autograded("2", "tiny").write_bytes(broken)
    said = typed(course, verb)
    line = one_error(said.status, said.err)
    assert line == "error: autograded/2/tiny/tiny.ipynb: damaged, left out; run: assignment grade 2\n"
    if verb == "feedback":
        assert sorted(page.parts[-3] for page in course.root.glob("feedback/*/tiny/tiny.html")) == ["1", "3", "4"]
    assert typed(course, "grade", "2").status == 0
    assert typed(course, verb).status == 0


def test_a_text_in_source_that_is_no_utf8(course: Course, typed: Type) -> None:
    (course.root / "source" / "notes.py").write_bytes("# M\xfcller\n".encode("latin-1"))
    assert typed(course, "report").status == 0
    (course.root / "source" / "other.py").write_bytes("# %% prose a [markdown]\n# M\xfcller\n".encode("latin-1"))
    line = one_error(*typed(course, "build", "--assignment", "other")[::2])
    assert "source/other.py: " in line and "UTF-8" in line


@pytest.mark.parametrize(
    ("verb", "key"),
    [
        ("grade", b""),
        ("grade", b"secret"),
        ("grade", b"0123456789abcdef" * 4 + b"x"),
        ("check submissions.zip", b"\n"),
        ("compare", b"a" * 63),
        ("release", b"\xff" * 64),
    ],
)
def test_a_secret_that_could_be_guessed(verb: str, key: bytes, course: Course, typed: Type) -> None:
    """An empty one gave hidden data that everybody can draw."""
    (course.root / "secret.key").write_bytes(key)
    said = typed(course, *verb.split())
    assert "secret.key: must hold 64 hexadecimal digits" in one_error(said.status, said.err)
    assert (course.root / "secret.key").read_bytes() == key


def test_a_secret_that_is_lost_is_another(course: Course, typed: Type) -> None:
    (course.root / "secret.key").unlink()
    assert "4 graded now" in typed(course, "grade").out
    (course.root / "secret.key").write_text((course.root / "secret.key").read_text("ascii") + "\r\n")
    assert "0 graded now" in typed(course, "grade").out


@pytest.mark.parametrize("folder", [b"\x1b[31mred", b"new\nline", b"\xff\xfe", b"<b>bold", b"[bold]", b"a&b"])
def test_a_folder_whose_name_can_be_no_students(folder: bytes, course: Course, typed: Type) -> None:
    place = course.submitted(os.fsdecode(folder), "tiny")
    place.parent.mkdir(parents=True)
    shutil.copy(course.submitted("1", "tiny"), place)
    said = typed(course, "grade", "--again")
    line = one_error(said.status, said.err)
    assert "submitted/'" in line and "no name of a student's; rename the folder" in line
    assert all(character.isprintable() or character == "\n" for character in said.out + said.err)
    assert "4 submissions, 4 graded now" in said.out
    assert typed(course, "report").status == 0


WAIVER = '[[decision]]\nstudent = "{}"\nassignment = "tiny"\nrule = "{}"\ndecision = "waived"\nwhy = "x"\n'


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("x = " + "[" * 5_000, "waivers.toml: "),
        ("x = " + "9" * 5_000, "waivers.toml: "),
        (WAIVER.format(3, "tod0"), "waivers.toml: decision 1: no rule 'tod0'; there are todo, imports, outputs"),
    ],
)
def test_decisions_that_cannot_be_read(text: str, words: str, course: Course, typed: Type) -> None:
    (course.root / "waivers.toml").write_text(text)
    line = one_error(*typed(course, "report")[::2])
    assert words in line and len(line) < 400


def test_a_decision_about_nobody_is_named(course: Course, typed: Type) -> None:
    with (course.root / "waivers.toml").open("a") as file:
        file.write("\n" + WAIVER.format("9\\u00071", "todo"))
    said = typed(course, "grade")
    assert said.status == 0
    assert "waivers.toml: decision 2 is about 91, of whom nothing is in submitted/" in said.err.replace("\n", " ")


def test_an_extension_of_nobody_is_named(course: Course, typed: Type) -> None:
    config = course.root / "nbgrader_config.py"
    lines = '\nc.LatePenalty.deadline = {"tiny": "2030-11-08T23:59:59+08:00"}\n'
    lines += 'c.LatePenalty.extensions = {"tiny": {"1": 2, "9": 1, "77": 3}}\n'  # 9 is on the roster, in time to come
    config.write_text(config.read_text(encoding="utf-8") + lines, encoding="utf-8")
    said = typed(course, "grade")
    assert said.status == 0
    assert said.err == (
        "nbgrader_config.py: c.LatePenalty.extensions: 77 is neither on the roster nor in submitted/; check the id\n"
    )


def test_an_attachment_number_that_is_none(course: Course, typed: Type) -> None:
    data = course.submitted("1", "tiny").read_bytes()
    pack(course.root / "more.zip", {f"x_1_{'9' * 5_000}_a.ipynb": data, "ngkim_3_60_b.ipynb": data})
    said = typed(course, "collect", "more.zip")
    assert said.status == 0
    assert "1 nobody's" in said.out
    assert course.submitted("3", "tiny").read_bytes() == data


def test_canvas_json_with_numbers_beyond_measure(course: Course, typed: Type) -> None:
    record = course.submitted("1", "tiny").with_name("canvas.json")
    record.write_text('{"attachment": ' + "9" * 5_000 + "}")
    assert typed(course, "grade").status == 0
    record.write_text('{"attachment": "' + "9" * 5_000 + '"}')
    assert typed(course, "grade").status == 0
    record.write_text("[" * 100_000)
    assert typed(course, "grade").status == 0


# --- marks of another master


@pytest.mark.parametrize("verb", ["export", "report", "feedback", "push"])
def test_marks_of_an_older_master_do_not_leave(
    verb: str, course: Course, typed: Type, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Points were changed after grading: the sums would be of another maximum (106 of 100 was seen)."""
    monkeypatch.setenv("CANVAS_URL", "http://127.0.0.1:9/courses/1/assignments/2")
    monkeypatch.setenv("CANVAS_TOKEN", "x")
    text = course.source_text("tiny").read_text(encoding="utf-8").replace("check double 4", "check double 3")
    course.source_text("tiny").write_text(text, encoding="utf-8")
    assert typed(course, "build").status == 0
    before = {path: path.read_bytes() for path in course.root.rglob("*") if path.is_file()}
    said = typed(course, verb)
    assert said.status == 1 and said.out == ""
    assert (
        "error: 4 marks given by an older source/tiny/tiny.ipynb, which has changed since; run: assignment grade"
        in (said.err.replace("\n", " "))
    )
    assert {path: path.read_bytes() for path in course.root.rglob("*") if path.is_file()} == before
    assert typed(course, "release").status == 0
    assert typed(course, "grade").status == 0
    if verb != "push":
        assert typed(course, verb).status == 0
