"""A term from its beginning to the next one's, with what goes wrong in between."""

from __future__ import annotations

import json
import shlex
import shutil
import signal
import subprocess
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from assignment.course import Course
from assignment.grading.examiner import Examined
from assignment.homework.notebook import releases
from assignment.marking.decisions import load
from assignment.plugins import examiner_for
from assignment.submission.attachments import attempts
from assignment.workflow.collect import collect
from assignment.workflow.grade import count_best, grade
from assignment.workflow.pool import Dispatcher, Task
from assignment.workflow.release import release
from tests.support import corpus, tiny
from tests.support.canvas_class import pack
from tests.test_cli import COMMAND, ENVIRONMENT, Said, Type, typed

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
    (course.root / "secret.key").write_text("0123456789abcdef" * 4 + "\n")
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


# --- several hand-ins of one student

RIGHT, HALF, NOTHING = "6.5", "2.5", "0"
BEST = 'c.Homework.counts = {"tiny": "best"}'
LATE = "\nc.LatePenalty.flat = 5.0"


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Course:
    course = tiny.course(tmp_path_factory.mktemp("attempts") / "course")
    release(course, "tiny")
    return course


@pytest.mark.parametrize(
    ("config", "attempts", "counted"),
    [
        ("", [(RIGHT, 17, ""), (HALF, 27, "")], (2.5, "27")),
        (BEST, [(RIGHT, 17, ""), (HALF, 27, "")], (6.5, "17")),
        (BEST, [(HALF, 27, ""), (RIGHT, 17, "")], (6.5, "17")),  # an older archive after a newer one
        (BEST, [(NOTHING, 17, ""), (RIGHT, 27, ""), (HALF, 37, "")], (6.5, "27")),
        (BEST + LATE, [(HALF, 17, ""), (RIGHT, 27, "LATE_")], (2.5, "17")),  # 6.5 less 5
        (BEST, [(HALF, 17, ""), (HALF, 27, "LATE_")], (2.5, "17")),  # alike: what was graded stays
    ],
)
def test_which_hand_in_counts(
    config: str,
    attempts: list[tuple[str, int, str]],
    counted: tuple[float, str],
    released: Course,
    tmp_path: Path,
    typed: Type,
) -> None:
    course = tiny.copy_of(released, tmp_path / "course")
    (course.root / "nbgrader_config.py").write_text(f"{tiny.CONFIG}\n{config}\n", "utf-8")
    notebook, right = tiny.read(course.release("tiny")), corpus.reference(tiny.read(course.source("tiny")))
    solutions = {RIGHT: right, HALF: {"Counter.add": right["Counter.add"]}, NOTHING: {}}
    for worth, attachment, late in attempts:
        data = corpus.submission(notebook, solutions[worth])
        collect(course, "tiny", pack(tmp_path / "a.zip", {f"doe_{late}1_{attachment}_x.ipynb": data}))
        graded = grade(course, "tiny", jobs=1)
    record = tiny.read(course.submitted("1", "tiny").with_name("canvas.json"))
    assert (graded.grades[0].net, record["attachment"]) == counted
    assert graded.best == ({"1": len(attempts)} if config else {})
    done(typed(course, "feedback"))
    page = course.feedback("1", "tiny").read_text("utf-8")
    assert ("取成绩最好的一次" in page, "以最后一次为准" in page) == (bool(config), not config)


def test_attempts_are_examined_where_the_class_is(released: Course, tmp_path: Path) -> None:
    """The pool that they are given to may be a cluster's: none of them is examined here."""
    course = tiny.copy_of(released, tmp_path / "course")
    (course.root / "nbgrader_config.py").write_text(f"{tiny.CONFIG}\n{BEST}\n", "utf-8")
    notebook = corpus.submission(tiny.read(course.release("tiny")), {})
    for attachment in (17, 27):
        collect(
            course, "tiny", pack(tmp_path / "a.zip", {f"doe_1_{attachment}_x.ipynb": notebook + b"\n" * attachment})
        )
    examiner = examiner_for(course, "tiny")

    class Elsewhere(Dispatcher):
        def add(self, tasks: Iterable[Task]) -> None:
            self.tasks = [*tasks]

        def results(self) -> Iterator[tuple[str, Examined]]:
            for key, path in self.tasks:
                assert isinstance(path, Path)
                yield key, examiner.unexamined(path.read_bytes(), "unreadable", key)

    assert count_best(course, "tiny", ["1"], examiner, Elsewhere(examiner)) == {"1": 2}
    results = [tiny.read(path.with_name("result.json")) for path in attempts(course, "tiny", "1")]
    assert [result["reason"] for result in results] == ["1/17", "1/27"]


