"""Judge functions by the master's check cells, in this process: quick, for code that we wrote ourselves."""

from __future__ import annotations

import contextlib
import copy
import io
import signal
import sys
import types
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from assignment.grading.diagnosis import follow
from assignment.grading.proxies import CacheOf, Call, Observation, Raised
from assignment.homework import Cell, Master
from assignment.homework.percent import parse, time_axis
from tests import ROOT


class HangError(BaseException):
    """A check cell took too long; no Exception, so that student code and checks cannot swallow it."""


class DecidedError(BaseException):
    """Every part has failed: what is left of the check cell cannot change that."""


@dataclass
class Verdict:
    """What a check said: its parts with passed or not, all rows, the score."""

    parts: dict[str, bool]
    rows: list[Any]
    score: float
    observed: dict[str, list[Observation]] = field(default_factory=dict)

    @property
    def failed(self) -> frozenset[str]:
        """The parts that lose their points."""
        return frozenset(part for part, passed in self.parts.items() if not passed)


class Judge:
    """A master whose given cells, solutions and unpaid checks have run, ready to judge replacements."""

    def __init__(self, master: Master, limit: float = 5.0) -> None:
        """Run everything up to the last solve cell but the checks that have points.

        limit: CPU seconds for one check cell; the slowest takes a tenth of one on the solution.
        """
        self.master = master
        self._limit = limit
        self.base: dict[str, Any] = new_namespace()
        self._codes: dict[str, types.CodeType] = {}
        for cell in graded_cells(master):
            if cell.kind != "check" or not cell.points:
                self.run(cell.source, self.base)

    @property
    def exercises(self) -> list[str]:
        """The names of the exercises, in order."""
        return [cell.name for cell in self.master.solves]

    @property
    def functions(self) -> set[str]:
        """The names that the exercises define."""
        return {name.partition(".")[0] for name in self.exercises}

    def judge(self, exercise: str, replaced: Mapping[str, str | Callable[..., Any]], record: bool = False) -> Verdict:
        """Run one exercise's check on replaced functions (a solve cell's source, or a callable), the rest right.

        record: remember the calls behind the rows, as the examiner does (slower).
        """
        with self.replaced(replaced) as namespace:
            recorder = Recorder(namespace, self.exercises) if record else None
            verdict = self.check(self.master.check(exercise).source, namespace)
            if recorder:
                verdict.observed = recorder.observations(verdict)
            return verdict

    @contextlib.contextmanager
    def replaced(self, replaced: Mapping[str, str | Callable[..., Any]]) -> Iterator[dict[str, Any]]:
        """Lend the namespace with some functions replaced (`Check` looks names up in it: a copy would not do).

        As in the examiner, replaced code does not see the names that check cells assign.
        """
        before = dict(self.base)
        own = dict(self.base)
        try:
            for name, replacement in replaced.items():
                if isinstance(replacement, str):
                    self.run(replacement, own)
                    owner = name.partition(".")[0]
                    self.base[owner] = own[owner]
                else:
                    put(self.base, name, replacement)
            yield self.base
        finally:
            self.base.clear()
            self.base.update(before)

    def judge_all(self, replaced: Mapping[str, str]) -> dict[str, Verdict]:
        """Run the whole notebook with some solve cells' sources replaced -> verdicts by exercise."""
        namespace = new_namespace()
        verdicts = {}
        for cell in graded_cells(self.master):
            if cell.kind == "check" and cell.points:
                verdicts[cell.name] = self.check(cell.source, namespace)
            else:
                self.run(replaced.get(cell.name, cell.source) if cell.kind == "solve" else cell.source, namespace)
        return verdicts

    def check(self, source: str, namespace: dict[str, Any]) -> Verdict:
        """Run a check cell; a hang fails every part."""
        hung = False
        try:
            self.run(source, namespace)
        except AssertionError:
            pass  # how a check ends when a part failed
        except DecidedError:
            pass
        except HangError:
            hung = True
        check = namespace["check"]
        return Verdict({part: check.passed(part) and not hung for part in check.parts}, check.rows, check.score())

    def run(self, source: str, namespace: dict[str, Any]) -> None:
        """Execute code quietly, within the time limit."""
        code = self._codes.get(source)
        if code is None:
            code = self._codes[source] = compile(source, f"<cell {len(self._codes)}>", "exec")
        with quiet(), time_limit(self._limit):
            exec(code, namespace)


