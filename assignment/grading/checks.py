"""Runs one check cell of the master in the worker's own namespace, with caches where a forward failed; what it found.

The engine knows three things of a check cell: it binds `check`, whose `parts` say what each is worth, `passed(part)`
what holds, and `rows` what was compared; the points it awards go through sys.displayhook; and it raises if anything
failed. A cell that binds no `check` is judged as nbgrader does: full points unless it raises or displays fewer.

A backward whose forward failed is judged by itself. What a cache holds is the student's own choice, so nobody can
simply hand it a right one. It is tried in turn: the forward's own cache with the right outputs in the place of the
wrong ones; the forward's `cache = …` statement evaluated on the right values; what the forward does after its outputs,
on right ones; for a sequence, the list of its steps' caches; the names that the backward unpacks; the reference's own.
"""

from __future__ import annotations

import ast
import contextlib
import hashlib
import io
import math
import sys
import traceback
import warnings
from collections.abc import Iterator, Mapping
from copy import copy
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, Protocol

import numpy as np

from assignment import words
from assignment.grading.proxies import Functions
from assignment.grading.reference import Code, Homework, function_of
from assignment.grading.result import CheckResult, Part
from assignment.homework import Cell
from assignment.homework.diagnosis import Diagnosis
from assignment.homework.mistakes import Namespace
from assignment.sandbox.channel import Ended, Handle, RemoteDict
from assignment.sandbox.protocol import Keywords, Output
from assignment.syntax import parsed
from assignment.text import one_line


@dataclass
class CheckRun:
    """A check cell that was run: its verdict, its outputs as a notebook keeps them, and the rows behind the verdict."""

    result: CheckResult
    outputs: list[Output] = field(default_factory=list)
    rows: list[Any] = field(default_factory=list)
    raised: bool = False  # whether a hidden row has no number to compare


def run_check(cell: Cell, code: Code, namespace: Namespace) -> CheckRun:
    """Execute the compiled check cell in `namespace`; whatever the student's functions do ends in a verdict."""
    points = cell.points or 0.0
    shown: list[Any] = []
    printed = io.StringIO()
    error: BaseException | None = None
    namespace.pop("check", None)
    with _quiet(shown, printed):
        try:
            exec(code.visible, namespace)
            exec(code.hidden, namespace)
        except (Exception, Ended) as caught:
            error = caught
    check = namespace.get("check")
    rows = list(getattr(check, "rows", []))
    advice = tuple(str(text) for text in getattr(check, "advice", []))
    if isinstance(error, Ended) and shown:  # the points were awarded: what came after can only give advice
        error, advice = None, (*advice, words.ADVICE_CUT_SHORT)
    score = _awarded(shown, error, points, bool(getattr(check, "parts", None)))
    result = CheckResult(cell.name, points, score, advice=advice)
    result = replace(result, parts=tuple(_parts(check, rows, result, error)))
    if isinstance(error, Ended):
        message = words.ENDED_IN.get(error.how, words.ENDED_IN["crashed"])
        parts = tuple(replace(part, passed=False, score=0.0, error=None, message=message) for part in result.parts)
        result = replace(result, score=0.0, ended=error.how, reason=error.reason, parts=parts)
    raised = any(row.hidden and row.error is None and not row.passed for row in rows)
    return CheckRun(result, _outputs(shown, printed.getvalue(), error), rows, raised)


class GivenError(Exception):
    """A cell of the homework's own raised: which, where and what."""


def run_given(cell: Cell, code: Code, namespace: Namespace) -> list[Output]:
    """Execute a given cell; returns what it shows. Raises GivenError."""
    shown: list[Any] = []
    printed = io.StringIO()
    try:
        with _quiet(shown, printed):
            exec(code.visible, namespace)
            exec(code.hidden, namespace)
    except Exception as error:
        lines = [f.lineno for f in traceback.extract_tb(error.__traceback__) if f.filename == f"<{cell.id}>"]
        where = f"cell '{cell.kind} {cell.name}', line {lines[-1] if lines else 1}"
        raise GivenError(f"{where}: {type(error).__name__}: {one_line(error)}; correct this cell") from error
    return _outputs(shown, printed.getvalue(), None)


