"""Every command that the pages show is run here, in the order shown, on a demo course."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from assignment.cli import app
from assignment.course import Course
from assignment.demo import prepared
from tests.canvas_server import User, canvas_server
from tests.conftest import ROOT

COMMAND = re.compile(r"^\$ (.+?)\s*(?:#.*)?$", re.MULTILINE)
MAKE = {
    "make demo",
    "make test",
    "make setup",
}  # `make demo` runs `assignment demo` (tests/test_cli.py), `make test` is this


def commands(page: str) -> list[str]:
    text = (ROOT / page).read_text(encoding="utf-8")
    return [
        command for block in re.findall(r"```console\n(.*?)```", text, re.DOTALL) for command in COMMAND.findall(block)
    ]


@pytest.fixture(scope="module")
def term(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Course]:
    """A demo course whose examiner loses patience soon, with a Canvas that knows the same class."""
    folder = tmp_path_factory.mktemp("term")
    checkout = Course(ROOT)
    with prepared(checkout, "rnn", folder / "course") as (course, _, _):
        config = course.root / "nbgrader_config.py"
        config.write_text(config.read_text(encoding="utf-8") + "\nc.Examine.call_seconds = 2.0\n", encoding="utf-8")
        yield course


def test_readme_shows_two_commands_that_make_knows() -> None:
    shown = commands("README.md")
    assert len(shown) == 2 and set(shown) <= MAKE
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert all(re.search(rf"^{command.split()[1]}:", makefile, re.MULTILINE) for command in shown)


@pytest.mark.slow
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
