"""Wrong functions as students write them (tests/corpora/wrong): what a notebook and the grader say to each.

A file holds cases: `## NAME: what is wrong`, `=== EXERCISE` before each body, and what names the cause, as it was
read and found true: `says WORDS` in the notebook, `graded WORDS` where only the grader does. Neither: it has no name.
Every exercise that a case does not change has the body of `right` in slips.json.
"""

from __future__ import annotations

import json
import re
import resource
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from assignment.grading.examiner import Examiner
from assignment.homework import Master
from tests import CORPORA
from tests.support import corpus
from tests.support.master_cells import Notebook, solve

MEMORY = 4 << 30  # bytes that a notebook may have here
RIGHT: dict[str, str] = json.loads((CORPORA / "slips.json").read_text(encoding="utf-8"))["right"]


@dataclass(frozen=True)
class Wrong:
    """One case: what is wrong in it, the words that name its cause, and its bodies by exercise."""

    file: str
    name: str
    cause: str
    says: tuple[str, ...]
    by_grader: bool
    bodies: dict[str, str]

    @property
    def kind(self) -> str:
        """The exercise that it is filed under, in short."""
        return self.name.rpartition(" ")[0]


def cases() -> list[Wrong]:
    """All cases, file by file."""
    found = []
    for path in sorted((CORPORA / "wrong").glob("*.txt")):
        for block in re.split(r"^## ", path.read_text(encoding="utf-8"), flags=re.M)[1:]:
            head, _, rest = block.partition("\n")
            name, _, cause = head.partition(": ")
            before, *bodies = re.split(r"^=== (\S+)\n", rest, flags=re.M)
            says = tuple(line.partition(" ")[2] for line in before.splitlines() if line)
            written = dict(zip(bodies[::2], bodies[1::2], strict=True))
            found.append(Wrong(path.stem, name, cause, says, before.startswith("graded "), written))
    return found


def body(stub: str, text: str, left_below: bool = False) -> str:
    """A solve cell with this body in the place of its stub, which may stay below it."""
    match = corpus.STUB.search(stub)
    assert match is not None
    rest = f"\n{match[0]}" if left_below else ""
    return stub[: match.start()] + textwrap.indent(text.strip("\n"), match[1]) + rest + stub[match.end() :]


class Shown:
    """What the notebook says: a release in which everything is right, but for one case at a time."""

    def __init__(self, master: Master) -> None:
        """Run the release with right bodies. master: built, with its hints."""
        self._stubs = {cell.name: solve(master.released, cell.name).source for cell in master.solves}
        self._notebook = Notebook(master.released).run(
            {name: body(stub, RIGHT[name]) for name, stub in self._stubs.items()}
        )

    def said(self, case: Wrong, alone: bool = False) -> Iterator[tuple[str, str]]:
        """Yield what each check prints that fails or whose exercise the case changes; alone: only the latter."""
        notebook = self._notebook
        names, latest = dict(notebook.names), dict(notebook.names["Check"].latest)
        limits = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, limits[1]))  # p[:, :, y] asks for 20 GB
        try:
            for name, text in case.bodies.items():
                notebook.cell(solve(notebook.master, name), body(self._stubs[name], text))
            for name in case.bodies if alone else self._stubs:
                outcome = notebook.cell(notebook.master.check(name))
                if name in case.bodies or "未通过" in outcome.printed or "先看这里" in outcome.printed:
                    yield name, outcome.printed
        finally:
            resource.setrlimit(resource.RLIMIT_AS, limits)
            notebook.names.clear()
            notebook.names.update(names)
            notebook.names["Check"].latest.clear()
            notebook.names["Check"].latest.update(latest)


def graded(case: Wrong, examiner: Examiner, release: dict[str, Any]) -> Iterator[tuple[str, str, str, str]]:
    """Yield (exercise, parts, message, hint) of what the grader says, parts that say the same together."""
    stubs = {name: corpus.text_of(cell) for name, cell in corpus.solve_cells(release).items()}
    solutions = {name: body(stub, case.bodies.get(name, RIGHT[name])) for name, stub in stubs.items()}
    result = examiner.examine(corpus.submission(release, solutions)).result
    for check in result.checks:
        groups: dict[tuple[str, str], list[str]] = {}
        for part in check.parts:
            if not part.passed:
                blocks = f" [{'; '.join(block for block in part.blocks if block)}]" if part.hidden else ""
                groups.setdefault((part.message + blocks, part.hint), []).append(part.name)
        for (message, hint), parts in groups.items():
            yield check.name, ", ".join(parts), message, hint
        if check.ended or check.alone or check.advice:
            yield check.name, "", f"{check.ended} {check.reason} {check.alone}".strip(), "; ".join(check.advice)