class Recorder:
    """Remembers every call of the exercises' functions and which array came from which, but for finite differences."""

    def __init__(self, namespace: dict[str, Any], exercises: list[str]) -> None:
        """Wrap the functions in the namespace."""
        self._paused = False
        self._origins: dict[int, tuple[Any, CacheOf]] = {}
        self._errors: list[Observation] = []
        for name in exercises:
            put(namespace, name, self._recorded(name, get(namespace, name)))
        for name in ("eval_numerical_gradient", "eval_numerical_gradient_array"):
            namespace[name] = self._unrecorded(namespace[name])

    def observations(self, verdict: Verdict) -> dict[str, list[Observation]]:
        """Return the rows of a verdict with the calls behind them, by part."""
        found: dict[str, list[Observation]] = {part: [] for part in verdict.parts}
        for row in verdict.rows:
            origin = self.origin(row.got)
            if origin is not None:
                found[row.part].append(Observation(*origin, row.got, row.want, row.passed))
            elif not row.passed:
                found[row.part] += self._errors
        return found

    def origin(self, value: Any) -> tuple[Call, tuple[int | str, ...]] | None:
        """Return the call that made a value and the path to it in what the call returned."""
        known = self._origins.get(id(value))
        return (known[1].call, known[1].path) if known else None

    def _recorded(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def recorded(*args: Any, **kwargs: Any) -> Any:
            if self._paused:
                return function(*args, **kwargs)
            call = Call(name, tuple(map(self._kept, args)), {k: self._kept(v) for k, v in kwargs.items()})
            try:
                value = function(*args, **kwargs)
            except Exception as error:
                self._errors.append(Observation(call, (), Raised(type(error).__name__, str(error)), None))
                raise
            self._remember(value, call)
            return value

        return recorded

    def _unrecorded(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def unrecorded(*args: Any, **kwargs: Any) -> Any:
            self._paused = True
            try:
                return function(*args, **kwargs)
            finally:
                self._paused = False

        return unrecorded

    def _kept(self, value: Any) -> Any:
        origin = self._origins.get(id(value))
        if origin is not None and (
            origin[1].path == (1,) or (origin[1].path[:1] == (1,) and not isinstance(value, np.ndarray))
        ):
            return origin[1]
        if isinstance(value, np.ndarray):
            return value.copy()
        if isinstance(value, dict):
            return {key: self._kept(entry) for key, entry in value.items()}
        return self._kept(vars(value)) if hasattr(value, "params") else value

    def _remember(self, value: Any, call: Call) -> None:
        """Name the call as the origin of all it returned; what an output shares with the cache is the output."""
        found: dict[int, tuple[Any, CacheOf]] = {}
        ahead: list[tuple[Any, tuple[int | str, ...]]] = [(value, ())]
        while ahead:
            value, path = ahead.pop(0)
            if value is None or isinstance(value, int | str):  # shared objects: their identity says nothing
                continue
            found.setdefault(id(value), (value, CacheOf(call, path)))
            if isinstance(value, dict | tuple):
                entries = value.items() if isinstance(value, dict) else enumerate(value)
                ahead += [(entry, (*path, step)) for step, entry in entries]
        self._origins |= found


def new_namespace() -> dict[str, Any]:
    """Return an empty namespace that dataclasses can live in: a module known to sys.modules."""
    module = sys.modules.setdefault("__judged__", types.ModuleType("__judged__"))
    return {"__name__": module.__name__}


def load_master(name: str = "rnn") -> Master:
    """Read a master from its text, built or not."""
    path = ROOT / "source" / f"{name}.py"
    text = path.read_text(encoding="utf-8")
    return Master(name, tuple(parse(text, path.name)), time_axis(text, path.name))


def graded_cells(master: Master) -> list[Cell]:
    """Return the code cells up to the last check with points: what comes later cannot matter."""
    cells = master.graded
    last = max(number for number, cell in enumerate(cells) if cell.kind == "check" and cell.points)
    return list(cells[: last + 1])


def put(namespace: dict[str, Any], name: str, function: Callable[..., Any]) -> None:
    """Put a function in the place of another; a method goes into a subclass."""
    owner, _, method = name.partition(".")
    namespace[owner] = type(owner, (namespace[owner],), {method: function}) if method else function


def get(namespace: Mapping[str, Any], name: str) -> Callable[..., Any]:
    """Return a function or a method by name."""
    owner, _, method = name.partition(".")
    function: Callable[..., Any] = getattr(namespace[owner], method) if method else namespace[owner]
    return function


def again(call: Call, namespace: Mapping[str, Any]) -> Any:
    """Make a recorded call with the functions of a namespace, their caches fresh from their own forwards."""
    args = [
        follow(again(value.call, namespace), value.path) if isinstance(value, CacheOf) else copy.deepcopy(value)
        for value in call.args
    ]
    owner, _, method = call.function.partition(".")
    if method:
        args[0] = restored(namespace[owner], args[0])
    return get(namespace, call.function)(*args, **call.kwargs)


def restored(kind: type, state: dict[str, Any]) -> Any:
    """Return an object of a class with this state, made without calling its constructor."""
    instance: Any = object.__new__(kind)
    instance.__dict__.update(state)
    return instance


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Drop what is printed and displayed, and NumPy's warnings about wrong numbers."""
    shown, sys.displayhook = sys.displayhook, lambda value: None
    try:
        with contextlib.redirect_stdout(io.StringIO()), np.errstate(all="ignore"):
            yield
    finally:
        sys.displayhook = shown


@contextlib.contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise HangError after so much CPU time (SIGALRM is left to pytest-timeout)."""

    def stop(*_: object) -> None:
        raise HangError

    before = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)
