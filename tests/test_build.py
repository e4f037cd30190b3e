"""The master text and the notebook built from it, and back."""

from __future__ import annotations

import ast
import base64
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest

from assignment.course import Course
from assignment.errors import AssignmentError
from assignment.homework import STUB, load_master
from assignment.homework.percent import commands, parse
from assignment.workflow.build import build, take_back
from tests import ROOT
from tests.support import tiny

SOLVE = "# TODO: 写\n### BEGIN SOLUTION\n{}\n### END SOLUTION\n# TODO 结束\n"


@pytest.fixture
def course(tmp_path: Path) -> Course:
    return tiny.course(tmp_path / "course")


def edit(course: Course, change: Any) -> None:
    """Change the built notebook's cells as a person in Jupyter would: run it too."""
    notebook = tiny.read(course.source("tiny"))
    change(notebook["cells"])
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            cell["execution_count"] = 3
    tiny.write(course.source("tiny"), notebook)


def test_a_cell_of_each_kind_carries_its_metadata(course: Course) -> None:
    cells = tiny.read(course.source("tiny"))["cells"]
    locked = {"schema_version": 3, "task": False, "locked": True, "solution": False}
    open_ = {"schema_version": 3, "task": False, "locked": False, "solution": True, "grade": False}
    table = [
        ("prose-intro", "markdown", None),
        ("given-imports", "code", locked | {"grade": False, "grade_id": "given-imports"}),
        ("solve-double", "code", open_ | {"grade_id": "solve-double"}),
        (
            "check-double",
            "code",
            locked | {"grade": True, "grade_id": "check-double", "points": 4, "cell_type": "code"},
        ),
        ("prose-counter", "markdown", None),
        ("solve-Counter-add", "code", open_ | {"grade_id": "solve-Counter-add"}),
        (
            "check-Counter-add",
            "code",
            locked | {"grade": True, "grade_id": "check-Counter-add", "points": 2.5, "cell_type": "code"},
        ),
    ]
    assert [(c["id"], c["cell_type"], c["metadata"].get("nbgrader")) for c in cells] == table
    assert [c["metadata"].get("tags") for c in cells if c["id"].startswith("check")] == [["raises-exception"]] * 2
    assert cells[5]["metadata"]["assignment"] == {"kind": "solve", "name": "Counter.add"}
    nbformat.validate(tiny.read(course.source("tiny")))


def test_building_again_gives_the_same_bytes(course: Course) -> None:
    before = course.source("tiny").read_bytes()
    assert build(course, "tiny").changed is False
    course.source("tiny").unlink()
    assert build(course, "tiny").changed is True
    assert course.source("tiny").read_bytes() == before
    assert before == (nbformat.writes(nbformat.reads(before.decode(), as_version=4)) + "\n").encode()


def test_a_changed_text_is_built(course: Course) -> None:
    text = course.source_text("tiny")
    text.write_text(text.read_text().replace("check double 4", "check double 5"))
    assert build(course, "tiny").master.check("double").points == 5