def unrun_check(cell: Cell, ended: Ended, message: str = "") -> CheckRun:
    """The verdict on a check that could not be begun."""
    points = cell.points or 0.0
    part = Part(cell.name, points, message=message or words.ENDED_IN[ended.how])
    result = CheckResult(cell.name, points, ended=ended.how, reason=ended.reason, parts=(part,))
    return CheckRun(result, [ended_output(result.ended, result.reason)])


def ended_output(how: str, reason: str) -> Output:
    """The output of a cell in which the sandbox died."""
    return {"output_type": "error", "ename": how, "evalue": reason, "traceback": [f"{how}: {reason}"]}


@contextlib.contextmanager
def _quiet(shown: list[Any], printed: io.StringIO) -> Iterator[None]:
    """Collect what is printed and displayed; a warning of NumPy about a student's numbers is no event here."""
    hook = sys.displayhook
    sys.displayhook = lambda value: None if value is None else shown.append(value)
    try:
        with contextlib.redirect_stdout(printed), warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            yield
    finally:
        sys.displayhook = hook


def _awarded(shown: list[Any], error: BaseException | None, points: float, in_parts: bool) -> float:
    """The points a cell gives, by nbgrader's rule: the number it displays, else all of them unless it raised.

    A check made of parts always displays a number; anything else there is worth nothing.
    """
    value = _number(shown[0]) if shown else None
    if value is not None:
        return min(max(value, 0.0), points)
    return 0.0 if error or (shown and in_parts) else points


def _number(value: Any) -> float | None:
    """A displayed value as a number of points, None if it is none; what is not finite counts 0."""
    if isinstance(value, bool | np.bool_) or not isinstance(value, float | int | np.number) or np.iscomplexobj(value):
        return None
    return float(value) if math.isfinite(value) else 0.0


def _parts(check: Any, rows: list[Any], result: CheckResult, error: BaseException | None) -> list[Part]:
    worth = getattr(check, "parts", None)
    if not worth:
        message = f"{type(error).__name__}: {error}" if error else ""
        return [Part(result.name, result.max, not error and result.full, result.score, message=message)]
    return [
        _part(name, points, bool(check.passed(name)), [row for row in rows if row.part == name])
        for name, points in worth.items()
    ]


def _part(name: str, points: float, passed: bool, rows: list[Any]) -> Part:
    """One part from its rows: the first failed one that the student can see speaks for it, else the worst of all."""
    failed = [] if passed else [row for row in rows if not row.passed]
    blocks = tuple(dict.fromkeys(row.block for row in failed))
    part = Part(name, float(points), passed, float(points) if passed else 0.0, blocks=blocks)
    telling = min(failed, key=lambda row: row.hidden, default=None) or max(
        (row for row in rows if row.passed and row.error is not None and row.below),
        key=lambda row: row.error / row.below,
        default=None,
    )
    if telling is not None:
        hidden = telling.hidden and not passed
        message = words.in_block(telling.block, telling.message) if hidden else telling.message
        part = replace(part, error=_finite(telling.error), below=telling.below, message=message, hidden=hidden)
        return part if passed or hidden else replace(part, value=came_back(telling.got))
    return part if rows else replace(part, message=words.NOT_CHECKED)


def came_back(value: Any) -> str:
    """A wrong value as a short hash, equal for values that agree in four digits; "" where none came back.

    Of visible rows only: hidden data are another submission's own, and so are their values.
    """
    with np.errstate(all="ignore"):  # floats too wide to be compared
        print_ = Diagnosis.fingerprint(value)
    if value is None or len(print_) < 2:
        return ""
    if isinstance(print_[0], list):
        size = print_[1] or 1.0
        print_ = [print_[0], float(f"{size:.4g}"), *(round(wave / size, 3) + 0.0 for wave in print_[2:])]
    return hashlib.sha256(repr(print_).encode()).hexdigest()[:12]