def test_what_somebody_put_there_by_hand_is_what_counts(released: Course, tmp_path: Path) -> None:
    course = tiny.copy_of(released, tmp_path / "course")
    (course.root / "nbgrader_config.py").write_text(f"{tiny.CONFIG}\n{BEST}\n", "utf-8")
    notebook, right = tiny.read(course.release("tiny")), corpus.reference(tiny.read(course.source("tiny")))
    for attachment in (17, 27):
        data = corpus.submission(notebook, right) + b"\n" * attachment
        collect(course, "tiny", pack(tmp_path / "a.zip", {f"doe_1_{attachment}_x.ipynb": data}))
    course.submitted("1", "tiny").write_bytes(corpus.submission(notebook, {}))
    graded = grade(course, "tiny", jobs=1)
    assert (graded.grades[0].net, graded.best) == (0, {})


def test_the_notebook_says_that_the_best_counts(tmp_path: Path, typed: Type) -> None:
    text = tiny.TEXT.replace("# # 小作业\n", "# # 小作业\n#\n# <!-- facts -->\n")
    course = tiny.course(tmp_path / "course", tiny=text)
    config = course.root / "nbgrader_config.py"
    config.write_text(f"{tiny.CONFIG}\n{BEST}\n", "utf-8")
    done(typed(course, "build"))
    assert "取成绩最好的一次。" in course.source("tiny").read_text("utf-8")
    config.write_text(tiny.CONFIG + '\nc.Homework.counts = {"tiny": "first"}\n', "utf-8")
    assert 'write {"tiny": "best"}, or "last"' in typed(course, "build").err


# --- who is in the report

PEOPLE = """\
Student,ID,SIS Login ID,Section,tiny (7)
    Points Possible,,,,6.5
"王, 小明",1,wang,Monday,
"Doe, Jane",2,doe,Tuesday,
"Ng, Kim",3,ng,Tuesday,
"""


def test_the_report_is_of_who_is_there(released: Course, tmp_path: Path, typed: Type) -> None:
    course = tiny.copy_of(released, tmp_path / "course")
    for verb in ("report", "feedback"):
        assert "no submissions of tiny; collect them first" in typed(course, verb).err
    notebook, right = tiny.read(course.release("tiny")), corpus.reference(tiny.read(course.source("tiny")))
    pack(course.root / "a.zip", {f"x_{n}_{n}7_x.ipynb": corpus.submission(notebook, right) for n in (1, 2, 3)})
    (course.root / "all.csv").write_text(PEOPLE, "utf-8")
    done(typed(course, "collect", "a.zip", "--roster", "all.csv"))
    assert "nobody's tiny is graded yet; run: assignment grade" in typed(course, "report").err
    done(typed(course, "grade", "1"))
    assert "2: not graded yet; run: assignment grade" in done(typed(course, "report")).err
    assert json.loads((course.exported("tiny") / "report.json").read_text("utf-8"))["missing"] == []
    by_hand = course.submitted("4", "tiny")  # a person's own folder: graded, and feedback like the others
    by_hand.parent.mkdir(parents=True)
    by_hand.write_bytes(corpus.submission(notebook, {}))
    done(typed(course, "grade"))
    (course.root / "all.csv").write_text(PEOPLE.replace('"Ng, Kim",3,ng,Tuesday,\n', ""), "utf-8")  # Kim has dropped it
    done(typed(course, "collect", "a.zip", "--roster", "all.csv"))
    shutil.rmtree(course.submitted("2", "tiny").parents[1])
    said = done(typed(course, "report")).out
    assert "not on the roster, left out: 3, 4\n" in said
    report = tiny.read(course.exported("tiny") / "report.json")
    assert [(row["student"], row["section"]) for row in report["students"]] == [("1", "Monday")]
    assert [absent["student"] for absent in report["missing"]] == ["2"]
    assert report["students"][0]["notebook"].endswith("feedback/1/tiny/tiny.html")
    table = (course.exported("tiny") / "report.csv").read_text("utf-8-sig").splitlines()
    assert table[0].startswith("student,name,login,section,") and table[1].startswith('1,"王, 小明",wang,Monday,')
    exported = done(typed(course, "export", "--column", "7")).out
    assert "no feedback: 4: no canvas.json: Canvas has no file of it; send feedback/4/tiny/tiny.html" in " ".join(
        exported.split()
    )
    assert all(course.feedback(student, "tiny").exists() for student in ("1", "3", "4"))
    (course.root / "other.csv").write_text(PEOPLE.replace(",1,", ",71,").replace(",2,", ",72,").replace(",3,", ",73,"))
    for words in (["export", "--roster", "other.csv"], ["collect", "a.zip", "--roster", "other.csv"]):
        refused = typed(course, *words)
        assert refused.status == 1 and "so it is another course's" in refused.err, words