@pytest.mark.parametrize(
    ("cell", "word"),
    [
        ("# %% test double 1\n1", "1: cell 'test double 1': unknown kind 'test'"),
        ("# %%\n1", "1: cell '': unknown kind ''"),
        ("# %% given\n1", "no name"),
        ("# %% given a\n1\n# %% given a\n2", "3: cell 'given a': the name is taken by line 1"),
        ("# %% given a.b\n1\n# %% given a-b\n2", "the name is taken by line 1 (id given-a-b)"),
        ("# %% check double\n1", "check without points"),
        ("# %% check double four\n1", "points 'four' are no number"),
        ("# %% check double -1\n1", "points '-1' must be"),
        ("# %% check double nan\n1", "points 'nan' must be"),
        ("# %% check double 1\n1", "no exercise of that name"),
        ("# %% solve f\ndef f(): pass", "without a region"),
        ("# %% solve f\ndef f():\n    # TODO: 写\n    return 1", "2: cell 'solve f'".replace("2", "3")),
        ("# %% solve f\ndef f():\n    # TODO: 写\n    # TODO 结束\n    return 1", "holds 0 solutions"),
        ("# %% solve f\n" + SOLVE.format("f = 1"), "does not define f"),
        ("# %% solve f\ndef f(:\n    pass\n" + SOLVE.format("f = 1"), "2: cell 'solve f': no Python"),
        (
            "# %% solve f\n### BEGIN SOLUTION\ndef f(): pass\n### END SOLUTION",
            "2: cell 'solve f': a solution outside",
        ),
        ("# %% solve f\n# TODO: 写\nx = 1\n" + SOLVE.format("").partition("\n")[2], "students would get it"),
        ("# %% given a\n### BEGIN SOLUTION\n1\n### END SOLUTION", "belongs into a solve cell"),
        (
            "# %% given a\n### BEGIN HIDDEN TESTS\n1\n### END HIDDEN TESTS",
            "2: cell 'given a': '### BEGIN HIDDEN T",
        ),
        ("# %% given a\n# TODO: 写\n# TODO 结束", "a TODO region in a given cell"),
        ("# %% check a 0\n### BEGIN HIDDEN TEST\n1", "2: cell 'check a 0': '### BEGIN HIDDEN TEST' is no marker"),
        ("# %% check a 0\n## begin hidden tests\n1", "is no marker"),
        ("# %% check a 0\n### BEGIN HIDDEN TESTS\n1", "without an end"),
        ("# %% check a 0\n1\n### END HIDDEN TESTS", "3: cell 'check a 0': '### END HIDDEN TESTS' without a beginning"),
        ("# %% prose a\n1", "write [markdown]"),
        ("# %% play a\n# TODO: 写\n# TODO 结束", "a TODO region in a play cell"),
        ("# %% given a\nfrom assignment.homework.checker import Chek", "no Chek in assignment/homework/checker.py"),
        ("# %% given a [markdown]\n# 1", "is code"),
        ("import numpy\n# %% given a\n1", "1: text before the first cell"),
        ("", "1: text before the first cell"),
        ('# %% given a\nx = """\n# %% b\n"""', "3: begins with '# %%' and is no title of a cell ('# %% b')"),
        ("# %% prose a [markdown]\n# 写\n# %%time", "3: begins with '# %%' and is no title of a cell ('# %%time')"),
        ("# %% prose a [markdown]\n# %% 写出两倍", "2: cell '写出两倍': unknown kind '写出两倍'"),
        ("# %% prose a [markdown]\n# %% 写出两倍", "a line of prose must not begin with '%%'"),
        ("# %% prose 开头 [markdown]\n# 1\n# %% prose 结尾 [markdown]\n# 2", "put some into the name"),
        (
            "# %% given a\n1\n# %% check a 0\n1\n# %timeit f()",
            "5: cell 'check a 0': '%timeit f()' is a command of IPython",
        ),
        ("# %% check a 0\n# !ls", "2: cell 'check a 0': '!ls' is a command of IPython"),
        ("# %% given a\n1\n# %matters", "3: cell 'given a': '%matters' is a command of IPython"),
        ("# %% given a\n# !ls", "begin the comment with another word, or put the command into a play cell"),
        ("# %% given a\n\nx = (", "3: cell 'given a': no Python: '(' was never closed"),
        ("# %% check a 0\n1\nx = (", "3: cell 'check a 0': no Python"),
    ],
)
def test_a_fault_names_the_cell_and_the_line(cell: str, word: str) -> None:
    with pytest.raises(AssignmentError, match=r"^source/t\.py:?") as error:
        parse(cell, "source/t.py")
    assert word in str(error.value)


def test_a_comment_that_is_a_command_in_a_cell_to_play_with_is_told_with_its_line() -> None:
    text = "# ---\n# a: 1\n# ---\n# %% prose a [markdown]\n# %b\n# %% play c\n1\n# %matters\n\n# !ls\n"
    assert list(commands(text)) == [(8, "%matters"), (10, "!ls")]


def test_a_text_that_is_not_there_or_not_utf8(course: Course) -> None:
    with pytest.raises(AssignmentError, match=r"source/other\.py: not there"):
        build(course, "other")
    course.source_text("tiny").write_text(tiny.TEXT, encoding="utf-8-sig")
    with pytest.raises(AssignmentError, match=r"source/tiny\.py:1: begins with a byte order mark; save it as UTF-8"):
        build(course, "tiny")
    course.source_text("tiny").write_bytes("# %% given a\n'中'".encode("gbk"))
    with pytest.raises(AssignmentError, match=r"source/tiny\.py: no UTF-8"):
        build(course, "tiny")


