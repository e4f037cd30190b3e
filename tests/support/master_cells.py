"""The master's cells, run one after the other in one namespace as a kernel would, with what each of them did."""

from __future__ import annotations

import contextlib
import io
import linecache
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from assignment.homework import HIDDEN, Cell, Master, without
from tests.support.judge import new_namespace

POINTS = {
    "rnn_step_forward": 8,
    "rnn_step_backward": 12,
    "rnn_forward": 10,
    "rnn_backward": 14,
    "word_embedding_forward": 6,
    "word_embedding_backward": 8,
    "temporal_affine_forward": 6,
    "temporal_affine_backward": 8,
    "temporal_softmax_loss": 12,
    "CaptioningRNN.loss": 16,
}
PARAMETERS = ("W_embed", "W_proj", "b_proj", "Wx", "Wh", "b", "W_vocab", "b_vocab")


@dataclass
class Outcome:
    """What a cell did: the values it displayed, what it printed, the Check it left and the error it ended with."""

    shown: list[Any]
    printed: str
    check: Any
    error: BaseException | None
    order: list[str] = field(default_factory=list)


class Notebook:
    """A notebook in one namespace."""

    def __init__(self, master: Master) -> None:
        """Run nothing yet."""
        self.master = master
        self.names: dict[str, Any] = new_namespace()
        self.outcomes: dict[str, Outcome] = {}
        self._count = 0

    def run(self, replaced: Mapping[str, str] | None = None, until: str | None = None) -> Notebook:
        """Run the code cells that are graded in order, solve cells replaced by name, up to a cell's id (exclusive)."""
        for cell in self.master.cells:
            if cell.id == until:
                break
            if cell.cell_type == "code" and cell.kind != "play":
                self.cell(cell, (replaced or {}).get(cell.name) if cell.kind == "solve" else None)
        return self

    def cell(self, cell: Cell, source: str | None = None) -> Outcome:
        """Run one cell, or other source in its place; only a check may end in an error."""
        outcome = self.execute(source or cell.source)
        if cell.kind == "check":
            self.outcomes[cell.name] = outcome
        elif outcome.error is not None:
            raise outcome.error
        return outcome

    def visible(self, name: str) -> Outcome:
        """Run the part of a check that students see."""
        return self.execute(without(self.master.check(name).source, HIDDEN))

    def execute(self, source: str) -> Outcome:
        """Run source; an Exception is kept, what it displays and prints too."""
        order: list[str] = []
        shown: list[Any] = []
        printed = _Recording(order)

        def display(value: Any) -> None:
            order.append("shown")
            shown.append(value)

        error, hook = None, sys.displayhook
        sys.displayhook = display
        try:
            with contextlib.redirect_stdout(printed), np.errstate(all="ignore"):
                self._count += 1
                name = f"<cell {self._count}>"
                linecache.cache[name] = len(source), None, source.splitlines(True), name  # as IPython keeps cells
                exec(compile(source, name, "exec"), self.names)
        except Exception as caught:
            error = caught
        finally:
            sys.displayhook = hook
        return Outcome(shown, printed.getvalue(), self.names.get("check"), error, order)

    def failed(self) -> dict[str, set[str]]:
        """Return the parts that failed, by exercise; exercises that passed are left out."""
        found = {}
        for name, outcome in self.outcomes.items():
            parts = {part for part in outcome.check.parts if not outcome.check.passed(part)}
            assert bool(parts) == (outcome.error is not None)
            if parts:
                found[name] = parts
        return found

    @contextlib.contextmanager
    def recorded(self, *names: str) -> Iterator[dict[str, list[tuple[Any, ...]]]]:
        """Record the arguments of functions, copied before each call."""
        seen: dict[str, list[tuple[Any, ...]]] = {name: [] for name in names}
        before = {name: self.names[name] for name in names}

        def recorder(name: str) -> Callable[..., Any]:
            def recorded(*args: Any, **kwargs: Any) -> Any:
                seen[name].append(tuple(a.copy() if isinstance(a, np.ndarray) else a for a in args))
                return before[name](*args, **kwargs)

            return recorded

        self.names.update({name: recorder(name) for name in names})
        try:
            yield seen
        finally:
            self.names.update(before)


class _Recording(io.StringIO):
    """What is printed, with a note of when."""

    def __init__(self, order: list[str]) -> None:
        super().__init__()
        self.order = order

    def write(self, text: str) -> int:
        self.order.append("printed")
        return super().write(text)


def solve(master: Master, name: str) -> Cell:
    """Return the cell in which an exercise is solved."""
    return next(cell for cell in master.solves if cell.name == name)
