"""The command line as a TA meets it: help, tables, JSON, colours, exit statuses, errors, Ctrl-C."""

from __future__ import annotations

import errno
import json
import os
import pty
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import jsonschema
import pytest
from rich.cells import cell_len

from assignment.cli import terminal
from assignment.cli.app import SECTIONS, app, main
from assignment.cli.tables import remarks, wrapped
from assignment.course import Course
from assignment.grading.examiner import Examiner
from assignment.grading.result import CheckResult, Result
from assignment.marking import earlier
from assignment.marking.decisions import load
from assignment.rules import Finding
from assignment.workflow.build import build
from assignment.workflow.release import release
from tests import ROOT
from tests.support import corpus, tiny
from tests.support.canvas_class import pack
from tests.support.canvas_server import User, canvas_server

VERBS = [verb.__name__ for verbs in SECTIONS.values() for verb in verbs]
COMMAND = [sys.executable, "-m", "assignment"]
PLAIN = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE")}
ENVIRONMENT = PLAIN | {"COLUMNS": "80", "TERM": "xterm-256color", "PYTHONIOENCODING": "utf-8"}
TORCH = "try:\n    import torch\nexcept ImportError:\n    pass\n\n\n"
HANGS = "while True:\n        pass\n    y = x"
ROSTER = """\
Student,ID,SIS Login ID,Section,tiny (7)
    Points Possible,,,,6.5
"王, 小明",1,wang,A,
"Doe, Jane Elizabeth Alexandra Maria",2,doe,A,3
"Ng, Kim",3,ng,A,
"Rossi, Ada",4,rossi,A,
"Late, Never",9,late,A,
"""

Type = Callable[..., "Said"]


class Said(NamedTuple):
    """What a command left behind."""

    status: int
    out: str
    err: str


@pytest.fixture(scope="module")
def handed_in(tmp_path_factory: pytest.TempPathFactory) -> Course:
    """A course with a released homework, a Canvas archive of four and a roster; nothing is collected yet."""
    course = tiny.course(tmp_path_factory.mktemp("cli") / "course")
    release(course, "tiny")
    notebook, right = tiny.read(course.release("tiny")), corpus.reference(tiny.read(course.source("tiny")))
    breach = right | {"double": TORCH + right["double"]}
    entries = {
        "王小明_1_17_tiny.ipynb": corpus.submission(notebook, right),
        "doejaneelizabethalexandramaria_LATE_2_27_" + "a long file name " * 6 + ".ipynb": corpus.submission(
            notebook, {}
        ),
        "ngkim_3_37_tiny.ipynb": corpus.submission(notebook, breach),
        "rossiada_4_47_tiny.ipynb": b"no notebook",
        "rossiada_4_46_photo\x1b[31m.png": b"no notebook either",
    }
    pack(course.root / "submissions.zip", entries)
    (course.root / "gradebook.csv").write_text(ROSTER, encoding="utf-8")
    return course


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Type:
    """Type a command in a course's folder; the whole program runs, in this process."""

    def run(course: Course, *words: str) -> Said:
        monkeypatch.chdir(course.root)
        monkeypatch.setattr(sys, "argv", ["assignment", *words])
        monkeypatch.setenv("COLUMNS", "80")
        for console in (terminal.out, terminal.err):
            monkeypatch.setattr(console, "width", 80)
        capfd.readouterr()
        with pytest.raises(SystemExit) as stopped:
            main()
        out, err = capfd.readouterr()
        assert "Traceback" not in out + err
        return Said(stopped.value.code if isinstance(stopped.value.code, int) else 0, out, err)

    return run


@pytest.fixture
def course(handed_in: Course, tmp_path: Path) -> Course:
    """A copy of the course, for one test."""
    return tiny.copy_of(handed_in, tmp_path / "course")


@pytest.fixture(scope="module")
def klass(handed_in: Course, tmp_path_factory: pytest.TempPathFactory) -> Course:
    """The class collected, graded and confirmed."""
    course = tiny.copy_of(handed_in, tmp_path_factory.mktemp("klass") / "course")
    files = [str(course.root / "submissions.zip"), "--roster", str(course.root / "gradebook.csv")]
    for words in (["collect", *files], ["grade"], ["confirm", "--all"]):
        app([*words, "--course", str(course.root)], standalone_mode=False)
    return course


# --- help