@pytest.mark.parametrize("name", ["hw+3", "hw 3", "a.b"])
def test_a_name_that_nbgrader_or_a_link_stumbles_over(name: str, course: Course) -> None:
    course.source_text("tiny").rename(course.source_text(name))
    with pytest.raises(AssignmentError, match=r"\.py: a homework's name has letters, digits, '_', '-' only; rename it"):
        course.assignment(name)


def test_running_and_saving_in_jupyter_is_no_edit(course: Course) -> None:
    def run(cells: list[dict[str, Any]]) -> None:
        cells[1]["outputs"] = [{"output_type": "stream", "name": "stdout", "text": ["准备好了\n"]}]
        cells[1]["source"] = "".join(cells[1]["source"]) + "\n\n"

    edit(course, run)
    assert build(course, "tiny").changed is True
    assert "准备好了\\n" not in course.source("tiny").read_text()


EDITS: dict[str, Any] = {
    "changed prose": lambda cells: cells[0].update(source="# 新题目\n\n一行\n- 点 $x_1$"),
    "changed code": lambda cells: cells[1].update(source=["import numpy\n", "\n", "x = 1"]),
    "changed solution": lambda cells: cells[2].update(source="".join(cells[2]["source"]).replace("two * x", "x + x")),
    "points": lambda cells: cells[3]["metadata"]["nbgrader"].update(points=7.5),
    "moved": lambda cells: cells.insert(1, cells.pop(4)),
    "deleted": lambda cells: cells.pop(4),
    "copied": lambda cells: cells.insert(2, dict(cells[1], id="a1b2")),
    "new prose": lambda cells: cells.append({"cell_type": "markdown", "id": "x", "metadata": {}, "source": "完"}),
    "new code": lambda cells: cells.insert(
        2, {"cell_type": "code", "id": "x", "metadata": {}, "source": "z = 3\n", "outputs": []}
    ),
    "a command in a cell to play with": lambda cells: cells.append(
        dict(
            cells[1],
            id="y",
            metadata={"assignment": {"kind": "play", "name": "fun"}},
            source=["%matplotlib inline\n", "!ls\n", "x = 1"],
        )
    ),
    "new exercise": lambda cells: cells.append(
        {
            "cell_type": "code",
            "id": "x",
            "metadata": {},
            "outputs": [],
            "source": "def g(x):\n    # TODO: 写\n    ### BEGIN SOLUTION\n    y = 3\n"
            "    ### END SOLUTION\n    # TODO 结束\n    return y",
        }
    ),
}


@pytest.mark.parametrize("name", EDITS)
def test_an_edit_in_jupyter_is_never_overwritten_and_can_be_taken_back(course: Course, name: str) -> None:
    edit(course, EDITS[name])
    edited, text = course.source("tiny").read_bytes(), course.source_text("tiny").read_text()
    with pytest.raises(AssignmentError, match="--take-back") as error:
        build(course, "tiny")
    assert "--- text\n+++ notebook" in error.value.details
    assert course.source("tiny").read_bytes() == edited

    sources = [("".join(c["source"]).strip("\n")) for c in json.loads(edited)["cells"]]
    assert take_back(course, "tiny").changed is True
    assert [cell.source for cell in load_master(course.source("tiny")).cells] == sources
    assert build(course, "tiny").changed is False
    kept = set(text.split("\n")) & set(course.source_text("tiny").read_text().split("\n"))
    assert len(kept) > 25  # the other cells keep their text, headers and spacing


def test_taking_back_nothing_changes_nothing(course: Course) -> None:
    text, notebook = course.source_text("tiny").read_bytes(), course.source("tiny").read_bytes()
    assert take_back(course, "tiny").changed is False
    assert (course.source_text("tiny").read_bytes(), course.source("tiny").read_bytes()) == (text, notebook)


