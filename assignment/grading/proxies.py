"""The student's functions as the check cells see them: every call goes to the sandbox and is recorded.

A numerical gradient evaluates a function twice an entry, two thousand times a submission; waiting for each answer would
idle both sides. So the gradients of the notebook have twins here that send a call once and have the sandbox move the
entries. They give bit for bit what the given helpers give (a test compares them).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol

import numpy as np

from assignment.sandbox.channel import Moving, RemoteError
from assignment.sandbox.protocol import OBJECT, Keywords

CHUNK = 256  # entries moved in one message, two calls each: enough to hide the round trip, few for one deadline
MOVING = Moving()
CACHE = (1,)  # where a forward returns its cache, which may be a bare array
Helper = Callable[..., Any]


class Functions(Protocol):
    """What a proxy needs of a sandbox."""

    def call(self, name: str, args: tuple[Any, ...], kwargs: Keywords, state: Keywords | None = None) -> Any:
        """Call a function. Raises RemoteError, Ended, OutOfTime."""

    def sweep(
        self, call: tuple[Any, ...], x: np.ndarray, h: float, entries: range, pick: int | None = None
    ) -> list[Any]:
        """Call with x moved at each of these entries. Raises as `call`."""


@dataclass(frozen=True, eq=False)
class Call:
    """One call of a student's function, as sent; arrays in it must not be changed afterwards.

    A method is called with the object's state first: Call('CaptioningRNN.loss', (state dict, features, captions)).
    An argument that the worker itself holds only as a handle stands as a CacheOf.
    """

    function: str
    args: tuple[Any, ...]
    kwargs: Keywords = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class CacheOf:
    """Where an opaque handle came from: the call that returned it and the path to it in what was returned."""

    call: Call
    path: tuple[int | str, ...] = CACHE


@dataclass(frozen=True, eq=False)
class Observation:
    """One row of a check: what the call returned at a path (an output's index, then a key) and what it should be.

    path () is the whole return value; (0,) the first of several outputs; (1, 'W_embed') a gradient in a dictionary.
    """

    call: Call
    path: tuple[int | str, ...]
    got: Any
    want: Any
    passed: bool = False


@dataclass(frozen=True)
class Raised:
    """What stands for a value when the call ended in an error: the error's type by name, and its text."""

    kind: str
    message: str


class Unbatchable(Exception):
    """A function under numerical differentiation does more than one call with x itself among the arguments."""


class Pending:
    """The result of a call that has not been made yet; all one may do with it is take one of its outputs."""

    def __init__(self, pick: int | None = None) -> None:
        self.pick = pick

    def __getitem__(self, index: Any) -> Pending:
        if self.pick is not None or not isinstance(index, int):
            raise Unbatchable
        return Pending(index)

    def __iter__(self) -> Iterator[Any]:
        raise Unbatchable

    def __bool__(self) -> bool:
        raise Unbatchable


class Deferred:
    """A cache that is made when it is first handed to a function."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make = make

    @cached_property
    def value(self) -> Any:
        """The cache. Raises what making it raises."""
        return self._make()


class Student:
    """Makes proxies for one sandbox, records their calls, and batches those of a numerical gradient."""

    def __init__(self, functions: Functions) -> None:
        self._functions = functions
        self._origins: dict[int, tuple[Any, CacheOf]] = {}  # by id: the object, so that the id stays taken; its origin
        self._batch: list[tuple[Any, ...]] | None = None
        self._moving: np.ndarray | None = None
        self._owner: Any = None  # the object whose method was called last
        self._owners = 0  # how often that was another one than before
        self.errors: list[tuple[Call, RemoteError]] = []  # calls that raised, since the last forget()
        self.instead: dict[str, Callable[[tuple[Any, ...], Keywords], Any]] = {}  # answered here, by name

    def function(self, name: str) -> Callable[..., Any]:
        """A proxy of the function `name`."""

        def proxy(*args: Any, **kwargs: Any) -> Any:
            return self._call(name, args, kwargs, None)

        proxy.__name__ = proxy.__qualname__ = name
        return proxy

    def method(self, name: str) -> Callable[..., Any]:
        """A proxy of the method `Class.method`; the object's state goes along by value, with a number for the object.

        In the sandbox a call with the same number and state is of the same object; an equal one made anew is another.
        """

        def proxy(this: Any, *args: Any, **kwargs: Any) -> Any:
            if self._owner is not this:
                self._owner, self._owners = this, self._owners + 1
            return self._call(name, args, kwargs, {**vars(this), OBJECT: self._owners})

        proxy.__name__ = name.rpartition(".")[2]
        proxy.__qualname__ = name
        return proxy

    def origin(self, value: Any) -> CacheOf | None:
        """Which call returned this very object, and where in what it returned."""
        known = self._origins.get(id(value))
        return known[1] if known else None

    def forget(self) -> None:
        """Drop the record of calls: the next check starts afresh."""
        self._origins.clear()
        self.errors = []

    def evaluate(self, f: Helper, x: np.ndarray, h: float) -> list[Any]:
        """f(x) with x's first entry moved up by h, then down, then the second, and so on, asked for in few messages.

        f is run twice, on x and on x moved, to see which call it makes: the same one, but for x. Raises Unbatchable.
        """
        if not x.size:
            raise Unbatchable
        call, pick = self._observed(f, x)
        saved = x.copy()
        try:
            x.flat[0] += h
            if not _same((call, pick), self._observed(f, x)):
                raise Unbatchable
        finally:
            x[...] = saved
        values: list[Any] = []
        for start in range(0, x.size, CHUNK):
            entries = range(start, min(start + CHUNK, x.size))
            try:
                values += self._functions.sweep(call, x, h, entries, pick)
            except RemoteError as error:
                error.function = call[0]
                raise
        return values

    def _observed(self, f: Helper, x: np.ndarray) -> tuple[tuple[Any, ...], int | None]:
        """The one call that f makes, with Moving where x is, and which output f takes. Raises Unbatchable."""
        self._batch, self._moving = [], x
        try:
            pending = f(x)
            calls = self._batch
        except Exception as error:  # it computed with a result that is not there yet, or fails for good
            raise Unbatchable from error
        finally:
            self._batch = self._moving = None
        if not isinstance(pending, Pending) or len(calls) != 1:
            raise Unbatchable
        return calls[0], pending.pick

    def _call(self, name: str, args: tuple[Any, ...], kwargs: Keywords, state: Keywords | None) -> Any:
        if self._batch is not None and self._moving is not None:
            if name in self.instead:
                raise Unbatchable
            self._batch.append((name, *(_marked(part, self._moving) for part in (args, kwargs, state))))
            return Pending()
        head = () if state is None else (state,)
        call = Call(
            name, tuple(self._recorded(a) for a in head + args), {k: self._recorded(v) for k, v in kwargs.items()}
        )
        if name in self.instead:
            value = self.instead[name](args, kwargs)
        else:
            args = tuple(value.value if isinstance(value, Deferred) else value for value in args)
            try:
                value = self._functions.call(name, args, kwargs, state)
            except RemoteError as error:
                error.function = name
                self.errors.append((call, error))
                raise
        self._remember(value, call, ())
        return value

    def _recorded(self, value: Any) -> Any:
        """An argument as the record keeps it: arrays copied, what a call returned named by its origin."""
        origin = self.origin(value)
        numbers = isinstance(value, np.ndarray | np.generic | float)
        if origin is not None and (origin.path == CACHE or not numbers):
            return origin
        if isinstance(value, np.ndarray):
            return value.copy()
        if isinstance(value, dict):
            return {k: self._recorded(v) for k, v in value.items()}
        return value

    def _remember(self, value: Any, call: Call, path: tuple[int | str, ...]) -> None:
        if value is None or isinstance(value, bool | int | str):  # shared objects: their identity says nothing
            return
        self._origins[id(value)] = (value, CacheOf(call, path))
        if isinstance(value, tuple):
            for index, item in enumerate(value):
                self._remember(item, call, (*path, index))
        elif isinstance(value, dict):
            for key, item in value.items():
                self._remember(item, call, (*path, key))


def swept(
    answer: Callable[..., Any], call: tuple[Any, ...], x: np.ndarray, h: float, entries: range, pick: int | None
) -> list[Any]:
    """What a function of this process answers to a sweep: every call has copies of its own, as in the sandbox."""
    values = []
    for entry in entries:
        for step in (h, -h):
            moved = x.copy()
            moved.flat[entry] += step
            returned = answer(*deepcopy(call, {id(MOVING): moved}))
            values.append(returned if pick is None else returned[pick])
    return values


def _marked(value: Any, moving: np.ndarray) -> Any:
    """The value with MOVING in the place of `moving`. Raises Unbatchable for a view of it."""
    if value is moving:
        return MOVING
    if isinstance(value, np.ndarray) and np.may_share_memory(value, moving):
        raise Unbatchable
    if isinstance(value, dict):
        return {k: _marked(v, moving) for k, v in value.items()}
    if isinstance(value, tuple):
        return tuple(_marked(v, moving) for v in value)
    return value


def _same(one: Any, other: Any) -> bool:
    """Whether two calls have the same arguments: the very same arrays and objects, equal plain values."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    if isinstance(one, tuple) and isinstance(other, tuple):
        return len(one) == len(other) and all(map(_same, one, other))
    return one is other or (isinstance(one, bool | int | float | str) and type(one) is type(other) and one == other)


def batched(student: Student, given: Keywords) -> dict[str, Helper]:
    """Those helpers that the notebook gives, by name, as they ask for many calls in a message."""
    helpers = {"eval_numerical_gradient_array": _of_array, "eval_numerical_gradient": _of_scalar}
    return {name: helper(student, given[name]) for name, helper in helpers.items() if name in given}


def _of_array(student: Student, plain: Helper) -> Helper:
    def eval_numerical_gradient_array(f: Helper, x: np.ndarray, df: Any, h: float = 1e-5) -> Any:
        shape = np.shape(df)
        try:
            values = [_of_shape(value, shape) for value in student.evaluate(f, x, h)]
        except Unbatchable:
            return plain(lambda moved: _of_shape(f(moved), shape), x, df, h)
        entries = [np.sum((pos - neg) * df) / (2 * h) for pos, neg in zip(values[::2], values[1::2], strict=True)]
        return np.array(entries, dtype=float).reshape(x.shape).astype(x.dtype, copy=False)

    return eval_numerical_gradient_array


def _of_scalar(student: Student, plain: Helper) -> Helper:
    def eval_numerical_gradient(f: Helper, x: np.ndarray, verbose: bool = True, h: float = 1e-5) -> Any:
        try:
            values = [_of_shape(value, ()) for value in student.evaluate(f, x, h)]
        except Unbatchable:
            return plain(lambda moved: _of_shape(f(moved), ()), x, verbose, h)
        entries = [(pos - neg) / (2 * h) for pos, neg in zip(values[::2], values[1::2], strict=True)]
        gradient = np.array(entries, dtype=float).reshape(x.shape).astype(x.dtype, copy=False)
        if verbose:
            for index in np.ndindex(x.shape):
                print(index, gradient[index])
        return gradient

    return eval_numerical_gradient


def _of_shape(value: Any, shape: tuple[int, ...]) -> Any:
    """The value, if it has numbers of this shape: small answers of odd shapes would be broadcast into huge ones.

    Raises RemoteError: it is the student's function that returned it.
    """
    got = getattr(value, "shape", () if isinstance(value, int | float | complex) else None)
    if got != shape:
        what = "" if got is None else f" of shape {got}"
        raise RemoteError("ValueError", f"returned {type(value).__name__}{what} where shape {shape} was expected")
    return value