@pytest.mark.parametrize(
    ("old", "new", "cells"),
    [
        ("# %% solve double\n", "# %% given more\nq = 1\n\n# %% solve double\n", "given-more"),
        ("# %% check double 4", "# %% check doubled 4", "check-double, check-doubled"),
    ],
)
def test_nbgrader_refuses_another_set_of_cells_in_the_same_words(
    old: str, new: str, cells: str, released: Course, tmp_path: Path, typed: Type
) -> None:
    course = tiny.copy_of(released, tmp_path / "course")
    path = course.submitted("1", "tiny")
    path.parent.mkdir(parents=True)
    path.write_bytes(corpus.submission(tiny.read(course.release("tiny")), {}))
    grade(course, "tiny", jobs=1)
    text = course.source_text("tiny").read_text("utf-8")
    course.source_text("tiny").write_text(text.replace(old, new).replace("check doubled 4", "check doubled 0"), "utf-8")
    done(typed(course, "build"))
    for verb in ("release", "grade"):
        said = typed(course, verb)
        assert said.status == 1 and f"added, removed or renamed: {cells};" in said.err, verb


def answers(url: str) -> bool:
    """Whether anybody listens there still."""
    try:
        urlopen(url, timeout=60).close()
    except OSError as error:
        return "refused" not in str(error)
    return True