def _finite(error: Any) -> float | None:
    return float(error) if error is not None and math.isfinite(error) else None


def _outputs(shown: list[Any], text: str, error: BaseException | None) -> list[Output]:
    """The points first, then the table, then the error: nbgrader gives 0 to a cell whose error precedes its points."""
    outputs = [_display(value) for value in shown[:1]]
    if text:
        outputs.append({"output_type": "stream", "name": "stdout", "text": text})
    if error is not None:
        lines = [line.rstrip() for line in traceback.format_exception_only(error)]
        named = {"ename": type(error).__name__, "evalue": str(error)}
        outputs.append({"output_type": "error", **named, "traceback": lines})
    return outputs


def _display(value: Any) -> Output:
    """A displayed value; only a number of points is a result, for nbgrader takes any other result for full points."""
    number = _number(value)
    if number is None:
        return {"output_type": "display_data", "metadata": {}, "data": {"text/plain": repr(value)}}
    data = {"text/plain": repr(number)}
    return {"output_type": "execute_result", "execution_count": None, "metadata": {}, "data": data}


# --- caches for a backward whose forward failed ----------------------------------------------------------------------

WAYS = ("own", "statement", "rest", "steps", "names", "reference")
CALLING = ("own", "statement", "rest")  # those that run the forward, which must not end the sandbox
RIGHT = "_right_outputs"  # parameter of the function that evaluates a student's cache statement


class NoCache(Exception):
    """Why this way gives no cache."""


class CacheFunctions(Functions, Protocol):
    """The student's functions, to be called in the sandbox."""

    def patched(self, cache: Handle, wrong: Any, right: Any) -> Any:
        """A copy of a cache with right outputs. Raises as `call`."""

    def define(self, name: str, source: str) -> None:
        """Define one more function by its source. Raises as `call`."""


@dataclass(frozen=True)
class CacheMaker:
    """Makes caches of one forward for one backward."""

    homework: Homework
    functions: CacheFunctions
    sources: Mapping[str, str]  # the student's cell of each exercise
    failed: frozenset[str]  # exercises without full points
    backward: str

    @property
    def forward(self) -> str:
        """Whose caches are made."""
        return self.homework.givers[self.backward]

    def ways(self) -> list[str]:
        """The ways that can be tried, in order."""
        return [way for way in WAYS if way != "steps" or self.forward in self.homework.steps]

    def make(self, way: str, args: tuple[Any, ...], kwargs: Keywords, right: tuple[Any, ...]) -> Any:
        """The cache of a call; right: what the reference returned for it. Raises NoCache, and as functions.call."""
        if way == "reference":
            return right[-1]
        making = {"own": self._own, "steps": self._steps, "names": self._by_names}
        if way in making:
            return making[way](args, kwargs, right)
        return self._written(way, args, {**kwargs, RIGHT: list(right[:-1])})

    def _own(self, args: tuple[Any, ...], kwargs: Keywords, right: tuple[Any, ...]) -> Any:
        returned = self.functions.call(self.forward, args, kwargs)
        if not isinstance(returned, tuple) or len(returned) != len(right):
            raise NoCache(f"{self.forward} does not return {len(right)} values")
        cache = returned[-1]
        for wrong, value in zip(returned[:-1], right[:-1], strict=True):
            kept = cache.handle if isinstance(cache, RemoteDict) else cache
            if isinstance(kept, Handle) and isinstance(wrong, np.ndarray):
                cache = self.functions.patched(kept, wrong, value)
            elif isinstance(cache, np.ndarray) and np.array_equal(cache, wrong):
                cache = value
        return cache

    def _written(self, way: str, args: tuple[Any, ...], kwargs: Keywords) -> Any:
        name = f"_{way}_of_{self.forward}"
        write = _cache_function if way == "statement" else _rest_function
        self.functions.define(name, write(self.sources.get(self.forward, ""), self.forward, name))
        returned = self.functions.call(name, args, kwargs)
        if not isinstance(returned, tuple):
            raise NoCache("it gives no cache")
        return returned[-1]

    def _steps(self, args: tuple[Any, ...], kwargs: Keywords, right: tuple[Any, ...]) -> Any:
        steps = self.homework.steps[self.forward]
        given = {**dict(zip(steps.params, args, strict=False)), **kwargs}
        sequence, outputs = np.asarray(given[steps.params[0]]), np.asarray(right[0])
        caches, state = [], given[steps.state]
        for at in range(sequence.shape[steps.axis]):
            values = {"": sequence.take(at, steps.axis), steps.state: state}
            step = tuple(values[name] if name in values else given[name] for name in steps.args)
            if steps.function in self.failed:
                returned = self.homework.call(steps.function, step, {})
            else:
                returned = self.functions.call(steps.function, step, {})
            if not isinstance(returned, tuple):
                raise NoCache(f"{steps.function} returns no cache")
            caches.append(returned[-1])
            state = outputs.take(at, steps.axis)
        return caches

    def _by_names(self, args: tuple[Any, ...], kwargs: Keywords, right: tuple[Any, ...]) -> Any:
        names = _unpacked(self.sources.get(self.backward, ""), self.backward)
        forward = function_of(ast.parse(self.homework.master.solve(self.forward).source), self.forward)
        if forward is None or not names:
            raise NoCache("it does not unpack the cache into names")
        values = dict(zip([argument.arg for argument in forward.args.args], args, strict=False)) | kwargs
        values |= dict(zip(_returned(forward)[:-1], right[:-1], strict=False))
        unknown = [name for name in names if name not in values]
        if unknown:
            raise NoCache(f"it unpacks {unknown[0]}, which is neither an input nor an output of {self.forward}")
        cache = tuple(values[name] for name in names)
        return cache if len(cache) > 1 else cache[0]


