"""Random honest notebooks, which break no rule, and the same with one locked thing changed, which break the first."""

from __future__ import annotations

import ast
import copy
import random
import re
from collections.abc import Callable
from typing import Any

import pytest

from assignment.course import Course
from assignment.homework import Master, load_master
from assignment.homework.notebook import render
from assignment.syntax import canonical
from tests.test_rules import _solved, blackened, colab, found, stream, stripped

Cell = dict[str, Any]
Change = Callable[[list[Cell], random.Random], None]
HELPERS = (
    "def my_helper(a):\n    # TODO tidy\n    return a\n\n\n",
    "HALF = 0.5\n",
    "# TODO: check this\n",
    "import json\n",
)
SCRATCH = ("x = 1", "import matplotlib.pyplot as plt\nplt.plot([1])", "%timeit 1", "!ls", "print(1)", "def f(", "1/0")
SEEDS = 50


@pytest.fixture(scope="module")
def master(checkout: Course) -> Master:
    return load_master(checkout.source("rnn"))


def code(cells: list[Cell], *kinds: str) -> list[Cell]:
    """Return the code cells, those of some kinds."""
    of_kind = [cell for cell in cells if not kinds or cell["metadata"].get("assignment", {}).get("kind") in kinds]
    return [cell for cell in of_kind if cell["cell_type"] == "code"]


def pick(cells: list[Cell], rng: random.Random, *kinds: str) -> Cell:
    """Return one of the code cells; an empty one, which is nobody's, if there is none of these kinds."""
    return rng.choice(code(cells, *kinds) or [{"source": "", "cell_type": "code", "metadata": {}, "id": "none"}])


# --- what honest people and their tools do ---------------------------------------------------------------------------


def split_locked(cells: list[Cell], rng: random.Random) -> None:
    cell = pick(cells, rng, "given", "check")
    statements = ast.parse(cell["source"]).body[1:]
    if not statements:
        return
    node = rng.choice(statements)
    line = min([node.lineno, *(decorator.lineno for decorator in getattr(node, "decorator_list", []))]) - 1
    lines = cell["source"].split("\n")
    second = copy.deepcopy(cell) | {"id": f"split-{rng.random()}", "source": "\n".join(lines[line:])}
    if rng.random() < 0.5:
        second["metadata"] = {}
    cell["source"] = "\n".join(lines[:line])
    cells.insert(cells.index(cell) + 1, second)


def join_neighbours(cells: list[Cell], rng: random.Random) -> None:
    both = code(cells)
    number = rng.randrange(len(both) - 1)
    first, second = both[number : number + 2]
    kept, gone = (first, second) if rng.random() < 0.5 else (second, first)
    if len(first["source"]) + len(second["source"]) < 40_000:
        kept["source"] = f"{first['source']}\n\n{second['source']}"
        cells.remove(gone)


def lose_marks(cells: list[Cell], rng: random.Random) -> None:
    cell = pick(cells, rng, "solve")
    lines = cell["source"].split("\n")
    cell["source"] = "\n".join(line for line in lines if "# TODO" not in line or rng.random() < 0.5)


def add_helper(cells: list[Cell], rng: random.Random) -> None:
    cell = pick(cells, rng, "solve")
    cell["source"] = rng.choice(HELPERS) + cell["source"]


def add_scratch(cells: list[Cell], rng: random.Random) -> None:
    fresh: Cell = {"cell_type": "code", "metadata": {}, "id": f"x{rng.random()}", "source": rng.choice(SCRATCH)}
    cells.insert(rng.randrange(len(cells)), fresh | {"execution_count": None, "outputs": []})


def copy_cell(cells: list[Cell], rng: random.Random) -> None:
    cells.append(copy.deepcopy(rng.choice(cells)) | {"id": f"c{rng.random()}"})


def drop_counts(cells: list[Cell], rng: random.Random) -> None:
    for cell in code(cells):
        cell["execution_count"] = rng.choice([None, 3])


def formatted(cells: list[Cell], rng: random.Random) -> None:
    for cell in code(cells, "given", "check", "solve"):
        if rng.random() < 0.3:
            cell["source"] = blackened(cell["source"])


def unparsed(cells: list[Cell], rng: random.Random) -> None:
    cell = pick(cells, rng, "given", "check", "solve")
    cell["source"] = ast.unparse(ast.parse(cell["source"]))


def commented(cells: list[Cell], rng: random.Random) -> None:
    cell = pick(cells, rng)
    cell["source"] = f"# 我的笔记\n{cell['source']}\n# 好"