@pytest.mark.parametrize("verb", ["", *VERBS])
def test_help_is_a_page_of_a_manual(verb: str, handed_in: Course, typed: Type) -> None:
    said = typed(handed_in, *verb.split(), "--help")
    assert (said.status, said.err) == (0, "")
    assert narrow(said.out)
    assert said.out.startswith(f"Usage: assignment {verb}".rstrip())
    if verb:
        assert re.search(rf"\n  Examples?:\n(    .*\n)*    assignment {verb}\b", said.out)
        assert not re.search(r"<\w+>|\[default", said.out)  # types of the language are not for people
    else:
        assert all(re.search(rf"^  {one}  +\w", said.out, re.MULTILINE) for one in VERBS)
        assert "..." not in said.out.partition("Write a homework")[2], "a sentence is cut off"
        assert [line.split()[0] for line in said.out.split("Exit status:\n")[1].split("\n")[:4]] == [
            "0",
            "1",
            "2",
            "130",
        ]


def test_every_verb_has_a_section() -> None:
    assert [command.callback.__name__ for command in app.registered_commands if command.callback] == VERBS


# --- what is printed


def narrow(text: str) -> bool:
    """Whether no line is wider than 80 columns; Chinese characters take two."""
    return all(cell_len(line) <= 80 for line in text.split("\n"))


PRINTED = {
    "collect": (["collect", "submissions.zip"], ["王小明_1_17_tiny.ipynb", "collected, late", "Late, Never (9)"]),
    "grade": (["grade"], ["王, 小明", "breach of rule 'imports'", "4 submissions, 0 graded now", "unreadable", "late"]),
    "check": (["check", "submitted/1/tiny/tiny.ipynb"], ["graded, 6.5 of 6.5 points", "ok  double", "4/4"]),
    "rules": (["rules"], ["3 Ng, Kim: breach of rule 'imports' in solve-double, confirmed", "import torch"]),
    "confirm": (["confirm", "3", "1"], ["3: confirmed before, imports", "1: no zero to confirm"]),
    "export": (
        ["export"],
        ["exported/tiny/grades.csv: 3 marks", "3 in Canvas becomes 0", "no mark: 4 Rossi", "4 annotated notebooks"],
    ),
    "report": (["report"], ["exported/tiny/report.html\n", "exported/tiny/report.csv\n"]),
    "report --since": (["report", "--since", "submitted"], ["exported/tiny/similarity.html\n"]),
    "feedback": (["feedback"], ["feedback/: 4 pages"]),
    "build": (["build"], ["source/tiny/tiny.ipynb: up to date, 7 cells, 6.5 points"]),
}


@pytest.mark.parametrize("verb", PRINTED)
def test_what_people_read_fits_80_columns_and_has_no_codes(verb: str, klass: Course, typed: Type) -> None:
    words, expected = PRINTED[verb]
    said = typed(klass, *words)
    assert (said.status, said.err) == (0, "")
    assert narrow(said.out) and "\x1b" not in said.out
    for part in expected:
        assert part in said.out


def test_similar_work_is_decided_on_like_a_rule_and_costs_nothing(course: Course, typed: Type) -> None:
    for words in (["collect", "submissions.zip"], ["grade"]):
        assert typed(course, *words).status == 0
    before = (course.root / "gradebook.db").read_bytes()
    steps = [
        (["waive", "1", "--rule", "similarity", "--why", "a pair"], "1: similar work waived; see waivers.toml"),
        (["confirm", "2", "--rule", "similarity", "--why", "told me"], "2: similar work confirmed; see waivers.toml"),
        (["confirm", "2", "--rule", "similarity", "--undo"], "2: similar work not confirmed; see waivers.toml"),
    ]
    for words, expected in steps:
        assert typed(course, *words).out.strip() == expected
    assert (course.root / "gradebook.db").read_bytes() == before
    submission = earlier(course, "tiny", "1").made_by.submission  # type: ignore[union-attr]
    decisions = load(course)
    assert decisions.on_similarity("1", "tiny", submission) == "waived: a pair"
    assert decisions.on_similarity("1", "tiny", "another") == decisions.on_similarity("2", "tiny", "") == ""
    assert decisions.waived("1", "tiny") == {}
    refusals = {
        "needs a reason": ["confirm", "1", "--rule", "similarity"],
        "takes similarity alone": ["confirm", "1", "--rule", "todo"],
        "name another course's submitted/": ["report", "--since", "published"],
    }
    for why, words in refusals.items():
        said = typed(course, *words)
        assert said.status == 1 and why in said.err.replace("\n", " ")


