"""The master as a worker uses it: cells compiled once, what builds on what, and the reference solution.

What an exercise builds on is read from its solution and its check; so is whose cache it takes, and which function it
calls step by step. Nothing here knows the names of any homework.
"""

from __future__ import annotations

import ast
import contextlib
import hashlib
import io
import marshal
import math
import pickle
import warnings
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import cached_property
from types import CodeType
from typing import Any, NamedTuple

import numpy as np

from assignment.grading.proxies import swept
from assignment.homework import HIDDEN, Cell, Master
from assignment.homework.mistakes import Mistake, Namespace, load_mistakes
from assignment.homework.notebook import FILLED
from assignment.sandbox.protocol import OBJECT, Keywords

SWEEPS = 64  # remembered: several times as many as the checks of a submission ask for


class Code(NamedTuple):
    """A compiled cell in two parts; `hidden` begins where the hidden tests do, and does nothing if there are none."""

    visible: CodeType
    hidden: CodeType


@dataclass(frozen=True)
class Steps:
    """How a solution calls another exercise once for each step along an axis of its first argument."""

    function: str  # the exercise that is called
    axis: int
    state: str  # the parameter that is the first step's second argument; later ones get the step's own output
    params: tuple[str, ...]  # the solution's parameters
    args: tuple[str, ...]  # what the step is called with: "" for the slice, the state's name, or a parameter


def implementation(reference: Namespace, name: str) -> Callable[..., Any]:
    """The function or method of that name. Raises KeyError."""
    owner, _, method = name.partition(".")
    function: Callable[..., Any] = reference[owner]
    return getattr(function, method) if method else function


def called(
    reference: Namespace,
    name: str,
    implement: Callable[..., Any],
    args: Collection[Any],
    kwargs: Keywords,
    state: Keywords | None = None,
) -> Any:
    """What an implementation of a function gives; state: of the object whose method it is. Raises what that raises."""
    objects = []
    if "." in name:
        kind = reference[name.partition(".")[0]]
        this = kind.__new__(kind)
        this.__dict__.update({name: value for name, value in (state or {}).items() if name != OBJECT})
        objects = [this]
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        return implement(*objects, *args, **kwargs)


class Homework:
    """A master with its list of mistakes (the text of source/NAME_mistakes.py, or '')."""

    def __init__(self, master: Master, mistakes: str = "") -> None:
        self.master = master
        self._mistakes = mistakes
        self.code = {cell.id: _compiled(cell) for cell in master.graded}
        self._sweeps: dict[bytes, list[Any]] = {}  # the last used is the last

    def with_master(self, master: Master) -> Homework:
        """The same list of mistakes with another master."""
        return Homework(master, self._mistakes)

    def __reduce__(self) -> tuple[type[Homework], tuple[Master, str]]:
        """What is compiled does not travel."""
        return Homework, (self.master, self._mistakes)

    @cached_property
    def digest(self) -> str:
        """The sha256 of all that can make a difference to a result: the master and the mistakes."""
        return hashlib.sha256(f"{self.master.digest}\n{self._mistakes}".encode()).hexdigest()

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The exercises in order."""
        return tuple(cell.name for cell in self.master.solves)

    @property
    def cells(self) -> tuple[tuple[Cell, Code], ...]:
        """The code cells in order, compiled: of a solve cell the release's stub, of the others the whole."""
        return tuple((cell, self.code[cell.id]) for cell in self.master.cells if cell.id in self.code)

    def runs_in_sandbox(self, cell: Cell) -> bool:
        """Whether a given cell can matter to student code: those behind the last exercise cannot, nor can hints."""
        cells = self.master.cells
        last = max(cells.index(solve) for solve in self.master.solves)
        return cells.index(cell) < last and not FILLED.search(cell.source)

    @cached_property
    def given(self) -> dict[str, str | bytes]:
        """The given cells as the sandbox runs them, by id: compiled once, where that shows the same as their text."""
        given = [cell for cell, _ in self.cells if cell.kind == "given" and self.runs_in_sandbox(cell)]
        return {
            cell.id: cell.source
            if _displayed(ast.parse(cell.source), cell.source)
            else marshal.dumps(self.code[cell.id].visible)
            for cell in given
        }

    @cached_property
    def givers(self) -> dict[str, str]:
        """For each exercise that takes a cache the exercise that makes it: as its check calls the two."""
        found = {}
        for check in self.master.checks:
            if check.name in self.names and (giver := _giver(check, self.names)):
                found[check.name] = giver
        return found

    def with_partners(self, names: Collection[str]) -> frozenset[str]:
        """These exercises and those that share a cache with one of them."""
        pairs = [{taker, giver} for taker, giver in self.givers.items()]
        return frozenset(names).union(*(pair for pair in pairs if pair & set(names)))

    @cached_property
    def builds_on(self) -> dict[str, frozenset[str]]:
        """For each exercise the others that its solution or its check calls, and those that these build on.

        Not the one whose cache it takes: with that it is examined in ways of its own.
        """
        uses = {
            name: (_loaded(self.master.solve(name).source) | self._checked(name)) & set(self.names)
            for name in self.names
        }
        found = {}
        for name in self.names:
            own = {name, *self.with_partners({name})}
            reached, ahead = set(own), list(own)
            while ahead:
                new = self.with_partners(uses[ahead.pop()]) - reached
                reached |= new
                ahead += new
            found[name] = frozenset(reached - own)
        return found

    def _checked(self, name: str) -> set[str]:
        return set().union(*(_loaded(check.source) for check in self.master.checks if check.name == name))

    @cached_property
    def steps(self) -> dict[str, Steps]:
        """For each exercise whose solution goes step by step: the other exercise that it calls for each step."""
        found = {}
        for cell in self.master.solves:
            if "." not in cell.name and (steps := _steps(cell, self.names)):
                found[cell.name] = steps
        return found

    @cached_property
    def reference(self) -> Namespace:
        """A namespace in which the given cells and the reference solutions have run."""
        namespace: Namespace = {"__name__": "__main__"}
        with contextlib.redirect_stdout(io.StringIO()):
            for cell in self.master.cells:
                if cell.kind == "solve" or (cell.kind == "given" and self.runs_in_sandbox(cell)):
                    exec(compile(cell.source, f"<{cell.id}>", "exec"), namespace)
        return namespace

    def call(
        self,
        name: str,
        args: Collection[Any],
        kwargs: Keywords,
        state: Keywords | None = None,
        implement: Callable[..., Any] | None = None,
    ) -> Any:
        """What the reference (or another implementation) gives; state: of the object whose method it is.

        Raises what that raises.
        """
        return called(self.reference, name, implement or implementation(self.reference, name), args, kwargs, state)

    def sweep(
        self, call: tuple[Any, ...], x: np.ndarray, h: float, entries: range, pick: int | None = None
    ) -> list[Any]:
        """What the reference answers to a sweep; remembered, for on the data that students see all ask for the same."""
        key = pickle.dumps((call, x, h, entries, pick))
        self._sweeps[key] = self._sweeps.pop(key, []) or swept(self.call, call, x, h, entries, pick)
        if len(self._sweeps) > SWEEPS:
            del self._sweeps[next(iter(self._sweeps))]
        return self._sweeps[key]

    @cached_property
    def mistakes(self) -> dict[str, list[Mistake]]:
        """The known wrong implementations by exercise."""
        return load_mistakes(self._mistakes, self.reference, f"{self.master.name}_mistakes") if self._mistakes else {}