def test_taking_back_refuses_what_would_be_lost(course: Course) -> None:
    text = course.source_text("tiny").read_text()

    def refused(word: str) -> None:
        notebook = course.source("tiny").read_bytes()
        before = course.source_text("tiny").read_bytes()
        with pytest.raises(AssignmentError, match=word):
            take_back(course, "tiny")
        assert course.source("tiny").read_bytes() == notebook
        assert course.source_text("tiny").read_bytes() == before

    edit(course, lambda cells: cells[0].update(attachments={"a.png": {"image/png": "aGk="}}))
    refused("pasted picture")
    edit(course, lambda cells: cells[0].pop("attachments"))
    edit(course, lambda cells: cells[0].update(source="完"))
    course.source_text("tiny").write_text(text.replace("两倍 $y", "双倍 $y"))
    refused("edited too")


def test_a_built_file_that_is_no_notebook_is_not_overwritten(course: Course) -> None:
    course.source("tiny").write_text("{")
    with pytest.raises(AssignmentError, match=r"source/tiny/tiny\.ipynb: no notebook"):
        build(course, "tiny")
    with pytest.raises(AssignmentError, match=r"tiny\.ipynb: no notebook"):
        load_master(course.source("tiny"))


def test_the_master_knows_its_cells(course: Course) -> None:
    master = load_master(course.source("tiny"))
    counter = master.solve("Counter.add")
    assert (master.name, master.max) == ("tiny", 6.5)
    assert [len(cells) for cells in (master.given, master.solves, master.checks)] == [1, 2, 2]
    assert counter.defines == ("Counter", "Counter.add")
    assert [counter.source.split("\n")[r.start : r.stop][1].strip() for r in counter.regions] == ["self.count += step"]
    assert f"        # TODO: 加上 step\n        {STUB}\n        # TODO 结束\n" in counter.stub
    assert "-7.5" not in master.check("double").stub
    assert master.digest != master.released.digest
    assert master.release == master.released.release


def test_the_course_finds_its_assignments(tmp_path: Path) -> None:
    two = tiny.course(tmp_path / "two", a=tiny.TEXT, b=tiny.TEXT)
    two.source_text("b_mistakes").write_text(tiny.TEXT)
    two.source_text("helper").write_text("x = 1\n")
    assert two.assignments() == ["a", "b"]
    assert two.assignment("b") == "b"
    for name, word in [(None, "choose with --assignment: a, b"), ("c", "it has a, b")]:
        with pytest.raises(AssignmentError, match=word):
            two.assignment(name)
    with pytest.raises(AssignmentError, match="--course DIR"):
        Course.find(tmp_path)


def test_reading_a_master_imports_nothing_heavy() -> None:
    code = (
        "import sys, assignment.course, assignment.homework, assignment.workflow.build\n"
        "print([name for name in ('nbgrader', 'jupytext', 'nbformat', 'traitlets') if name in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


# What a master takes from the engine and from files beside it

# A PNG of 18 by 9
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAABIAAAAJCAAAAAAatCPTAAAAD0lEQVR42mP4jwEYBqkQAOiroV/xqz4pAAAAAElFTkSuQmCC"
)
RICH = f"""# %% prose seen [markdown]
# ![一个方块](figures/square.png)

# %% given checks
# @title 检查器
from assignment.homework.diagnosis import Row, Diagnosis
from assignment.homework.checker import rel_error, eval_numerical_gradient, eval_numerical_gradient_array, Check

# %% play guess
print("guess")

{tiny.TEXT.split("# ---", 2)[2].lstrip()}"""
HEADER = "# ---\n# assignment:\n#   time_axis: 1\n# ---\n\n"


@pytest.fixture
def rich(tmp_path: Path) -> Course:
    root = tmp_path / "rich"
    (root / "source" / "figures").mkdir(parents=True)
    (root / "source" / "figures" / "square.png").write_bytes(PNG)
    (root / "nbgrader_config.py").write_text(tiny.CONFIG)
    course = Course.find(root)
    course.source_text("rich").write_text(HEADER + RICH)
    build(course, "rich")
    return course


def source_of(course: Course, name: str) -> str:
    return next("".join(c["source"]) for c in tiny.read(course.source("rich"))["cells"] if c["id"] == name)


