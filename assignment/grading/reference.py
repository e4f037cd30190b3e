"""The master as the examiner uses it: cells compiled once, what depends on what, and the reference solution."""

from __future__ import annotations

import ast
import contextlib
import hashlib
import io
import marshal
import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from types import CodeType
from typing import Any, NamedTuple

from assignment.homework.master import HIDDEN, Cell, Master
from assignment.sandbox.protocol import cell_name


class Code(NamedTuple):
    """A compiled cell in two parts; `hidden` begins where the hidden tests do, and does nothing if there are none."""

    visible: CodeType
    hidden: CodeType


@dataclass(frozen=True, eq=False)
class Mistake:
    """A wrong implementation that people really write, with its name and a hint that leads away from it."""

    function: str
    name: str
    hint: str
    implement: Callable[..., Any]


def load_mistakes(text: str, reference: Mapping[str, Any], filename: str = "mistakes") -> dict[str, list[Mistake]]:
    """Execute a homework's list of mistakes on top of its reference solution -> mistakes by function, in their order.

    In the text each mistake is a function under `@mistake(FUNCTION, HINT)`; it sees every name of the reference.
    """
    found: dict[str, list[Mistake]] = {}

    def mistake(function: str, hint: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        def keep(implement: Callable[..., Any]) -> Callable[..., Any]:
            found.setdefault(function, []).append(Mistake(function, implement.__name__, hint, implement))
            return implement

        return keep

    exec(compile(text, filename, "exec"), {**reference, "mistake": mistake, "__name__": filename})
    return found


class Homework:
    """A master with its list of mistakes (the text of source/NAME_mistakes.py, or '')."""

    def __init__(self, master: Master, mistakes: str = "") -> None:
        self.master = master
        self._mistakes = mistakes
        self.code = {cell.id: _compiled(cell) for cell in master.cells if cell.cell_type == "code"}

    @cached_property
    def digest(self) -> str:
        """The sha256 of all that can make a difference to a result: the master and the mistakes."""
        return hashlib.sha256(f"{self.master.digest}\n{self._mistakes}".encode()).hexdigest()

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The exercises in order."""
        return tuple(cell.name for cell in self.master.solves)

    def with_partners(self, names: Collection[str]) -> frozenset[str]:
        """These exercises and those that share a cache with one of them."""
        return frozenset(name for name in self.names if name in names or self.master.header.partner(name) in names)

    @property
    def cells(self) -> tuple[tuple[Cell, Code], ...]:
        """The code cells in order, compiled: of a solve cell the release's stub, of the others the whole."""
        return tuple((cell, self.code[cell.id]) for cell in self.master.cells if cell.id in self.code)

    def runs_in_sandbox(self, cell: Cell) -> bool:
        """Whether a given cell can matter to the student's code: those behind the last exercise cannot."""
        cells = self.master.cells
        return cells.index(cell) < max(cells.index(solve) for solve in self.master.solves)

    @cached_property
    def builds_on(self) -> dict[str, frozenset[str]]:
        """For each exercise the other exercises that its reference solution, or its partner's, calls; closed."""
        uses = {cell.name: _loaded(cell.source) & set(self.names) for cell in self.master.solves}
        found = {}
        for name in self.names:
            own = self.with_partners({name})
            reached, ahead = set(own), list(own)
            while ahead:
                new = self.with_partners(uses[ahead.pop()]) - reached
                reached |= new
                ahead += new
            found[name] = frozenset(reached - own)
        return found

    @cached_property
    def reference(self) -> dict[str, Any]:
        """A namespace in which the given cells and the reference solutions have run."""
        namespace: dict[str, Any] = {"__name__": "__main__"}
        with contextlib.redirect_stdout(io.StringIO()):
            for cell in self.master.cells:
                if cell.kind == "solve" or (cell.kind == "given" and self.runs_in_sandbox(cell)):
                    exec(compile(cell.source, f"<{cell.id}>", "exec"), namespace)
        return namespace

    @cached_property
    def mistakes(self) -> dict[str, list[Mistake]]:
        """The known wrong implementations by exercise."""
        return load_mistakes(self._mistakes, self.reference, f"{self.master.name}_mistakes") if self._mistakes else {}

    @cached_property
    def check_names(self) -> frozenset[str]:
        """Names that only check cells assign: a student's function that uses one works by accident."""
        in_checks = frozenset().union(*(_stored(cell.source) for cell in self.master.checks))
        elsewhere = (_defined(cell.source) for cell in (*self.master.given, *self.master.solves))
        return in_checks - frozenset().union(*elsewhere)


@lru_cache(maxsize=100)
def compiled_cell(source: str) -> bytes:
    """A cell's code for a sandbox, which runs the same interpreter; none of an empty cell, for Jupyter runs none."""
    return marshal.dumps(compile(_displaying(source), cell_name(source), "exec")) if source.strip() else b""


def _compiled(cell: Cell) -> Code:
    """The cell's visible part, and the rest from the statement on in which the first hidden test stands."""
    source = cell.stub if cell.kind == "solve" else cell.source
    tree = _displaying(source)
    first = next((number for number, line in enumerate(source.split("\n"), 1) if HIDDEN[0] in line), math.inf)
    seen = [statement for statement in tree.body if (statement.end_lineno or 0) < first]
    rest = tree.body[len(seen) :]
    visible, hidden = (compile(ast.Module(body=part, type_ignores=[]), f"<{cell.id}>", "exec") for part in (seen, rest))
    return Code(visible, hidden)


def _displaying(source: str) -> ast.Module:
    """The source with its last expression displayed, as IPython does: nbgrader takes a number there for points."""
    tree = ast.parse(source)
    last = tree.body[-1] if tree.body else None
    if isinstance(last, ast.Expr) and not source.rstrip().endswith(";"):
        hook = ast.parse("__import__('sys').displayhook()", mode="eval").body
        assert isinstance(hook, ast.Call)
        hook.args = [last.value]
        tree.body[-1] = ast.copy_location(ast.Expr(hook), last)
        ast.fix_missing_locations(tree)
    return tree


def _loaded(source: str) -> set[str]:
    return {node.id for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Name)}


def _stored(source: str) -> set[str]:
    names = {
        node.id
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }
    return names | {
        alias.asname or alias.name
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Import)
        for alias in node.names
    }


def _defined(source: str) -> set[str]:
    """The names that a cell leaves behind: what functions assign inside stays inside."""
    top = ast.parse(source).body
    functions = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    named = {node.name for node in top if isinstance(node, functions)}
    return named.union(*(_stored(ast.unparse(node)) for node in top if not isinstance(node, functions)))