def _compiled(cell: Cell) -> Code:
    """The cell's visible part, and the rest from the statement on in which the first hidden test stands."""
    source = cell.stub if cell.kind == "solve" else cell.source
    tree = _displaying(source)
    first = next((number for number, line in enumerate(source.split("\n"), 1) if HIDDEN[0] in line), math.inf)
    seen = [statement for statement in tree.body if (statement.end_lineno or 0) < first]
    rest = tree.body[len(seen) :]
    visible, hidden = (compile(ast.Module(body=part, type_ignores=[]), f"<{cell.id}>", "exec") for part in (seen, rest))
    return Code(visible, hidden)


def _displayed(tree: ast.Module, source: str) -> ast.Expr | None:
    """The last expression of a cell, if IPython displays it."""
    last = tree.body[-1] if tree.body else None
    return last if isinstance(last, ast.Expr) and not source.rstrip().endswith(";") else None


def _displaying(source: str) -> ast.Module:
    """The source with its last expression displayed, as IPython does: nbgrader takes a number there for points."""
    tree = ast.parse(source)
    if last := _displayed(tree, source):
        hook = ast.parse("__import__('sys').displayhook()", mode="eval").body
        assert isinstance(hook, ast.Call)
        hook.args = [last.value]
        tree.body[-1] = ast.copy_location(ast.Expr(hook), last)
        ast.fix_missing_locations(tree)
    return tree


def _giver(check: Cell, names: Collection[str]) -> str:
    """Whose last output the check hands to its exercise, "" if nobody's."""
    tree = ast.parse(check.source)
    made: dict[str, str] = {}  # variable -> exercise that gave it as its last output
    for node in ast.walk(tree):
        match node:
            case ast.Assign([ast.Tuple([*_, ast.Name(last)]), *_], ast.Call(ast.Name(giver))) if giver in names:
                made[last] = giver
    for node in ast.walk(tree):
        match node:
            case ast.Call(ast.Name(name), [*_, ast.Name(last)]) if name == check.name != made.get(last, name):
                return made[last]
    return ""


def function_of(tree: ast.Module, name: str) -> ast.FunctionDef | None:
    """The definition of a function at top level, the last one; None if there is none."""
    found = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == name]
    return found[-1] if found else None


def _steps(cell: Cell, names: Collection[str]) -> Steps | None:
    """How a solution calls another exercise in a loop with slices of its first parameter; None if it does not."""
    function = function_of(ast.parse(cell.source), cell.name)
    params = [argument.arg for argument in function.args.args] if function else []
    loops = [node for node in ast.walk(function or ast.Module([], [])) if isinstance(node, ast.For)]
    calls = [node for loop in loops for node in ast.walk(loop) if isinstance(node, ast.Call)]
    for call in calls:
        if not isinstance(call.func, ast.Name) or call.func.id not in names:
            continue
        axis = _sliced(call.args[0], params[0]) if call.args else None
        if axis is None or call.keywords:
            continue
        args = [node.id if isinstance(node, ast.Name) and node.id in params else "" for node in call.args]
        carried = [number for number, name in enumerate(args) if not name and number]
        left = [name for name in params[1:] if name not in args]
        if len(carried) == 1 and len(left) == 1:
            args[carried[0]] = left[0]
            return Steps(call.func.id, axis, left[0], tuple(params), tuple(args))
    return None


def _sliced(node: ast.expr, param: str) -> int | None:
    """Along which axis `param[:, t]` takes one entry, None if the expression is something else."""
    if not (isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name) and node.value.id == param):
        return None
    parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
    picked = [number for number, part in enumerate(parts) if not isinstance(part, ast.Slice)]
    return picked[0] if len(picked) == 1 else None


def _loaded(source: str) -> set[str]:
    return {node.id for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Name)}