def test_breaches_come_first_and_notes_on_request(klass: Course, tmp_path: Path, typed: Type) -> None:
    course = tiny.copy_of(klass, tmp_path / "course")
    path = course.autograded("1", "tiny")
    notebook = tiny.read(path)
    note = {"rule": "outputs", "breach": False, "cell": "check-double", "evidence": "没有输出"}
    notebook["metadata"]["assignment"]["result"]["rules"] = [note]
    tiny.write(path, notebook)
    shown = {words: typed(course, "rules", *words.split()).out for words in ("", "--notes", "kim", "1 3", "小明", "2")}
    assert shown[""].splitlines()[-1].endswith(" shown with --notes") and "没有输出" not in shown[""]
    assert shown["--notes"].index("3 Ng, Kim: breach") < shown["--notes"].index("1 王, 小明: note of rule 'outputs'")
    assert "3 Ng, Kim: breach" in shown["kim"] and "1 王" not in shown["kim"]
    assert "没有输出" in shown["1 3"]


@pytest.mark.parametrize(
    "words",
    [["--course", ".", "rules"], ["rules", "--course", "."], ["--assignment", "tiny", "--course", ".", "rules"]],
)
def test_the_course_may_be_named_before_or_after_the_verb(
    words: list[str], klass: Course, tmp_path: Path, typed: Type
) -> None:
    said = typed(Course(tmp_path), *(str(klass.root) if word == "." else word for word in words))
    assert (said.status, said.err) == (0, "") and "3 Ng, Kim: breach" in said.out
    wrong = typed(klass, "--assignment", "nothing", "rules")
    assert wrong.status == 1 and "--assignment nothing: not in this course" in wrong.err


def test_remarks_tell_what_was_forgiven_and_put_in_order() -> None:
    breach = Finding("todo", True, "solve-double", "")
    result = Result(
        "graded", 1.0, checks=(CheckResult("double", 1.0, 1.0),), rules=(breach, breach), repairs=("moved",)
    )
    assert remarks(result, waived=[]) == ["breach of rule 'todo'", "repaired"]
    assert remarks(replace(result, repairs=()), waived=["todo"]) == ["breach of rule 'todo', waived"]


@pytest.mark.slow
def test_json_for_programs(klass: Course, typed: Type) -> None:
    def read(*words: str) -> list[Any]:
        said = typed(klass, *words, "--json")
        assert said.err == ""
        return [json.loads(line) for line in said.out.splitlines()]

    [collected] = read("collect", "submissions.zip")
    assert len(collected["items"]) == 5 and [one["user"] for one in collected["nothing"]] == ["9"]
    graded = {row["student"]: row for row in read("grade")}
    assert {who: (row["score"], row["net"]) for who, row in graded.items()} == {
        "1": (6.5, 6.5),
        "2": (0, 0),
        "3": (6.5, 0),
        "4": (0, None),
    }
    files = [f"submitted/{who}/tiny/tiny.ipynb" for who in "3142"]
    checked = read("check", *files)
    assert [row["file"] for row in checked] == files
    assert [row["score"] for row in checked] == [6.5, 6.5, 0, 0]
    assert next(iter(checked[0])) == "file"
    assert [one["rule"] for row in read("rules", "3") for one in row["rules"] if one["breach"]] == ["imports"]
    [exported] = read("export")
    assert {one["student"]: one["points"] for one in exported["sent"]} == {"1": 6.5, "2": 0, "3": 0}
    with canvas_server() as canvas, pytest.MonkeyPatch.context() as environment:
        canvas.users.update({number: User(f"Student {number}") for number in (1, 2, 3)})
        for name, value in canvas.environ.items():
            environment.setenv(name, value)
        [pushed] = read("push")
        assert {one["student"]: one["state"] for one in pushed["planned"]} == {"1": "new", "2": "new", "3": "new"}
        assert pushed["sent"] == [] and all(user.score is None for user in canvas.users.values())