def test_code_and_figures_are_put_in_and_taken_out_again(rich: Course) -> None:
    assert 'width="9" src="data:image/png;base64,iVBORw0' in source_of(rich, "prose-seen")
    assert "def rel_error(x, y):\n" in source_of(rich, "given-checks")
    assert "from assignment" not in source_of(rich, "given-checks")
    text = rich.source_text("rich").read_text()
    notebook = tiny.read(rich.source("rich"))
    notebook["cells"][0]["source"] = ["看：\n\n", *notebook["cells"][0]["source"]]
    tiny.write(rich.source("rich"), notebook)
    take_back(rich, "rich")
    assert rich.source_text("rich").read_text() == text.replace("# ![一个方块]", "# 看：\n#\n# ![一个方块]")


def test_the_checker_is_not_edited_in_a_notebook(rich: Course) -> None:
    notebook = tiny.read(rich.source("rich"))
    notebook["cells"][1]["source"] += ["\n# mine"]
    tiny.write(rich.source("rich"), notebook)
    with pytest.raises(AssignmentError, match=r"cell 'given checks': .* edit assignment/homework/checker.py"):
        take_back(rich, "rich")


def test_a_missing_figure_is_said(rich: Course) -> None:
    (rich.root / "source" / "figures" / "square.png").unlink()
    with pytest.raises(AssignmentError, match=r"source/rich.py:6: .* no figure square.png"):
        build(rich, "rich")


def test_a_figure_that_colab_does_not_show_is_said(rich: Course) -> None:
    rich.source_text("rich").write_text(HEADER + RICH.replace("square.png", "square.svg"))
    (rich.root / "source" / "figures" / "square.svg").write_text("<svg/>")
    with pytest.raises(AssignmentError, match=r"source/rich.py:6: .* name square.png, which 'make figures' draws"):
        build(rich, "rich")


def test_the_header_reaches_the_engine(rich: Course) -> None:
    assert load_master(rich.source("rich")).time_axis == 1


@pytest.mark.parametrize("line", ["time_axis: first", "nonsense: 1", "time_axis: [["])
def test_a_malformed_header_is_said(rich: Course, line: str) -> None:
    rich.source_text("rich").write_text(f"# ---\n# assignment:\n#   {line}\n# ---\n\n{RICH}")
    with pytest.raises(AssignmentError, match=r"^source/rich.py:1: malformed header"):
        build(rich, "rich")


def test_folded_and_played_with(rich: Course) -> None:
    cells = {c["id"]: c for c in tiny.read(rich.source("rich"))["cells"]}
    assert cells["given-checks"]["metadata"]["jupyter"] == {"source_hidden": True}
    assert cells["given-checks"]["metadata"]["cellView"] == "form"
    play = cells["play-guess"]["metadata"]
    assert (play["nbgrader"]["locked"], play["nbgrader"]["grade"], play["nbgrader"]["solution"]) == (True, False, False)
    master = load_master(rich.source("rich"))
    assert [cell.id for cell in master.cells if cell.kind == "play"] == ["play-guess"]
    assert "play-guess" not in {cell.id for cell in master.graded}


def test_the_notebook_is_python_that_the_oldest_students_have() -> None:
    for cell in load_master(Course(ROOT).release("rnn")).cells:
        if cell.cell_type == "code":
            ast.parse(cell.source, feature_version=(3, 9))


def test_deadline_and_links_come_from_the_config(rich: Course) -> None:
    text = (
        rich.source_text("rich")
        .read_text()
        .replace("figures/square.png)", "figures/square.png) 交上来。<!-- facts -->")
    )
    rich.source_text("rich").write_text(text)
    build(rich, "rich")
    assert source_of(rich, "prose-seen").endswith("交上来。<!-- facts -->")
    config = 'c.LatePenalty.deadline = {"rich": "2026-11-08T23:59:59+08:00"}\nc.Homework.links = {"主页": "https://example.org"}\n'
    (rich.root / "nbgrader_config.py").write_text(tiny.CONFIG + config)
    build(rich, "rich")
    told = "<!-- facts -->截止时间：**2026 年 11 月 8 日 23:59**（UTC+08:00）。[主页](https://example.org)。"
    assert source_of(rich, "prose-seen").endswith(told)
    take_back(rich, "rich")
    assert rich.source_text("rich").read_text() == text
