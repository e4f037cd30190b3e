"""The release: made by nbgrader, proven to give nothing away, kept, and recognised in a submission."""

from __future__ import annotations

import copy
import os
import subprocess
import sysconfig
from pathlib import Path
from typing import Any

import pytest

from assignment.course import Course
from assignment.errors import AssignmentError
from assignment.homework import STUB, Master, load_master
from assignment.homework.notebook import keep, made_from, prove, releases
from assignment.plugins import examiner_for
from assignment.workflow import proving
from assignment.workflow.build import build
from assignment.workflow.grade import grade
from assignment.workflow.release import release
from tests import ROOT
from tests.support import tiny


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Course:
    """A course whose release was made once; tests that change it copy it."""
    course = tiny.course(tmp_path_factory.mktemp("made") / "course")
    release(course, "tiny")
    return course


@pytest.fixture
def course(made: Course, tmp_path: Path) -> Course:
    return tiny.copy_of(made, tmp_path / "course")


def change_text(course: Course, *changes: tuple[str, str]) -> None:
    """Replace pieces of the master text."""
    text = course.source_text("tiny").read_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    course.source_text("tiny").write_text(text)


def nbgrader(course: Course, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run nbgrader's own command in the course's root."""
    scripts = sysconfig.get_path("scripts")
    path = os.pathsep.join([scripts, os.environ["PATH"]])
    return subprocess.run(
        [str(Path(scripts) / "nbgrader"), *arguments],
        cwd=course.root,
        env=os.environ | {"PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_release_holds_what_is_given_and_both_ends_of_a_region(made: Course) -> None:
    notebook, master = tiny.read(made.release("tiny")), load_master(made.source("tiny"))
    sources = {raw["id"]: "".join(raw["source"]) for raw in notebook["cells"]}
    assert sources["solve-double"].split("\n")[2:] == [
        "    # TODO: 返回两倍",
        f"    {STUB}",
        "    # TODO 结束",
        "    return y",
    ]
    assert "-7.5" not in made.release("tiny").read_text()
    assert notebook["metadata"]["assignment"] == {"name": "tiny", "release": master.release}
    assert load_master(made.release("tiny")).cells == master.released.cells


def test_released_again_the_bytes_are_the_same(course: Course) -> None:
    before = course.release("tiny").read_bytes()
    released = release(course, "tiny")
    assert course.release("tiny").read_bytes() == before
    kept = course.published("tiny") / f"{released.release}.ipynb"
    assert (released.max, kept.read_bytes()) == (6.5, before)


@pytest.mark.slow
def test_nbgraders_own_command_makes_the_same_release(course: Course) -> None:
    before = course.release("tiny").read_bytes()
    (course.published("tiny") / f"{load_master(course.release('tiny')).release}.ipynb").unlink()
    done = nbgrader(course, "generate_assignment", "tiny", "--force")
    assert done.returncode == 0, done.stderr
    assert course.release("tiny").read_bytes() == before
    assert len(list(course.published("tiny").glob("*.ipynb"))) == 1


@pytest.mark.slow
def test_nbgrader_validates_the_master(course: Course) -> None:
    done = nbgrader(course, "validate", "source/tiny/tiny.ipynb")
    assert (done.returncode, "Success" in done.stdout) == (0, True), done.stdout + done.stderr


def test_the_gradebook_knows_the_assignment(made: Course) -> None:
    with made.gradebook() as gradebook:
        cells = gradebook.find_notebook("tiny", "tiny").grade_cells
        assert {cell.name: cell.max_score for cell in cells} == {"check-double": 4, "check-Counter-add": 2.5}


LEAKS: dict[str, tuple[Any, str]] = {
    "a solution line": (lambda nb: nb["cells"][2].update(source="two = 2\n"), "cell solve-double holds the line"),
    "a hidden test": (
        lambda nb: nb["cells"][3].update(
            source=nb["cells"][3]["source"] + "\nassert near(double(np.array([-7.5])), [-15])"
        ),
        "cell check-double holds the line",
    ),
    "a marker": (
        lambda nb: nb["cells"][3].update(source="# begin hidden tests"),
        "cell check-double still holds a marker",
    ),
    "lines in another order": (
        lambda nb: nb["cells"][1].update(source="\n".join(reversed(nb["cells"][1]["source"].split("\n")))),
        "cell given-imports is not what the master gives",
    ),
    "outputs": (
        lambda nb: nb["cells"][1].update(outputs=[{"output_type": "stream"}]),
        "cell given-imports holds outputs",
    ),
    "a count": (lambda nb: nb["cells"][1].update(execution_count=3), "cell given-imports holds outputs"),
    "a picture": (lambda nb: nb["cells"][0].update(attachments={"a.png": {}}), "cell prose-intro holds outputs"),
    "cell metadata": (lambda nb: nb["cells"][0]["metadata"].update(solution="y"), "cell prose-intro carries metadata"),
    "notebook metadata": (lambda nb: nb["metadata"].update(jupytext={}), "jupytext"),
    "a cell too many": (lambda nb: nb["cells"].append(nb["cells"][0]), "its cells are not the master's"),
    "a cell too few": (lambda nb: nb["cells"].pop(), "its cells are not the master's"),
}


@pytest.mark.parametrize("name", LEAKS)
def test_every_leak_is_seen_and_names_its_cell(made: Course, name: str) -> None:
    master = load_master(made.source("tiny"))
    notebook = tiny.read(made.release("tiny"))
    for raw in notebook["cells"]:
        raw["source"] = "".join(raw["source"])
    prove(master, notebook)
    spoil, word = LEAKS[name]
    spoilt = copy.deepcopy(notebook)
    spoil(spoilt)
    with pytest.raises(AssignmentError, match=word):
        prove(master, spoilt)


WRONG_HOMEWORK = {
    "a hidden test that is wrong by one": ([("[-15])", "[-14])")], "check double: the solutions get 0 of 4 points"),
    "parts worth less than the title": (
        [("assert near(double(np.array([-7.5])), [-15])", "3 * near(double(np.array([-7.5])), [-15])")],
        "check double: the solutions get 3 of 4 points",
    ),
    "a point for nothing": (
        [
            ('print("double", near(double(x), [0, 2, 4]))\nassert near(double(x), [0, 2, 4])\n', ""),
            ("assert near(double(np.array([-7.5])), [-15])", "assert True"),
        ],
        "check double: the untouched release gets 4 points",
    ),
    "data without a seed": (
        [("np.array([-7.5])), [-15])", "np.array([np.random.rand() * 0])), [0])")],
        "check double: np.random.rand() in its hidden tests has no seed",
    ),
    "a generator without a seed": (
        [("np.array([-7.5])), [-15])", "np.random.default_rng().uniform(size=1) * 0), [0])")],
        "check double: np.random.default_rng() in its hidden tests has no seed",
    ),
    "a draw of Python's own": (
        [("np.array([-7.5])), [-15])", "random.random() * 0), 0)"), ("import json", "import random")],
        "check double: random.random() in its hidden tests has no seed",
    ),
    "a given cell that raises": (
        [('print("准备好了")', "def half(x):\n    return x / 0\n\n\nhalf(1)")],
        "the solutions: crashed: cell 'given imports', line 12: ZeroDivisionError: division by zero; correct this cell",
    ),
    "a solution that imports": (
        [("    two = 2\n", "    if False:\n        import torch\n    two = 2\n")],
        "the solutions break the rule imports",
    ),
}


@pytest.mark.parametrize("name", WRONG_HOMEWORK)
def test_a_homework_that_marks_wrongly_is_not_released(course: Course, name: str) -> None:
    changes, word = WRONG_HOMEWORK[name]
    change_text(course, *changes)
    before = course.release("tiny").read_bytes()
    with pytest.raises(AssignmentError, match="its own solutions must get every point") as caught:
        release(course, "tiny")
    assert word in caught.value.details
    assert course.release("tiny").read_bytes() == before


def test_no_class_is_graded_by_a_homework_that_marks_wrongly(course: Course) -> None:
    change_text(course, ("[-15])", "[-14])"))
    build(course, "tiny")
    handed_in = course.submitted("1", "tiny")
    handed_in.parent.mkdir(parents=True)
    handed_in.write_bytes(course.release("tiny").read_bytes())
    with pytest.raises(AssignmentError, match="its own solutions must get every point"):
        grade(course, "tiny", jobs=1)
    assert not course.autograded("1", "tiny").exists()


REPEATED = "    two = 2\n    y = two * x\n"


@pytest.mark.parametrize(
    ("old", "new", "word"),
    [
        ('print("准备好了")', f"def answer(x):\n{REPEATED}    return y", "cell given-imports repeats .* solve-double"),
        ("再写一个类的方法。", "self.count += step", "cell prose-counter repeats .* solve-Counter-add"),
        ("再写一个类的方法。", "写 `self.count += step` 就好", "cell prose-counter tells .* solve-Counter-add"),
        ("# TODO: 返回两倍", "# TODO: 返回两倍\n    # y = two * x 就是答案", "cell solve-double tells .* solve-double"),
        ("再写一个类的方法。", "```python\n# self.count += step\n# ```", "cell prose-counter .* solve-Counter-add"),
        ("# TODO: 返回两倍", "# TODO: 返回两倍\n    # y=two*x 就是答案", "cell solve-double tells .* solve-double"),
        ('"""Double an array.', '"""Double an array: y = two * x.', "cell solve-double tells .* solve-double"),
        (
            "# 检查 double",
            "# assert near(double(np.array([-7.5])), [-15]) 藏起来",
            "cell check-double tells .* check-double",
        ),
        (
            'print("准备好了")',
            "def later():\n    assert near(double(np.array([-7.5])), [-15])",
            "cell given-imports repeats .* check-double",
        ),
    ],
)
def test_a_leak_in_the_master_leaves_no_release(course: Course, old: str, new: str, word: str) -> None:
    change_text(course, (old, new))
    with pytest.raises(AssignmentError, match=word):
        release(course, "tiny")
    assert not course.release("tiny").parent.exists()
    assert len(list(course.published("tiny").glob("*.ipynb"))) == 1


@pytest.mark.parametrize("name", ["tiny.py", "data.csv", "tiny-Copy1.ipynb", "sub/notes.txt"])
def test_an_extra_file_leaves_no_release(course: Course, name: str) -> None:
    extra = course.source("tiny").parent / name
    extra.parent.mkdir(exist_ok=True)
    extra.write_bytes(course.source("tiny").read_bytes() if name.endswith("ipynb") else b"x")
    with pytest.raises(AssignmentError, match=f"source/tiny: extra file {name}"):
        release(course, "tiny")
    assert not course.release("tiny").parent.exists()


def test_jupyters_checkpoints_are_no_extra_files(course: Course) -> None:
    checkpoints = course.source("tiny").parent / ".ipynb_checkpoints"
    checkpoints.mkdir()
    (checkpoints / "tiny-checkpoint.ipynb").write_text("{}")
    assert release(course, "tiny").release == load_master(course.release("tiny")).release


@pytest.mark.slow
def test_a_leak_stops_nbgraders_own_command(course: Course) -> None:
    notebook = tiny.read(course.source("tiny"))
    notebook["cells"][3]["source"] = "".join(notebook["cells"][3]["source"]).replace("HIDDEN TESTS", "HIDDEN TEST")
    tiny.write(course.source("tiny"), notebook)
    done = nbgrader(course, "generate_assignment", "tiny", "--force")
    assert done.returncode != 0
    assert "cell check-double still holds a marker" in done.stderr
    assert not course.release("tiny").parent.exists()


def test_another_stub_in_the_config_is_refused(course: Course) -> None:
    config = course.root / "nbgrader_config.py"
    config.write_text(config.read_text().replace('{"python": STUB}', '{"python": "pass"}'))
    with pytest.raises(AssignmentError, match="cell solve-double holds the line 'pass'"):
        release(course, "tiny")


def test_a_broken_config_says_so(course: Course) -> None:
    (course.root / "nbgrader_config.py").write_text("c = get_config()\nc.x = 1 / 0\n")
    with pytest.raises(AssignmentError, match=r"nbgrader_config\.py: ZeroDivisionError"):
        release(course, "tiny")


def test_a_correction_in_mid_term_keeps_the_earlier_release(course: Course) -> None:
    old = load_master(course.release("tiny"))
    change_text(course, ("写出两倍", "请写出两倍"), ("< 1e-9", "< 1e-8"))
    new = release(course, "tiny")
    known = releases(course, "tiny")
    assert list(known)[-1] == new.release != old.release
    assert known[old.release].cells == old.cells


def test_what_is_only_hidden_does_not_change_the_release(course: Course) -> None:
    before = course.release("tiny").read_bytes()
    change_text(course, ("[-7.5])), [-15]", "[-8.5])), [-17]"), ("y = two * x", "y = x + x"))
    release(course, "tiny")
    assert course.release("tiny").read_bytes() == before


@pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SAWarning")  # from inside nbgrader's add_submission
def test_cells_cannot_be_added_once_submissions_are_graded(course: Course) -> None:
    with course.gradebook() as gradebook:
        gradebook.add_student("1042")
        gradebook.add_submission("tiny", "1042")
    change_text(course, ("# %% prose counter", "# %% given more\nz = 1\n\n# %% prose counter"))
    with pytest.raises(AssignmentError, match="correct cells in place"):
        release(course, "tiny")


def sources(master: Master) -> list[str]:
    """Return the cells of an untouched submission made from that release."""
    return [cell.source.replace("\n", "\r\n") for cell in master.cells]


def test_a_submission_says_which_release_it_comes_from(course: Course) -> None:
    old = load_master(course.release("tiny"))
    change_text(course, ("< 1e-9", "< 1e-8"))
    release(course, "tiny")
    known = releases(course, "tiny")
    new = next(master for hash_, master in known.items() if hash_ != old.release)
    table: list[tuple[Master, str, Master, str]] = [
        (old, old.release, old, ""),
        (old, new.release, new, ""),
        (old, "", old, f"the notebook names no release: taken for {old.release}, which it is most like"),
        (new, "", new, f"the notebook names no release: taken for {new.release}, which it is most like"),
        (old, "00", old, "the notebook names the unknown release '00': taken"),
    ]
    for made, named, expected, word in table:
        found, said = made_from(named, sources(made), known)
        assert (found.release, said[: len(word)]) == (expected.release, word)
    only = {old.release: old}
    assert made_from("", sources(new), only)[1].endswith("the only one")


def test_without_a_release_nothing_is_recognised(course: Course) -> None:
    course.release("tiny").unlink()
    for path in course.published("tiny").iterdir():
        path.unlink()
    with pytest.raises(AssignmentError, match="no release yet"):
        releases(course, "tiny")
    with pytest.raises(AssignmentError, match="not there"):
        keep(course, "tiny")


def test_this_course_has_tried_its_variants_and_mistakes() -> None:
    course = Course(ROOT)
    digest = proving.digest_of(course, "rnn", examiner_for(course, "rnn"))
    assert (course.published("rnn") / proving.TRIED).read_text() == digest, "run: assignment release"