@pytest.mark.slow
def test_colour_on_a_terminal_only(klass: Course) -> None:
    words = [*COMMAND, "check", "submitted/3/tiny/tiny.ipynb"]
    piped = subprocess.run(words, cwd=klass.root, env=ENVIRONMENT, capture_output=True, text=True)
    assert piped.returncode == 0 and "\x1b" not in piped.stdout + piped.stderr
    shown = on_a_terminal(words, klass.root)
    assert "\x1b[32mok" in shown and "\x1b[31mbreach" in shown
    assert re.sub(r"\x1b\[[0-9;]*m", "", shown).split() == piped.stdout.split()
    assert not re.search(r"\x1b\[3\d", on_a_terminal(words, klass.root, NO_COLOR="1"))


def on_a_terminal(words: list[str], folder: Path, **more: str) -> str:
    """Run a command with all three streams on a terminal and return what it shows."""
    ours, theirs = pty.openpty()
    run = subprocess.Popen(words, cwd=folder, env=ENVIRONMENT | more, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    shown = b""
    while True:
        try:
            shown += (read := os.read(ours, 65536))
        except OSError:  # the other end is closed
            break
        if not read:
            break
    os.close(ours)
    assert run.wait() == 0
    return shown.decode()


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("", [""]),
        ("short", ["  short"]),
        ("one two three four five", ["  one two three four", "  five"]),
        ("通过通过通过通过通过通过", ["  通过通过通过通过通", "  过通过"]),
        ("x" * 30, ["  " + "x" * 18, "  " + "x" * 12]),
        ("    deep\nnext", ["      deep", "  next"]),
    ],
)
def test_lines_break_where_a_reader_would(text: str, rows: list[str]) -> None:
    broken = wrapped(text, 20, 2)
    assert broken.split("\n") == rows
    assert all(cell_len(row) <= 20 for row in rows)


# --- exit status, and what is said of errors


def without(*names: str) -> Callable[[Course], None]:
    def remove(course: Course) -> None:
        for name in names:
            path = course.root / name
            shutil.rmtree(path) if path.is_dir() else path.unlink()

    return remove


def text(name: str, content: str | bytes) -> Callable[[Course], None]:
    def write(course: Course) -> None:
        path = course.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())

    return write


def configured(line: str) -> Callable[[Course], None]:
    def write(course: Course) -> None:
        (course.root / "nbgrader_config.py").write_text(f"{tiny.CONFIG}\n{line}\n", encoding="utf-8")

    return write


