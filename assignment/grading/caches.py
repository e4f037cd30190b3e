"""Caches for an exercise whose partner failed: a backward is judged by itself, whatever its forward made of the cache.

What a cache holds is the student's own choice, so nobody can simply hand a right one to the backward. It is tried in
turn: the forward's own cache with the right outputs in the place of the wrong ones; the forward's `cache = …` statement
evaluated on the right values; for a sequence, the list of its steps' caches; the names that the backward unpacks; the
reference's own cache.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

import numpy as np

from assignment.grading.proxies import Functions
from assignment.grading.reference import Homework, function_of
from assignment.sandbox.channel import Handle
from assignment.sandbox.protocol import Keywords
from assignment.syntax import parsed

WAYS = ("own", "statement", "steps", "names", "reference")
CALLING = ("own", "statement")  # those that run the forward, which must not end the sandbox
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
        making = {"own": self._own, "statement": self._statement, "steps": self._steps, "names": self._by_names}
        return making[way](args, kwargs, right)

    def _own(self, args: tuple[Any, ...], kwargs: Keywords, right: tuple[Any, ...]) -> Any:
        returned = self.functions.call(self.forward, args, kwargs)
        if not isinstance(returned, tuple) or len(returned) != len(right):
            raise NoCache(f"{self.forward} does not return {len(right)} values")
        cache = returned[-1]
        for wrong, value in zip(returned[:-1], right[:-1], strict=True):
            if isinstance(cache, Handle) and isinstance(wrong, np.ndarray):
                cache = self.functions.patched(cache, wrong, value)
            elif isinstance(cache, np.ndarray) and np.array_equal(cache, wrong):
                cache = value
        return cache

    def _statement(self, args: tuple[Any, ...], kwargs: Keywords, right: tuple[Any, ...]) -> Any:
        name = f"_cache_of_{self.forward}"
        self.functions.define(name, _cache_function(self.sources.get(self.forward, ""), self.forward, name))
        returned = self.functions.call(name, args, {**kwargs, RIGHT: list(right[:-1])})
        if not isinstance(returned, tuple) or len(returned) != 1:
            raise NoCache("the statement gives no cache")
        return returned[0]

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
    returns = [node for node in ast.walk(function) if isinstance(node, ast.Return)]
    value = returns[-1].value if returns else None
    values = value.elts if isinstance(value, ast.Tuple) else [value]
    return [node.id if isinstance(node, ast.Name) else "" for node in values]


def _function(source: str, name: str) -> ast.FunctionDef | None:
    """A function of a student's cell, which nobody changes. Raises NoCache."""
    if (tree := parsed(source)) is None:
        raise NoCache("the cell is no Python, or too long")
    return function_of(tree, name)


@lru_cache(maxsize=16)  # a check calls a forward many times
def _cache_function(source: str, name: str, new_name: str) -> str:
    """The source of a function that runs a forward up to its cache statement, and that on the right outputs.

    What goes wrong before is ignored: the statement may need nothing of it. Raises NoCache.
    """
    function = _function(source, name)
    outputs = _returned(function) if function else []
    if function is None or len(outputs) < 2 or not all(outputs):
        raise NoCache(f"{name} does not end in a return statement with names")
    places = [at for at, node in enumerate(function.body) if _assigns(node, outputs[-1])]
    if not places:
        raise NoCache(f"{name} does not assign {outputs[-1]}")
    before, statement = function.body[: places[-1]], function.body[places[-1]]
    body: list[ast.stmt] = []
    if before:
        ignored = ast.ExceptHandler(type=ast.Name("Exception", ast.Load()), name=None, body=[ast.Pass()])
        body.append(ast.Try(body=before, handlers=[ignored], orelse=[], finalbody=[]))
    targets = ast.List([ast.Name(output, ast.Store()) for output in outputs[:-1]], ast.Store())
    body.append(ast.Assign([targets], ast.Name(RIGHT, ast.Load())))
    body += [statement, ast.Return(ast.Tuple([ast.Name(outputs[-1], ast.Load())], ast.Load()))]
    made, made.args = copy(function), copy(function.args)
    made.args.kwonlyargs = [*function.args.kwonlyargs, ast.arg(RIGHT)]
    made.args.kw_defaults = [*function.args.kw_defaults, None]
    made.name, made.body, made.decorator_list = new_name, body, []
    try:
        return ast.unparse(ast.fix_missing_locations(made))
    except RecursionError:
        raise NoCache(f"{name} is nested too deeply") from None


def _assigns(node: ast.stmt, name: str) -> bool:
    return isinstance(node, ast.Assign) and any(isinstance(one, ast.Name) and one.id == name for one in node.targets)


@lru_cache(maxsize=16)
def _unpacked(source: str, name: str) -> list[str]:
    """The names into which a backward unpacks its last argument, none if it does not."""
    function = _function(source, name)
    cache = function.args.args[-1].arg if function and function.args.args else ""
    for node in ast.walk(function) if function else ():
        match node:
            case ast.Assign([target, *_], ast.Name(name)) if name == cache:
                parts = target.elts if isinstance(target, ast.Tuple | ast.List) else [target]
                names = [part.id for part in parts if isinstance(part, ast.Name)]
                if len(names) == len(parts):
                    return names
    return []
