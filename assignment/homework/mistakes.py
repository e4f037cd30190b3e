"""The list of mistakes that people really make: loaded, composed, and what each gives on the visible checks.

A notebook carries no code of a mistake: only projections of its arrays and its hint, packed into one string, so that
it can name the mistake at once.
"""

import base64
import contextlib
import inspect
import io
import json
import re
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from assignment.errors import AssignmentError
from assignment.homework import Cell, Master
from assignment.homework.diagnosis import Diagnosis
from assignment.homework.notebook import EMPTY
from assignment.text import counted, one_line

Namespace = dict[str, Any]  # the names of a kernel
Prints = dict[str, list[Any]]  # by row of a check: the fingerprint of what is wrong in it; "!" for an error


@dataclass(frozen=True, eq=False)
class Mistake:
    """A wrong implementation that people really write, with its name and a hint that leads away from it."""

    function: str
    name: str
    hint: str
    implement: Callable[..., Any]

    @property
    def calls_its_function(self) -> bool:
        """Whether it works on what the right function gives."""
        names = self.implement.__code__.co_names
        helpers = (getattr(self.implement.__globals__.get(name), "__code__", None) for name in names)
        called = {*names, *(name for code in helpers if code for name in code.co_names)}
        return self.function.partition(".")[0] in called


def load_mistakes(text: str, reference: Namespace, filename: str = "mistakes") -> dict[str, list[Mistake]]:
    """Execute a homework's list of mistakes on top of its reference solution -> mistakes by function, in their order.

    In the text each mistake is a function under `@mistake(FUNCTION, HINT)`; it sees every name of the reference.
    AssignmentError if it cannot be executed.
    """
    found: dict[str, list[Mistake]] = {}

    def mistake(function: str, hint: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        owner, _, method = function.partition(".")
        right = getattr(reference.get(owner), method, None) if method else reference.get(owner)
        if not callable(right):
            raise AssignmentError(f"source/{filename}.py: @mistake({function!r}, …): no such function; correct it")

        def keep(implement: Callable[..., Any]) -> Callable[..., Any]:
            own, theirs = (len(inspect.signature(of).parameters) for of in (implement, right))
            if own != theirs:  # each call would be an error, for which every error of a student's would be taken
                differ = f"{implement.__name__} takes {counted(own, 'argument')}, {function} {theirs}"
                raise AssignmentError(f"source/{filename}.py: {differ}; give it the same ones")
            found.setdefault(function, []).append(Mistake(function, implement.__name__, hint, implement))
            return implement

        return keep

    try:
        exec(compile(text, filename, "exec"), {**reference, "mistake": mistake, "__name__": filename})
    except AssignmentError:
        raise
    except Exception as error:
        raise AssignmentError(f"source/{filename}.py: {type(error).__name__}: {error}; correct it") from None
    return found


def compose(outer: Mistake, inner: Mistake) -> Mistake:
    """Return the mistake of two: the outer one calls the inner one instead of the right function."""
    owner, _, method = outer.function.partition(".")

    def implement(*args: Any, **kwargs: Any) -> Any:
        names = outer.implement.__globals__
        right = names[owner]

        def wrong(*args: Any, **kwargs: Any) -> Any:
            names[owner] = right  # the inner one may call it too
            return inner.implement(*args, **kwargs)

        names[owner] = type(owner, (right,), {method: wrong}) if method else wrong
        try:
            return outer.implement(*args, **kwargs)
        finally:
            names[owner] = right

    return Mistake(outer.function, f"{outer.name}, {inner.name}", outer.hint, implement)


def with_fingerprints(master: Master, mistakes: str) -> Master:
    """Return the master with fingerprints of its mistakes where its text asks for them."""
    if not mistakes or not any(EMPTY in cell.source for cell in master.cells):
        return master
    packed = pack(fingerprints(master, mistakes))
    cells = [replace(cell, source=cell.source.replace(EMPTY, f'Check.learn("{packed}")')) for cell in master.cells]
    return replace(master, cells=tuple(cells))


def pack(table: dict[str, Any]) -> str:
    """Return the table as one string; the same bytes on every machine."""
    return base64.b64encode(zlib.compress(json.dumps(table, ensure_ascii=False).encode(), 9)).decode()


def fingerprints(master: Master, mistakes: str) -> dict[str, Any]:
    """Return by exercise the section that explains it and [hint, fingerprints by row] of each mistake that shows."""
    trial = Trial(master)
    found: dict[str, list[tuple[str, Prints]]] = {}
    for function, listed in load_mistakes(mistakes, trial.names, f"{master.name}_mistakes").items():
        for mistake in listed:
            if prints := trial.prints(function, mistake.implement):
                found.setdefault(function, []).append((mistake.hint, prints))
    return {
        name: {"section": _section(master, name), "mistakes": list(_unambiguous(several))}
        for name, several in found.items()
    }


class Trial:
    """The reference solution in a namespace, in which single functions are replaced to see what their checks get."""

    def __init__(self, master: Master) -> None:
        self._master = master
        self.names: Namespace = {"__name__": "__main__"}
        for cell in master.graded:
            if cell.kind in ("given", "solve"):
                self._run(cell)
        zeros: Callable[..., Any] = lambda _, x, *args, **kwargs: np.zeros_like(x)  # noqa: E731 - differences are not needed
        self.names.update(eval_numerical_gradient=zeros, eval_numerical_gradient_array=zeros)
        self._right: dict[str, Prints] = {}

    def prints(self, name: str, implement: Callable[..., Any]) -> Prints:
        """Return the fingerprints of what a replaced function makes wrong in its own visible check."""
        if name not in self._right:
            self._right[name] = self._checked(name)
        owner, _, method = name.partition(".")
        before = self.names[owner]
        self.names[owner] = type(owner, (before,), {method: implement}) if method else implement
        try:
            made = self._checked(name)
        finally:
            self.names[owner] = before
        right = self._right[name]
        return {key: value for key, value in made.items() if key == "!" or not Diagnosis.alike(value, right[key])}

    def _checked(self, name: str) -> Prints:
        self._run(self._master.check(name))
        check = self.names["check"]
        if check.error is not None:
            return {"!": Diagnosis.fingerprint(check.error)}
        return {row.key: Diagnosis.fingerprint(row.got) for row in check.rows}

    def _run(self, cell: Cell) -> None:
        source = cell.stub if cell.kind == "check" else cell.source
        state = np.random.get_state()
        try:
            with contextlib.redirect_stdout(io.StringIO()), np.errstate(all="ignore"):
                exec(compile(source, f"<{cell.id}>", "exec"), self.names)
        except Exception as error:
            what = f"cell '{cell.kind} {cell.name}': {type(error).__name__}: {one_line(error)}"
            raise AssignmentError(f"source/{self._master.name}.py: {what}; correct this cell") from None
        finally:
            np.random.set_state(state)


def _unambiguous(several: list[tuple[str, Prints]]) -> Iterator[tuple[str, Prints]]:
    """Yield the mistakes that no other one could be taken for."""
    for hint, prints in several:
        others = (other for name, other in several if name != hint and other.keys() == prints.keys())
        if not any(all(Diagnosis.alike(other[key], prints[key]) for key in prints) for other in others):
            yield hint, prints


def _section(master: Master, name: str) -> str:
    """Return the heading of the text that explains an exercise."""
    before = master.cells[: master.cells.index(master.solve(name))]
    text = "\n".join(cell.source for cell in before if cell.kind == "prose")
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return headings[-1] if headings else ""
