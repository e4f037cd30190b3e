"""Notebooks made of the small files under tests/corpora/attacks and tests/corpora/honest.

A file is percent text. Its docstring says in one sentence what it does, then in `key: value` lines what is expected of
its examination (the keys are explained in expected.py).
Its cells say what is put into a release:

    # %% solve NAME      the function as one would write it; its body goes into the TODO region, the rest around it
    # %% cell NAME       the whole source of that solve cell, word for word
    # %% extra PLACE     one more code cell: `first`, `last`, or in front of the cell with id PLACE
    # %% edit            `def edit(notebook)`, run by the tests: changes the notebook, or returns the bytes to hand in

Solve cells that a file does not name hold the reference solution. Words like @marker@ stand for what a test tells.
"""

from __future__ import annotations

import ast
import copy
import json
import re
import textwrap
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests import CORPORA

Notebook = dict[str, Any]
Edit = Callable[[Notebook], "Notebook | bytes | None"]

PROTOCOL = (CORPORA / "protocol.py").read_text(encoding="utf-8")  # what attacks on the protocol begin with
TITLE = re.compile(r"^# %% (solve|cell|extra|edit)(?: +(\S+))?[ \t]*$", re.MULTILINE)
STUB = re.compile(r"^([ \t]*)raise NotImplementedError\(.*\)[ \t]*$", re.MULTILINE)
MARKS = re.compile(r"^[ \t]*### (?:BEGIN|END) SOLUTION[ \t]*\n", re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """One cell of a corpus file."""

    kind: str
    place: str
    source: str


@dataclass(frozen=True)
class Case:
    """One file of the corpus: what it tells (`story`), what it expects (`expect`), and its cells."""

    name: str
    story: str
    expect: dict[str, str]
    blocks: tuple[Block, ...]
    words: dict[str, str] = field(default_factory=lambda: {"protocol": PROTOCOL})

    def listed(self, key: str, default: str = "") -> tuple[str, ...]:
        """The words of an expectation: `cheats: a, b` -> ('a', 'b')."""
        return tuple(word.strip() for word in self.expect.get(key, default).split(",") if word.strip())

    def told(self, **words: str) -> Case:
        """The same case with @word@ replaced in every cell."""
        return Case(self.name, self.story, self.expect, self.blocks, {**self.words, **words})

    def source(self, block: Block) -> str:
        text = block.source
        for word, value in self.words.items():
            text = text.replace(f"@{word}@", value)
        return text


def load(folder: str) -> list[Case]:
    """All cases of tests/corpora/FOLDER, by name."""
    return [parse(path.stem, path.read_text(encoding="utf-8")) for path in sorted((CORPORA / folder).glob("*.py"))]


def parse(name: str, text: str) -> Case:
    """A corpus file's text as a case. Raises ValueError where a key or title is unknown."""
    head, *rest = TITLE.split(text)
    doc = re.fullmatch(r'\s*"""(.*?)"""\s*', head, re.DOTALL)
    if doc is None:
        raise ValueError(f"{name}: a corpus file opens with a docstring and nothing else")
    story, _, lines = doc[1].strip().partition("\n\n")
    expect = dict(re.findall(r"^([a-z]+): *(.*)$", lines, re.MULTILINE))
    unknown = expect.keys() - {"cheats", "keeps", "verdict", "ended", "proves", "runs", "shows", "hides"}
    if unknown:
        raise ValueError(f"{name}: unknown keys {sorted(unknown)}")
    triples = zip(rest[::3], rest[1::3], rest[2::3], strict=True)
    return Case(
        name, " ".join(story.split()), expect, tuple(Block(k, p or "", s.strip("\n") + "\n") for k, p, s in triples)
    )


def kind_of(cell: dict[str, Any]) -> tuple[str, str]:
    """Kind and name of a cell of a release or master: ('solve', 'rnn_forward')."""
    own = cell.get("metadata", {}).get("assignment", {})
    return own.get("kind", ""), own.get("name", "")


def solve_cells(notebook: Notebook) -> dict[str, dict[str, Any]]:
    """The solve cells of a notebook by their functions' names."""
    return {kind_of(cell)[1]: cell for cell in notebook["cells"] if kind_of(cell)[0] == "solve"}


def text_of(cell: dict[str, Any]) -> str:
    source = cell["source"]
    return source if isinstance(source, str) else "".join(source)


def reference(master: Notebook) -> dict[str, str]:
    """The right sources of all solve cells, from the built master notebook."""
    return {name: MARKS.sub("", text_of(cell)) for name, cell in solve_cells(master).items()}


def solved(stub: str, name: str, written: str) -> str:
    """A release's solve cell with the function `written` in its TODO region and the rest of `written` around it."""
    own, lines = _function(ast.parse(written), name), written.splitlines()
    body = own.body[1:] if ast.get_docstring(own) is not None else own.body
    given = _function(ast.parse(stub), name).body[-1]
    if isinstance(given, ast.Return) and ast.dump(body[-1]) == ast.dump(given):
        body = body[:-1]
    first = own.decorator_list[0].lineno if own.decorator_list else own.lineno
    last = body[-1].end_lineno if body else own.lineno
    region = textwrap.dedent("\n".join(lines[body[0].lineno - 1 : last])) if body else "pass"
    above, below = "\n".join(lines[: first - 1]).strip(), "\n".join(lines[own.end_lineno or 0 :]).strip()
    inner = iter([region])  # a cell with several regions gets it all in its first

    def fill(found: re.Match[str]) -> str:
        return textwrap.indent(next(inner, "pass"), found[1])

    cell = STUB.sub(fill, stub)
    return "\n\n".join(part for part in (above, cell, below) if part)


def submission(
    release: Notebook, solutions: Mapping[str, str], extra: Iterable[Block] = (), edit: Edit | None = None
) -> bytes:
    """A release with solve cells replaced, cells added, numbered as if run in order, edited; as bytes."""
    notebook = copy.deepcopy(release)
    cells = solve_cells(notebook)
    for name, source in solutions.items():
        cells[name]["source"] = source
    for number, block in enumerate(extra):
        cell = {"cell_type": "code", "id": f"extra-{number}", "metadata": {}, "source": block.source.rstrip("\n")}
        notebook["cells"].insert(_position(notebook, block.place), cell)
    _run(notebook)
    changed = edit(notebook) if edit else None
    if isinstance(changed, bytes):
        return changed
    return json.dumps(changed or notebook, ensure_ascii=False, indent=1).encode("utf-8", "surrogatepass")


def build(case: Case, release: Notebook, master: Notebook) -> bytes:
    """The submission that a corpus file describes."""
    solutions, extra, edit = reference(master), [], None
    for block in case.blocks:
        source = case.source(block)
        if block.kind == "solve":
            solutions[block.place] = solved(text_of(solve_cells(release)[block.place]), block.place, source)
        elif block.kind == "cell":
            solutions[block.place] = source
        elif block.kind == "extra":
            extra.append(Block("extra", block.place, source))
        else:
            space: dict[str, Any] = {}
            exec(compile(source, f"{case.name}: edit", "exec"), space)
            edit = space["edit"]
    return submission(release, solutions, extra, edit)


def _function(tree: ast.Module, name: str) -> ast.FunctionDef:
    """The function (or method) of that name in a cell; of several, the last."""
    short = name.rpartition(".")[2]
    return [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name == short][-1]


def _position(notebook: Notebook, place: str) -> int:
    if place in ("first", "last"):
        return 0 if place == "first" else len(notebook["cells"])
    return [cell.get("id") for cell in notebook["cells"]].index(place)


def _run(notebook: Notebook) -> None:
    """Numbers the code cells as if run in order; a check has printed something, as it always does."""
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    for count, cell in enumerate(code, start=1):
        cell["execution_count"] = count
        cell["outputs"] = []
        if kind_of(cell)[0] == "check" or "print(" in text_of(cell):
            cell["outputs"] = [{"name": "stdout", "output_type": "stream", "text": "…\n"}]
