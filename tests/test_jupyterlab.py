"""The release in a real JupyterLab and Notebook 7: what a student sees, may do and cannot do, and what comes of it."""

from __future__ import annotations

import copy
import itertools
import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from assignment.course import Course
from assignment.grading.examiner import Examiner
from tests.support.browser import OpenNotebook, Server, chromium, jupyter
from tests.support.looks import DARK, LIGHT, flaws

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

Notebook = dict[str, Any]
Open = Callable[[str, Notebook], OpenNotebook]
APPS = {"JupyterLab": "lab/tree/{}?reset", "Notebook 7": "notebooks/{}"}
SOLVE, CHECK, TABLE = "solve-rnn_step_forward", "check-rnn_step_forward", "given------"
STUB = "raise NotImplementedError"
RIGHT = """\
next_h = np.tanh(x @ Wx + prev_h @ Wh + b)
    cache = (x, prev_h, Wx, Wh, next_h)"""


@dataclass(frozen=True)
class Desk:
    """One browser and one server for all tests here, the folder that is served, and numbers for files in it."""

    browser: Browser
    server: Server
    root: Path
    numbers: Iterator[int]


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    root = tmp_path_factory.mktemp("notebooks")
    with chromium() as browser, jupyter(root, tmp_path_factory.mktemp("home")) as server:
        yield Desk(browser, server, root, itertools.count())


@contextmanager
def opening(desk: Desk) -> Iterator[Open]:
    """Opens a notebook, as a file of its own, in one of the two applications; what was opened is closed at the end."""
    pages = []

    def open_one(app: str, notebook: Notebook) -> OpenNotebook:
        path = (
            desk.root / f"{next(desk.numbers)}.ipynb"
        )  # a name used twice would be a file changed behind JupyterLab's back
        path.write_text(json.dumps(notebook, ensure_ascii=False), encoding="utf-8")
        pages.append(desk.server.page(desk.browser, APPS[app].format(path.name)))
        return OpenNotebook(pages[-1], path)

    yield open_one
    for page in pages:
        page.context.close()


@pytest.fixture
def opened(desk: Desk) -> Iterator[Open]:
    """Notebooks of the test's own."""
    with opening(desk) as open_one:
        yield open_one


@pytest.fixture(scope="module")
def ran(desk: Desk, release: Notebook) -> Iterator[Callable[[str], OpenNotebook]]:
    """The untouched release, opened and run once in each application, for tests that leave it as it is."""
    with opening(desk) as open_one:

        @cache
        def run(app: str) -> OpenNotebook:
            notebook = open_one(app, release)
            notebook.run_all()
            return notebook

        yield run


@pytest.fixture(scope="module")
def faulty(release: Notebook) -> Notebook:
    """The release as it must not be: each fault has a cell of its own."""
    notebook = copy.deepcopy(release)
    cells = {cell["id"]: cell for cell in notebook["cells"]}

    def change(name: str, old: str, new: str) -> None:
        source = "".join(cells[name]["source"])
        assert old in source
        cells[name]["source"] = source.replace(old, new)

    for key in ("editable", "deletable"):
        del cells["check-rnn_forward"]["metadata"][key]
    del cells["check-CaptioningRNN-loss"]["metadata"]["tags"]
    change("check-CaptioningRNN-loss", "check.report()", "raise AssertionError(check.name)")
    change("prose-rnn_step_forward", r"\tanh(a_t)", r"\tanh(a_t) \right)")
    change("prose-temporal_softmax_loss", "<NULL> <NULL>\n", "<NULL> <NULL>" + 150 * " " + "<NULL>\n")
    change("prose-closing", "提交前自查", '<font color="#888">提交前自查</font>')
    change("prose-letters", "$N$", "$N")
    change("prose-rules", "就是这个文件。", "就是这个文件。\n")
    return notebook


def plain(text: str) -> str:
    """What is printed, without its colours and the blanks around coloured words."""
    return re.sub(r"\x1b\[[0-9;]+m ?| ?\x1b\[0m", "", text)


def table(notebook: OpenNotebook) -> list[list[str]]:
    """Run the last cell; return its rows: name, points, of how many, what is said."""
    text = plain("".join(output["text"] for output in notebook.run(TABLE)["outputs"]))
    return [[part for part in line.split(maxsplit=4) if part != "/"] for line in text.splitlines()[:10]]


def checked(course: Course, path: Path) -> dict[str, Any]:
    """What `assignment check --json` says of a file."""
    command = [sys.executable, "-m", "assignment", "check", str(path), "--json", "--course", str(course.root)]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return json.loads(said)  # type: ignore[no-any-return]


def verdict(result: dict[str, Any]) -> tuple[str, float, list[Any], list[Any]]:
    """Verdict, score, findings about the rules, and what had to be put back in order."""
    return result["verdict"], result["score"], list(result["rules"]), list(result["repairs"])


def lines_of_errors(cells: list[dict[str, Any]]) -> dict[str, int]:
    """How many lines each cell's error takes, for the cells that show one."""
    errors = {cell["id"]: output for cell in cells for output in cell.get("outputs", []) if "traceback" in output}
    return {name: "\n".join(error["traceback"]).count("\n") + 1 for name, error in errors.items()}


