"""The demo, and every command that the pages show, in the order shown, on a class like the demo's."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
from typer.testing import CliRunner

from assignment.cli.app import app
from assignment.course import Course
from assignment.workflow.new import copy_course
from tests import ROOT
from tests.support.canvas_server import User, canvas_server
from tests.test_cli import COMMAND, ENVIRONMENT, narrow

SHOWN = re.compile(r"^\$ (.+?)\s*(?:#.*)?$", re.MULTILINE)
MAKE = {  # `make demo` runs `assignment demo`, `make test` is this
    "make demo",
    "make test",
    "make setup",
}


def commands(page: str) -> list[str]:
    text = (ROOT / page).read_text(encoding="utf-8")
    return [
        command for block in re.findall(r"```console\n(.*?)```", text, re.DOTALL) for command in SHOWN.findall(block)
    ]


@pytest.fixture(scope="module")
def demo(checkout: Course, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """The demo as `make demo` runs it, its examiner less patient: the folder that it was given, and what it said."""
    course = copy_course(checkout, tmp_path_factory.mktemp("checkout"))
    with (course.root / "nbgrader_config.py").open("a", encoding="utf-8") as config:
        config.write("\nc.Examine.call_seconds = 2.0\n")
    folder = tmp_path_factory.mktemp("demo") / "course"
    words = [*COMMAND, "demo", str(folder), "--course", str(course.root)]
    return folder, subprocess.run(words, cwd=folder.parent, env=ENVIRONMENT, capture_output=True, text=True)


@pytest.fixture(scope="module")
def term(demo: tuple[Path, object], tmp_path_factory: pytest.TempPathFactory) -> Course:
    """The demo's class before anything was collected."""
    folder = tmp_path_factory.mktemp("term")
    for file in ("submissions.zip", "gradebook.csv"):
        shutil.copy(demo[0] / file, folder)
    return copy_course(Course(demo[0]), folder)


def test_readme_shows_two_commands_that_make_knows() -> None:
    shown = commands("README.md")
    assert len(shown) == 2 and set(shown) <= MAKE
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert all(re.search(rf"^{command.split()[1]}:", makefile, re.MULTILINE) for command in shown)


@pytest.mark.slow
def test_the_demo_prints_what_the_readme_says(demo: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    folder, done = demo
    assert (done.returncode, done.stderr) == (0, "")
    assert narrow(done.stdout) and "\x1b" not in done.stdout
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    [promised] = re.findall(r"\$ make demo .*\n((?:[^$`].*\n)+)", readme)
    for line in promised.splitlines():
        assert re.sub(r"[0-9.]+ s\b", "N s", line) in re.sub(r"[0-9.]+ s\b", "N s", done.stdout)
    steps = re.findall(r"^\$ assignment (\w+)", done.stdout, re.MULTILINE)
    assert steps == ["release", "collect", "grade", "confirm", "export", "report"]
    assert re.search(r"^mistakes most made\n +2  rnn_forward: \w+$", done.stdout, re.MULTILINE)
    for made in ("grades.csv", "feedback.zip", "report.html"):
        assert (folder / "exported" / "rnn" / made).stat().st_size > 100


@pytest.mark.slow
@pytest.mark.usefixtures("few_mistakes")
@pytest.mark.parametrize("page", ["docs/author.md", "docs/ta.md"])
def test_the_commands_of_a_page(page: str, term: Course, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(term.root)
    with canvas_server() as canvas:
        canvas.users.update({1040 + n: User(f"Student {n}") for n in range(1, 15)})
        for name, value in canvas.environ.items():
            monkeypatch.setenv(name, value)
        for command in commands(page):
            program, *arguments = shlex.split(command)
            assert program == "assignment", command
            done = CliRunner().invoke(app, arguments, catch_exceptions=False)
            assert done.exit_code == 0, f"{command}\n{done.output}"
    if page == "docs/ta.md":
        assert (term.root / "exported/rnn/grades.csv").exists() and (term.root / "exported/rnn/report.html").exists()
        assert len(list(Path(term.root).glob("feedback/*/rnn/rnn.html"))) == 12
        assert sum(user.score is not None for user in canvas.users.values()) == 11