HAND = text("submitted/1/tiny/tiny.ipynb", "{}")
COLLECT = ["collect", "submissions.zip"]
# name: (what is wrong, command, words of the one line)
WRONG: dict[str, tuple[list[Callable[[Course], None]], list[str], str]] = {
    "no course here": ([without("nbgrader_config.py")], ["grade"], "no nbgrader_config.py here; go to the course"),
    "no such assignment": ([], ["grade", "--assignment", "cnn"], "--assignment cnn: not in this course; it has tiny"),
    "nothing handed in": ([], ["grade"], "no submissions of tiny; collect them first"),
    "nobody of that name": ([HAND], ["grade", "77"], "submitted/: nothing from 77"),
    "no archive": ([], ["collect", "nosuch.zip"], "nosuch.zip: no such file; download it"),
    "no zip": ([], ["collect", "gradebook.csv"], "gradebook.csv: not a zip archive"),
    "no roster": ([], [*COLLECT, "--roster", "nosuch.csv"], "nosuch.csv: no such file; export the gradebook"),
    "no text": ([text("bad.csv", b"\xff\xfe\0\1")], [*COLLECT, "--roster", "bad.csv"], "bad.csv: not UTF-8"),
    "no gradebook": (
        [text("bad.csv", "a,b\n1,2\n")],
        [*COLLECT, "--roster", "bad.csv"],
        "bad.csv: no gradebook of Canvas",
    ),
    "export without a roster": ([], ["export"], "name the gradebook exported from Canvas with --roster"),
    "damaged gradebook, grade": (
        [HAND, text("gradebook.db", "garbage")],
        ["grade"],
        "put the newest copy from backups/",
    ),
    "damaged gradebook, report": ([text("gradebook.db", "garbage")], ["report"], "put the newest copy from backups/"),
    "damaged gradebook, collect": ([text("gradebook.db", "garbage")], COLLECT, "put the newest copy from backups/"),
    "config divides": ([configured("1/0")], ["check", "x.ipynb"], "nbgrader_config.py: ZeroDivisionError"),
    "config is no Python": ([HAND, configured("if")], ["grade"], "nbgrader_config.py: SyntaxError"),
    "config has a text": ([configured("c.Examine.memory = 'x'")], ["check", "x.ipynb"], "expected an int"),
    "config has a typo": (
        [configured("c.Examine.memroy = 1")],
        ["check", "x.ipynb"],
        "c.Examine.memroy: no such limit",
    ),
    "rule of another kind": (
        [configured("c.Rules.todo = 'no'")],
        ["check", "x.ipynb"],
        "choose one of zero, flag, off",
    ),
    "not built": (
        [HAND, without("source/tiny/tiny.ipynb")],
        ["grade"],
        "source/tiny/tiny.ipynb: not there; build it with",
    ),
    "not built, check": ([without("source/tiny/tiny.ipynb")], ["check", "x"], "not there; build it with"),
    "not released": ([without("release", "published")], ["check", "x"], "no release yet; make one with"),
    "no master": ([without("source")], ["build"], "no master text here; write source/NAME.py first"),
    "mistakes are no Python": (
        [HAND, text("source/tiny_mistakes.py", "x = (")],
        ["grade"],
        "source/tiny_mistakes.py: SyntaxError: '(' was never closed (tiny_mistakes, line 1); correct it",
    ),
    "mistakes fail": (
        [HAND, text("source/tiny_mistakes.py", "@mistake('x')\ndef y(): pass")],
        ["grade"],
        "source/tiny_mistakes.py: TypeError",
    ),
    "mistakes are no UTF-8": (
        [text("source/tiny_mistakes.py", b"\xff")],
        ["build"],
        "source/tiny_mistakes.py: no UTF-8 text",
    ),
    "not graded": ([HAND], ["rules", "1"], "1: not graded yet; run: assignment grade 1"),
    "confirm whom": ([], ["confirm"], "confirm: name the students, or type --all"),
    "waive without a grade": ([HAND], ["waive", "1", "--rule", "todo", "--why", "x"], "1: not graded yet"),
    "waive for nobody": ([HAND], ["waive", "77", "--rule", "todo", "--why", "x"], "77: handed in nothing"),
    "confirm nobody": ([HAND], ["confirm", "77"], "77: handed in nothing"),
    "yes and no": ([], ["push", "--yes", "--dry-run"], "push: --yes and --dry-run contradict each other"),
    "no Canvas": ([], ["fetch"], "CANVAS_URL: not set"),
    "damaged decisions": ([HAND, text("waivers.toml", "[[")], ["grade"], "waivers.toml: "),
    "demo into a full folder": ([], ["demo", "."], "not empty; name an empty or a new folder"),
}