def tampered(notebook: OpenNotebook, name: str) -> set[str]:
    """What a student with mouse and keyboard can do to a cell: of typing, cutting off, retyping, joining, deleting."""
    page, before = notebook.page, notebook.cells
    here = next(number for number, cell in enumerate(before) if cell["id"] == name)
    done = set()
    for deed, keys in {
        "typed": ["Control+End", "#"],
        "emptied": ["Control+a", "Delete"],
        "split": ["Control+Home", "ArrowDown", "Control+Shift+Minus"],
        "retyped": ["Escape", "m"],
        "joined": ["Escape", "Shift+ArrowDown", "Shift+m"],
        "cut": ["Escape", "x"],
        "deleted": ["Escape", "d", "d"],
    }.items():
        notebook.enter(name)
        for key in keys:
            page.keyboard.press(key)
        page.wait_for_timeout(300)
        notice = page.locator(".jp-Dialog button")
        if notice.count():  # "The cell is read-only"
            notice.last.click()
        now = notebook.cells
        if [now[here][key] for key in ("id", "source", "cell_type")] != [
            before[here][key] for key in ("id", "source", "cell_type")
        ] or len(now) != len(before):
            done.add(deed)
            page.keyboard.press("Escape")
            page.keyboard.press("z")
            page.wait_for_timeout(300)
            before = notebook.cells
    return done


def test_no_browser_is_a_failure_with_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(AssertionError, match="make browser"), chromium():
        pass


@pytest.mark.parametrize("app", APPS)
def test_the_untouched_release_runs_to_its_end(
    ran: Callable[[str], OpenNotebook], examiner: Examiner, app: str
) -> None:
    notebook = ran(app)
    cells = notebook.cells
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in code] == list(range(1, len(code) + 1))
    assert lines_of_errors(cells) == {}
    for cell in code:
        said = "".join(output.get("text", "") for output in cell["outputs"])
        if cell["id"].startswith("check-") and cell["id"] != "check-environment":
            assert all("未完成" in line for line in said.splitlines())
            assert said
    assert {row[-1] for row in table(notebook)} == {"未完成"}
    for name in ("given-helpers", "check-rnn_forward"):
        assert tampered(notebook, name) == set()
    notebook.save()
    result = examiner.examine(notebook.path.read_bytes()).result.as_dict()
    assert verdict(result) == ("graded", 0, [], [])


@pytest.mark.parametrize("app", APPS)
def test_one_exercise_from_todo_to_verdict(
    opened: Open, release: Notebook, checkout: Course, examiner: Examiner, app: str
) -> None:
    notebook = opened(app, release)
    notebook.run_all()
    notebook.retype(SOLVE, STUB, RIGHT)
    notebook.run(SOLVE)
    assert table(notebook)[0] == ["rnn_step_forward", "0", "8", "函数重新定义过，请再运行一次检查"]
    [shown] = notebook.run(CHECK)["outputs"]
    assert "通过" in shown["text"]
    assert "未通过" not in shown["text"]
    assert table(notebook)[0] == ["rnn_step_forward", "8", "8", "通过"]

    notebook.retype(SOLVE, "next_h = np.tanh", "next_h = np.tanh(x @ Wx + prev_h @ Wh)")
    notebook.run(SOLVE)
    [shown] = notebook.run(CHECK)["outputs"]
    assert "未通过  12 个元素中 9 个不对" in plain(shown["text"])
    assert "；next_h[0, 3] 得到" in shown["text"]
    notebook.run_all()
    notebook.save()
    result = examiner.examine(notebook.path.read_bytes()).result.as_dict()
    assert verdict(result) == ("graded", 0, [], [])
    assert "偏置" in result["checks"][0]["parts"][0]["hint"]

    notebook.retype(SOLVE, "next_h = np.tanh", "next_h = np.tanh(x @ Wx + prev_h @ Wh + b)")
    notebook.run_all()
    notebook.save()
    result = checked(checkout, notebook.path)
    assert verdict(result) == ("graded", 8, [], [])


def test_formulas_tables_and_pictures_look_right(ran: Callable[[str], OpenNotebook]) -> None:
    notebook = ran("JupyterLab")
    assert flaws(notebook, LIGHT) == {}
    assert flaws(notebook, DARK) == {}
    assert notebook.page.locator("mjx-container").count() > 100
    sizes = notebook.page.locator(".jp-RenderedMarkdown img").evaluate_all("all => all.map(i => i.naturalWidth)")
    assert sizes == [1520] * 5
    assert notebook.page.locator(".jp-RenderedMarkdown table").count() == 4


def test_faults_of_a_release_would_be_seen(opened: Open, faulty: Notebook) -> None:
    notebook = opened("JupyterLab", faulty)
    notebook.run_all()
    cells = notebook.cells
    assert notebook.cell(TABLE)["execution_count"] is None  # an untagged check that raises stops the run
    assert lines_of_errors(cells).keys() == {"check-CaptioningRNN-loss"}
    assert tampered(notebook, "check-rnn_forward") == {
        "typed",
        "emptied",
        "split",
        "retyped",
        "joined",
        "cut",
        "deleted",
    }
    assert {name: seen for name, seen in flaws(notebook, LIGHT).items() if name.startswith("prose-")} == {
        "prose-rules": ["gap"],
        "prose-letters": ["formula as text"],
        "prose-rnn_step_forward": ["formula in error"],
        "prose-temporal_softmax_loss": ["too wide"],
        "prose-closing": ["faint"],
    }