def _returned(function: ast.FunctionDef) -> list[str]:
    """The names that a function's last return statement gives, "" for what is no name."""
    returns = [node for node in function.body if isinstance(node, ast.Return)]  # not those of a function inside
    return _elements(returns[-1]) if returns else [""]


def _elements(end: ast.stmt) -> list[str]:
    value = getattr(end, "value", None)
    values = value.elts if isinstance(value, ast.Tuple) else [value]
    return [node.id if isinstance(node, ast.Name) else "" for node in values]


def _function(source: str, name: str) -> ast.FunctionDef:
    """A function of a student's cell, which nobody changes. Raises NoCache."""
    tree = parsed(source)
    function = function_of(tree, name) if tree else None
    if function is None:
        raise NoCache(f"the cell is no Python, too long, or without {name}")
    return function


@lru_cache(maxsize=16)  # a check calls a forward many times
def _cache_function(source: str, name: str, new_name: str) -> str:
    """The source of a function that runs a forward up to its cache statement, and that on the right outputs.

    What goes wrong before is ignored: the statement may need nothing of it. Raises NoCache.
    """
    function = _function(source, name)
    outputs = _returned(function)
    if len(outputs) < 2 or not all(outputs):
        raise NoCache(f"{name} does not end in a return statement with names")
    places = [at for at, node in enumerate(function.body) if _assigns(node, outputs[-1])]
    if not places:
        raise NoCache(f"{name} does not assign {outputs[-1]}")
    last = ast.Return(ast.Tuple([ast.Name(outputs[-1], ast.Load())], ast.Load()))
    body = [*_ignoring_errors(function.body[: places[-1]]), _told(outputs[:-1]), function.body[places[-1]], last]
    return _written(function, new_name, body)