@pytest.mark.parametrize("case", WRONG)
def test_an_error_is_one_line_that_says_what_to_do(
    case: str, course: Course, typed: Type, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong, words, expected = WRONG[case]
    for name in ("CANVAS_URL", "CANVAS_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    for step in wrong:
        step(course)
    said = typed(course, *words)
    assert (said.status, said.out) == (1, "")
    assert said.err.startswith("error: ") and said.err.count("\n") == 1
    assert expected in said.err
    if "damaged gradebook" in case:
        assert list(course.backups().glob("*")) == [], "a damaged gradebook is no backup"


@pytest.mark.parametrize(
    "words", [["grad"], ["grade", "--foo"], ["grade", "--jobs", "x"], ["grade", "--jobs", "0"], ["check"], []]
)
def test_wrong_words_are_status_2(words: list[str], course: Course, typed: Type) -> None:
    said = typed(course, *words)
    assert said.status == 2 and "Usage: assignment" in said.out + said.err


def test_build_notes_a_comment_that_is_a_command(course: Course, typed: Type) -> None:
    text = course.source_text("tiny")
    text.write_text(text.read_text("utf-8") + "\n# %% play last\n1\n# %matters\n", encoding="utf-8")
    last = len(text.read_text("utf-8").splitlines())
    assert f"source/tiny.py:{last}: note: '%matters' is a command of IPython" in typed(course, "build").out


def test_what_nobody_foresaw_is_kept_in_a_file(course: Course, typed: Type, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: Any, **__: Any) -> None:
        raise KeyError("what\nnow")

    monkeypatch.setattr("assignment.workflow.build.build", fails)
    said = typed(course, "build")
    found = re.fullmatch(r"error: KeyError: 'what\\nnow'; .* report it with the file (.+)\n", said.err)
    assert said.status == 1 and found
    kept = Path(found[1])
    assert "in fails" in kept.read_text(encoding="utf-8")
    kept.unlink()


@pytest.mark.parametrize(
    ("error", "line", "details"),
    [
        (FileNotFoundError(errno.ENOENT, "No usable temporary directory found in ['/tmp']"), "free some space", ""),
        (KeyError("what"), "report it with these lines", "KeyError: 'what'"),
    ],
)
def test_an_error_where_no_temporary_file_can_be_written_is_one_line_too(
    error: Exception, line: str, details: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise FileNotFoundError(errno.ENOENT, "No usable temporary directory found in ['/tmp']")

    monkeypatch.setattr("tempfile.NamedTemporaryFile", full)
    explained = terminal.explain(error)
    assert line in explained[0] and details in explained[1]


@pytest.mark.slow
def test_check_grades_what_it_can_and_says_2(klass: Course, typed: Type) -> None:
    before = {path: path.stat().st_mtime_ns for path in klass.root.rglob("*")}
    files = ["nosuch.ipynb", "submitted/1/tiny/tiny.ipynb", "submitted", "gradebook.csv", "submitted/2/tiny/tiny.ipynb"]
    said = typed(klass, "check", "--json", *files)
    rows = [json.loads(line) for line in said.out.splitlines()]
    assert [(row["file"], row["verdict"]) for row in rows] == list(
        zip(files, ["unreadable", "graded", "unreadable", "unreadable", "graded"], strict=True)
    )
    assert [row["net"] for row in rows] == [None, 6.5, None, None, rows[4]["score"]]
    assert said.status == 2
    words = "nosuch.ipynb: unreadable, no mark: there is no nosuch.ipynb in its folder\n"
    assert typed(klass, "check", files[0]).out == words
    assert typed(klass, "check", files[1], files[4]).status == 0
    assert {path: path.stat().st_mtime_ns for path in klass.root.rglob("*")} == before


@pytest.mark.slow
def test_a_file_that_kills_its_examiner_has_a_verdict(
    klass: Course, typed: Type, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = Examiner.examine_file

    def dies(self: Examiner, path: Path) -> Any:
        if "submitted/2" in str(path):
            os._exit(9)
        return original(self, path)

    monkeypatch.setattr(Examiner, "examine_file", dies)
    said = typed(klass, "check", "--json", *(f"submitted/{who}/tiny/tiny.ipynb" for who in "213"))
    rows = [json.loads(line) for line in said.out.splitlines()]
    assert [row["verdict"] for row in rows] == ["crashed", "graded", "graded"]
    assert said.status == 2


def test_check_loads_nothing_that_it_does_not_need(klass: Course) -> None:
    program = (
        "import sys\nfrom assignment.cli.app import main\ntry:\n    main()\nexcept SystemExit as stop:\n"
        "    print(stop.code, [name for name in sorted(sys.modules) if '.' not in name], file=sys.stderr)"
    )
    words = [sys.executable, "-c", program, "check", "submitted/1/tiny/tiny.ipynb"]
    done = subprocess.run(words, cwd=klass.root, env=ENVIRONMENT, capture_output=True, text=True)
    assert done.stderr.startswith("0 ['")
    for slow in (
        "nbgrader",
        "nbformat",
        "nbconvert",
        "jupytext",
        "matplotlib",
        "IPython",
        "sqlalchemy",
        "canvasapi",
        "libcst",
    ):
        assert f"'{slow}'" not in done.stderr


# --- Ctrl-C


@pytest.mark.slow
@pytest.mark.parametrize("where", ["--jobs 1", "--on local:1"])
def test_ctrl_c_leaves_one_line_and_nothing_running(where: str, handed_in: Course, tmp_path: Path) -> None:
    """In the middle of a submission that would hang for long."""
    course = tiny.copy_of(handed_in, tmp_path / "course")
    configured("c.Examine.call_seconds = 60.0\nc.Examine.cell_seconds = 90.0")(course)
    notebook, right = tiny.read(course.release("tiny")), corpus.reference(tiny.read(course.source("tiny")))
    hangs = right | {"double": right["double"].replace("y = two * x", HANGS)}
    for student, solutions in (("1", right), ("2", hangs), ("3", right)):
        path = course.submitted(student, "tiny")
        path.parent.mkdir(parents=True)
        path.write_bytes(corpus.submission(notebook, solutions))
    command = [*COMMAND, "grade", *where.split()]
    run = subprocess.Popen(
        command,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a background run of tests has it ignored
        cwd=course.root,
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    until(lambda: course.autograded("1", "tiny").exists())
    time.sleep(1.0)
    started = descendants(run.pid)
    assert any("bwrap" in name for name in started.values())
    os.killpg(run.pid, signal.SIGINT)
    out, err = run.communicate(timeout=60)
    assert (run.returncode, out, err.count("\n")) == (130, "", 1), err
    assert err == "stopped; what was finished is kept; the next run goes on\n"  # whichever verb it was
    until(lambda: not {pid for pid in started if alive(pid)})

    database = sqlite3.connect(course.root / "gradebook.db")
    try:
        assert database.execute("pragma integrity_check").fetchall() == [("ok",)]
        kept = database.execute("select student_id from submitted_assignment").fetchall()
        assert kept in ([("1",)], [("1",), ("3",)])  # a cluster's worker takes them in its own order
    finally:
        database.close()
    first = earlier(course, "tiny", "1")
    assert first is not None and first.score == 6.5
    assert earlier(course, "tiny", "2") is None


def until(holds: Callable[[], bool], seconds: float = 60.0) -> None:
    """Wait until something holds. Fails the test if it does not in time."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def descendants(root: int) -> dict[int, str]:
    """The processes that a process started, and those they started: id -> command line."""
    parents = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and (stat := status(int(folder.name))):
            parents[int(folder.name)] = int(stat[1])
    found: dict[int, str] = {}
    ahead = [root]
    while ahead:
        parent = ahead.pop()
        for pid in (pid for pid, above in parents.items() if above == parent):
            found[pid] = Path(f"/proc/{pid}/cmdline").read_text(encoding="utf-8").replace("\0", " ")
            ahead.append(pid)
    return found


def status(pid: int) -> list[str]:
    """State, parent, … of a process as the kernel tells; empty when it is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except OSError:
        return []


def alive(pid: int) -> bool:
    """Whether a process is there and more than an entry that nobody has read yet."""
    return bool(stat := status(pid)) and stat[0] != "Z"


# --- containment refused


@pytest.fixture
def no_bubblewrap(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine without bwrap."""
    which = shutil.which
    monkeypatch.setattr(shutil, "which", lambda name, path=None: None if name == "bwrap" else which(name, path=path))
    yield


@pytest.mark.usefixtures("no_bubblewrap", "real_zygotes")
@pytest.mark.parametrize("words", [["grade"], ["check", "submitted/1/tiny/tiny.ipynb"]])
def test_without_bubblewrap_nothing_is_graded(words: list[str], course: Course, typed: Type) -> None:
    assert typed(course, *COLLECT).status == 0
    said = typed(course, *words)
    assert (said.status, said.out, said.err.count("\n")) == (1, "", 1)
    assert "bwrap: not found" in said.err and "apt install bubblewrap" in said.err and "--no-sandbox" in said.err
    assert not (course.root / "autograded").exists()


@pytest.mark.slow
@pytest.mark.usefixtures("no_bubblewrap")
def test_no_sandbox_goes_on_and_gives_the_same_marks(klass: Course, course: Course, typed: Type) -> None:
    assert typed(course, *COLLECT, "--roster", "gradebook.csv").status == 0
    assert typed(course, "grade", "--no-sandbox").status == 0
    for student in course.students("tiny"):
        ours, theirs = earlier(course, "tiny", student), earlier(klass, "tiny", student)
        assert ours is not None and theirs is not None
        for key in ("verdict", "score", "net", "checks", "rules"):
            assert getattr(ours, key) == getattr(theirs, key), (student, key)
    said = typed(course, "check", "--no-sandbox", "submitted/1/tiny/tiny.ipynb")
    assert said.status == 0 and "6.5 of 6.5 points" in said.out


def test_a_stricter_check_is_shown_and_need_not_lower_a_mark(klass: Course, tmp_path: Path, typed: Type) -> None:
    course = tiny.copy_of(klass, tmp_path / "course")
    floats = corpus.reference(tiny.read(course.source("tiny")))
    floats["double"] = floats["double"].replace("two = 2", "two = 2.0")
    course.submitted("1", "tiny").write_bytes(corpus.submission(tiny.read(course.release("tiny")), floats))
    assert typed(course, "grade", "1").status == 0
    text = course.source_text("tiny")
    strict = "assert near(double(np.array([-7.5])), [-15]) and double(np.arange(2)).dtype == int"
    text.write_text(text.read_text(encoding="utf-8").replace("assert near(double(np.array([-7.5])), [-15])", strict))
    build(course, "tiny")

    said = typed(course, "compare")
    assert "double, double: 0 up, 1 down, -4 points\n  check double has changed:\n" in said.out
    assert "  +assert near(double(np.array([-7.5])), [-15]) and" in said.out
    assert "students: 0 up, 1 down" in said.out

    assert typed(course, "grade", "--again", "--never-lower").status == 0
    result = earlier(course, "tiny", "1")
    assert result is not None and (result.score, result.net, result.checks[0].score) == (6.5, 6.5, 4.0)
    assert "4 submissions, 0 graded now" in typed(course, "grade").out
    pages = {}
    for step in ("kept", "lowered"):
        assert typed(course, "feedback").status == 0
        pages[step] = course.feedback("1", "tiny").read_text(encoding="utf-8")
        assert "1" in typed(course, "grade", "--again", "1").out
    assert "自动评分会从 6.5 分降到 2.5 分，按课程的决定不降低" in pages["kept"]
    assert "（作业的检查更正过）：自动评分从 6.5 分改为 2.5 分" in pages["lowered"]
    assert "double double：4 → 0" in pages["lowered"]
    assert "重新批改过" not in course.feedback("3", "tiny").read_text(encoding="utf-8")
    assert "mark changed" not in typed(course, "grade", "--again", "1").out
    assert typed(course, "feedback").status == 0
    assert "自动评分从 6.5 分改为 2.5 分" in course.feedback("1", "tiny").read_text(encoding="utf-8")


def test_compare_shows_what_grading_again_would_change_and_writes_nothing(
    klass: Course, tmp_path: Path, typed: Type
) -> None:
    course = tiny.copy_of(klass, tmp_path / "course")
    kept = [path for folder in ("autograded", "submitted", "backups") for path in (course.root / folder).rglob("*")]
    before = {path: path.read_bytes() for path in [*kept, course.root / "gradebook.db"] if path.is_file()}
    said = typed(course, "compare")
    assert (said.status, said.out) == (0, "0 marks changed of 4 submissions; nothing was written\n")
    text = course.source_text("tiny")
    text.write_text(text.read_text(encoding="utf-8").replace("check Counter.add 2.5", "check Counter.add 3.5"))
    build(course, "tiny")
    said = typed(course, "compare", "--json")
    assert [json.loads(line) for line in said.out.splitlines()] == [
        {"exercise": "Counter.add", "part": "Counter.add", "student": student, "before": 2.5, "after": 3.5}
        for student in ("1", "3")
    ]
    said = typed(course, "compare", "1")
    assert "Counter.add, Counter.add: 1 up, 0 down, +1 points" in said.out
    assert "王, 小明 6.5 -> 7.5" in said.out
    assert "1 mark changed of 1 submission; nothing was written" in said.out
    assert {path: path.read_bytes() for path in before} == before
    assert "9: " not in typed(course, "compare", "9").out
    assert "no result of 9; grade them first" in typed(course, "compare", "9").err


def test_version_is_the_packages() -> None:
    assert run("--version").stdout == f"assignment {version('assignment')}\n"


@pytest.mark.slow
def test_json_of_check_is_what_its_schema_says(klass: Course) -> None:
    schema = json.loads((ROOT / "docs/check.schema.json").read_text(encoding="utf-8"))
    broken = klass.root / "no notebook.ipynb"
    broken.write_bytes(b"%PDF")
    files = [*sorted(klass.root.glob("submitted/*/tiny/tiny.ipynb")), broken]
    done = run("check", "--json", *map(str, files), cwd=klass.root)
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row["file"] for row in rows] == [str(file) for file in files]
    for row in rows:
        jsonschema.validate(row, schema)


def run(*arguments: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """The program as a person starts it."""
    return subprocess.run([*COMMAND, *arguments], cwd=cwd, env=ENVIRONMENT, capture_output=True, text=True)