@pytest.mark.slow
@pytest.mark.parametrize(("how", "status"), [(signal.SIGINT, 0), (signal.SIGKILL, -signal.SIGKILL)])
def test_formgrader_is_served_and_ends_with_its_command(released: Course, how: int, status: int) -> None:
    process = subprocess.Popen(
        [*COMMAND, "formgrader", "--no-browser", "--course", str(released.root)],
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    url = process.stdout.readline().strip()
    try:
        with urlopen(url, timeout=60) as page:
            assert "formgrader" in page.read().decode().lower() and page.url.startswith("http://127.0.0.1:")
        with pytest.raises(HTTPError, match="403"):
            urlopen(url.partition("?")[0].replace("formgrader", "api/contents"), timeout=60)
    finally:
        process.send_signal(how)
        _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (status, "")
    limit = time.monotonic() + 60
    while answers(url):
        assert time.monotonic() < limit
        time.sleep(0.1)


# --- the walk of docs/ta.md, as one term

TERM = """\
Student,ID,SIS Login ID,Section,{column}
    Points Possible,,,,{most}
"王, 小明",1,wang,Monday,
"Doe, Jane",2,doe,Tuesday,
"Ng, Kim",3,ng,Tuesday,
"Rossi, Ada",4,rossi,Tuesday,
"Late, Never",9,late,Monday,
"""
TORCH = "try:\n    import torch\nexcept ImportError:\n    pass\n\n\n"


@pytest.mark.slow
def test_a_term(tmp_path: Path, typed: Type) -> None:
    """Two releases, a score before a new hand-in, a changed point, a lost gradebook, a wrong column, a new term."""
    course = tiny.course(tmp_path / "autumn")

    def says(command: str, *parts: str, status: int = 0) -> None:
        said = typed(course, *shlex.split(command))
        text = " ".join((said.out + said.err).split())
        assert said.status == status, f"$ assignment {command}\n{text}"
        for part in parts:
            assert part in text, f"$ assignment {command}\n{text}\nlacks: {part}"

    def hand_in(archive: str, **entries: bytes) -> None:
        pack(course.root / archive, {f"{name}_tiny.ipynb": data for name, data in entries.items()})

    def roster(column: str, most: float = 6.5) -> None:
        (course.root / "gradebook.csv").write_text(TERM.format(column=column, most=most), "utf-8")

    # 1. Release; before anything is there, commands say what to do first.
    says("release", "release/tiny/tiny.ipynb: release ", "6.5 points, nothing leaked")
    says("grade", "no submissions of tiny; collect them first", status=1)
    first, right = tiny.read(course.release("tiny")), corpus.reference(tiny.read(course.source("tiny")))
    breach = right | {"double": TORCH + right["double"]}
    # 2. Collect.
    roster("another homework (8)")
    hand_in(
        "monday.zip",
        王小明_1_17=corpus.submission(first, right),
        doejane_LATE_2_27=corpus.submission(first, {}),
        ngkim_3_37=corpus.submission(first, breach),
        rossiada_4_47=b"%PDF-1.7",
    )
    says(
        "collect monday.zip --roster gradebook.csv",
        "4 collected, 1 of them late",
        "handed in nothing: Late, Never (9)",
        "write to: Rossi, Ada (4): does not look like the homework; ask for the notebook itself (.ipynb)",
    )
    # 3. Grade; nothing leaves before somebody has looked.
    says(
        "grade",
        "王, 小明 6.5 6.5",
        "breach of rule 'imports'",
        "Rossi, Ada 0 none unreadable",
        "4 submissions, 4 graded",
    )
    says("grade", "4 submissions, 0 graded now")
    says("rules", "3 Ng, Kim: breach of rule 'imports'")
    says("export", "1 mark would be 0 for a broken rule, and nobody has looked", status=1)
    says("confirm kim", "3: confirmed, imports")
    # A wrong column is never taken.
    says("export", "no column for tiny; choose one with --column ID: another homework (8)", status=1)
    roster("tiny (7)")
    says("collect monday.zip --roster gradebook.csv")
    says("export", "3 marks for the column 'tiny'", "no mark: 4 Rossi, Ada: unreadable", "Grade Posting Policy")
    # 4. A score given in formgrader stays on its hand-in, and only there.
    with course.gradebook() as gradebook:
        gradebook.find_grade("check-double", "tiny", "tiny", "2").manual_score = 3
        gradebook.db.commit()
    says("grade --again 2", "2 Doe, Jane 0 3")
    says("history jane", "none -> 0 graded", "0 -> 3 by hand")
    hand_in("tuesday.zip", doejane_2_57=corpus.submission(first, right))
    says("collect tuesday.zip", "1 collected")
    for verb in ("report", "feedback"):
        says(verb, "2: handed in anew since it was graded; run: assignment grade")
    says("export", "no mark: 2 Doe, Jane: handed in anew since it was graded; run: assignment grade")
    says("grade", "2: the score 3 for double does not count", "assignment decide 2 --keep, or --drop")
    says("export", "decision of an earlier hand-in not decided on again", status=1)
    says(
        "decide", "2 Jane Doe: the score 3 for double, given on the submission", "assignment decide 2 --keep, or --drop"
    )
    says("decide jane --drop", "2: the score 3 for double dropped")
    says("export", "3 marks for the column")
    # 5. A correction in mid-term: a changed point, a second release; old marks are refused until the class is regraded.
    text = course.source_text("tiny").read_text("utf-8")
    course.source_text("tiny").write_text(
        text.replace("check double 4", "check double 5").replace("写出两倍", "写出每个数的两倍"), "utf-8"
    )
    says("release", "7.5 points, nothing leaked")
    for verb in ("export", "report", "feedback"):
        says(verb, "given by an older source/tiny/tiny.ipynb, which has changed since; run: assignment grade", status=1)
    says("compare", "double, double: 3 up, 0 down, +3 points", "nothing was written")
    hand_in("friday.zip", rossiada_4_67=corpus.submission(tiny.read(course.release("tiny")), right))
    says("collect friday.zip", "1 collected")
    says("grade", "mark changed: 1 6.5 -> 7.5")
    assert len(releases(course, "tiny")) == 2
    roster("tiny (7)", 7.5)
    says("export --roster gradebook.csv", "4 marks for the column 'tiny'")
    # 6. A lost gradebook is not begun anew in silence.
    (course.root / "gradebook.db").unlink()
    copies = sorted((course.root / "backups").iterdir())
    newest = f"put the newest copy in its place (cp backups/{copies[-1].name}"
    says("grade", "is gone, with every score that was given by hand", newest, status=1)
    shutil.copy(copies[-1], course.root / "gradebook.db")  # as it was before the last run
    says(
        "export", "4 marks of an earlier grading (1, 2, 3, 4), as if an older copy had been put in its place", status=1
    )
    says("grade", "4 submissions, 4 graded now", "mark changed: 1 6.5 -> 7.5")
    says("grade", "4 submissions, 0 graded now")
    # 7. Points for everybody, for a reason; what came of a mark is told.
    with course.gradebook() as gradebook:
        gradebook.find_grade("check-Counter-add", "tiny", "tiny", "4").manual_score = 1
        gradebook.db.commit()
    says(
        'award --all Counter.add 2.5 --why "a test was wrong"',
        "4: Counter.add +2.5, the mark is 7.5 now",
        "3 students with all points of Counter.add: left as they are",
    )
    says("waive kim --rule imports --why 'never used'", "3: rule 'imports' waived, the mark is 7.5 now")
    says("waive kim --rule imports --undo", "the mark is 0 now")
    says("confirm 3", "3: confirmed, imports")
    says("history 2", "3 -> 6.5 graded, another hand-in", "6.5 -> 7.5 graded again")
    says("feedback", "feedback/: 4 pages")
    says("report", "exported/tiny/report.html")
    says("export --roster gradebook.csv", "4 marks", "feedback.zip: 4 annotated notebooks")
    rows = (course.exported("tiny") / "grades.csv").read_text("utf-8").splitlines()
    assert [row.rpartition(",")[2] for row in rows] == ["tiny (7)", "7.5", "7.5", "0", "7.5"]
    # 8. The next term begins without any of it.
    says("new ../spring --course-id cs-spring", "spring: course cs-spring, tiny")
    course = Course.find(tmp_path / "spring")
    says("release", "7.5 points, nothing leaked")
    says("report", "no submissions of tiny", status=1)