@lru_cache(maxsize=16)
def _rest_function(source: str, name: str, new_name: str) -> str:
    """The source of a function that runs a forward until its outputs stand, and the rest of it on the right outputs.

    Where the last statement makes an output of one array of the forward's own, elementwise and rising, that array
    is filled with what gives the right output. Raises NoCache.
    """
    function = _function(source, name)
    statements = function.body
    end = next((at for at, node in enumerate(statements) if isinstance(node, ast.Return)), 0)
    outputs = _elements(statements[end])[:-1]
    if not outputs or not all(outputs):
        raise NoCache(f"{name} does not end in a return statement with names")
    made = max(
        (at + 1 for at in range(end) if any(_changes(node, outputs) for node in ast.walk(statements[at]))), default=0
    )
    body = [*_ignoring_errors(statements[:made]), _told(outputs)]
    match statements[made - 1 : made]:
        case [ast.Assign([ast.Name(output)], value)] if output in outputs:
            own = {_bound(node) for at in range(made - 1) for node in ast.walk(statements[at])}
            inner = {node.id for node in ast.walk(value) if isinstance(node, ast.Name)} & own - {output}
            if len(inner) == 1:
                solving = SOLVING.format(inner=inner.pop(), value=_unparsed(value), right=output)
                body += _ignoring_errors(ast.parse(solving).body)
    return _written(function, new_name, body + statements[made : end + 1])


SOLVING = """
low, high = {right} * 0 - 50, {right} * 0 + 50
for _ in range(99):
    middle = (low + high) / 2
    above = (lambda {inner}: {value})(middle) > {right}
    low, high = low * above + middle * ~above, middle * above + high * ~above
if abs((lambda {inner}: {value})(middle) - {right}).max() < 1e-12:
    {inner}[...] = middle
"""


def _ignoring_errors(body: list[ast.stmt]) -> list[ast.stmt]:
    handler = ast.ExceptHandler(type=ast.Name("Exception", ast.Load()), name=None, body=[ast.Pass()])
    return [ast.Try(body=body, handlers=[handler], orelse=[], finalbody=[])] if body else []


def _told(outputs: list[str]) -> ast.stmt:
    """The statement that gives the outputs their right values."""
    targets = ast.List([ast.Name(output, ast.Store()) for output in outputs], ast.Store())
    return ast.Assign([targets], ast.Name(RIGHT, ast.Load()))


def _written(function: ast.FunctionDef, name: str, body: list[ast.stmt]) -> str:
    """The source of a function with another name and body, which is told the right outputs. Raises NoCache."""
    made, made.args = copy(function), copy(function.args)
    made.args.kwonlyargs = [*function.args.kwonlyargs, ast.arg(RIGHT)]
    made.args.kw_defaults = [*function.args.kw_defaults, None]
    made.name, made.body, made.decorator_list = name, body, []
    return _unparsed(ast.fix_missing_locations(made))


def _unparsed(node: ast.AST) -> str:
    try:
        return ast.unparse(node)
    except RecursionError:
        raise NoCache("the forward is nested too deeply") from None


def _bound(node: ast.AST) -> str:
    return node.id if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) else ""


def _changes(node: ast.AST, names: list[str]) -> bool:
    """Whether a node binds one of these names, or writes into what it stands for."""
    match node:
        case ast.Subscript(ast.Name(name), _, ast.Store()) | ast.keyword("out", ast.Name(name)):
            return name in names
    return _bound(node) in names


def _assigns(node: ast.stmt, name: str) -> bool:
    return isinstance(node, ast.Assign) and any(isinstance(one, ast.Name) and one.id == name for one in node.targets)


@lru_cache(maxsize=16)
def _unpacked(source: str, name: str) -> list[str]:
    """The names into which a backward unpacks its last argument, none if it does not."""
    function = _function(source, name)
    cache = function.args.args[-1].arg if function.args.args else ""
    for node in ast.walk(function):
        match node:
            case ast.Assign([target, *_], ast.Name(name)) if name == cache:
                parts = target.elts if isinstance(target, ast.Tuple | ast.List) else [target]
                names = [part.id for part in parts if isinstance(part, ast.Name)]
                if len(names) == len(parts):
                    return names
    return []