def saved_elsewhere(cells: list[Cell], rng: random.Random) -> None:
    notebook: dict[str, Any] = {"cells": cells, "metadata": {}}
    stripped(notebook) if rng.random() < 0.5 else None
    colab(notebook)
    for number, cell in enumerate(cells):
        cell |= {"source": "".join(cell["source"]), "id": f"q{number}"}


MARKS_STAY: tuple[Change, ...] = (add_helper, add_scratch, copy_cell, drop_counts, formatted, commented, split_locked)
HONEST = (*MARKS_STAY, join_neighbours, lose_marks, unparsed, saved_elsewhere)


# --- what nobody does by accident ------------------------------------------------------------------------------------


def change_number(cells: list[Cell], rng: random.Random) -> None:
    """Change a number in a locked cell."""
    candidates = code(cells, "given", "check")
    rng.shuffle(candidates)
    for cell in candidates:
        before = meaning(cell["source"])
        for number in re.finditer(r"(?<![\w.'#])\d+(?![\w.'])", cell["source"]):
            changed = f"{cell['source'][: number.start()]}{int(number[0]) + 1}{cell['source'][number.end() :]}"
            if meaning(changed) not in ("", before):
                cell["source"] = changed
                return


def meaning(source: str) -> str:
    tree = canonical(source)
    return ast.dump(tree) if tree else ""


def delete_locked(cells: list[Cell], rng: random.Random) -> None:
    cells.remove(pick(cells, rng, "given", "check"))


def add_parameter(cells: list[Cell], rng: random.Random) -> None:
    cell = pick(cells, rng, "solve")
    cell["source"] = re.sub(r"(def (?!__init__)\w+\([^)]*)\)", r"\1, extra=1)", cell["source"], count=1)


def write_outside(cells: list[Cell], rng: random.Random) -> None:
    """Write a line between the end mark and the given return."""
    cell = rng.choice([cell for cell in code(cells, "solve") if "# TODO 结束 ▲▲▲▲▲▲▲▲\n" in cell["source"]])
    cell["source"] = re.sub(r"([ \t]*)# TODO 结束 ▲▲▲▲▲▲▲▲\n", r"\g<0>\1extra = 1\n", cell["source"])


def change_return(cells: list[Cell], rng: random.Random) -> None:
    """Change what a function returns by its given last line."""
    cell = rng.choice([cell for cell in code(cells, "solve") if re.search(r"\n[ \t]*return .*\s*\Z", cell["source"])])
    cell["source"] = re.sub(r"(\n[ \t]*return )(.*)\s*\Z", r"\1 1 * (\2)", cell["source"])


BREACHES: tuple[Change, ...] = (change_number, delete_locked, add_parameter, change_return, write_outside)


def handed_in(master: Master) -> list[Cell]:
    """Return the cells of a notebook in which everything is written and has run."""
    cells: list[Cell] = render("rnn", list(_solved(master)))["cells"]
    for cell in cells:
        cell["source"] = "".join(cell["source"])
        if cell["cell_type"] == "code":
            cell |= {"execution_count": 1, "outputs": [stream("x")]}
    return cells


def breaches(master: Master, cells: list[Cell]) -> list[tuple[str, str, str]]:
    """Return rule, cell and evidence of each breach."""
    notebook: dict[str, Any] = {"cells": cells, "metadata": {"assignment": {"name": "rnn"}}, "nbformat": 4}
    return [(one.rule, one.cell, one.evidence) for one in found(notebook, master.released, master) if one.breach]


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(SEEDS))
def test_whatever_honest_people_do_breaks_no_rule(seed: int, master: Master) -> None:
    rng, cells = random.Random(seed), handed_in(master)
    changes = [rng.choice(HONEST) for _ in range(rng.randint(1, 5))]
    for change in changes:
        change(cells, rng)
    assert breaches(master, cells) == [], [change.__name__ for change in changes]


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(SEEDS))
def test_a_locked_thing_changed_is_found_among_honest_changes(seed: int, master: Master) -> None:
    rng, cells = random.Random(seed), handed_in(master)
    breach = rng.choice(BREACHES)
    breach(cells, rng)
    may_follow = MARKS_STAY if breach is write_outside else HONEST  # without marks nobody can tell what is outside
    changes = [rng.choice(may_follow) for _ in range(rng.randint(0, 3))]
    for change in changes:
        change(cells, rng)
    assert any(rule == "todo" for rule, _, _ in breaches(master, cells)), [breach.__name__, *changes]
