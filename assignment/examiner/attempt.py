"""A submission's cells in a sandbox that is started again when it dies."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from assignment.examiner.outputs import shortened, size
from assignment.examiner.sandbox import Sandbox
from assignment.examiner.session import CellRun, Ended, Session


class OutOfTime(BaseException):  # no check may take it for an error of the student's
    """The submission as a whole has used up its time."""


class Load(NamedTuple):
    """A cell to run: its place among all, its source, and its code if it is the master's."""

    position: int
    source: str
    compiled: bytes = b""


class Attempt:
    """Runs cells and calls of functions in a fresh sandbox; after a death the next call finds a new one, loaded again.

    A cell in which the sandbox dies is left out from then on, and so are those in `dead`. deadline: a time.monotonic()
    after which no sandbox is started and no call is made any more. references: whether some of the cells are not the
    student's. session: a sandbox to begin with, in which no cell has run.

    What student code says in words (an error's text, a type's name) may carry whatever it has seen. `told_secrets`
    says whether that may be more than what students get.
    """

    def __init__(
        self,
        sandbox: Sandbox,
        cells: Sequence[Load],
        deadline: float,
        dead: Mapping[int, Ended] | None = None,
        references: bool = False,
        session: Session | None = None,
    ) -> None:
        self._sandbox = sandbox
        self._cells = list(cells)
        self._deadline = deadline
        self._session = session
        self._loaded = False  # whether the cells have run in it
        self.references = references
        self._hidden = False  # whether this sandbox was called by a hidden part of a check
        self._output_left = sandbox.limits.submission_output_bytes
        self.runs: dict[int, CellRun] = {}  # what each cell showed, when it first ran
        self.dead: dict[int, Ended] = dict(dead or {})  # cells that killed the sandbox
        self._until = deadline  # of the check cell at hand

    def __enter__(self) -> Attempt:
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    def close(self) -> None:
        """Kill the sandbox, if there is one."""
        if self._session is not None:
            self._session.close()
            self._session = None
            self._loaded = self._hidden = False

    @property
    def told_secrets(self) -> bool:
        """Whether the sandbox at hand has seen references or the data of hidden tests."""
        return self.references or self._hidden

    def hide(self) -> None:
        """The calls that follow are those of hidden tests."""
        self._hidden = True

    def allow(self, seconds: float) -> None:
        """Give the check cell at hand this long from now."""
        self._until = min(time.monotonic() + seconds, self._deadline)

    def load(self) -> Session:
        """The sandbox with all cells run in it. Raises OutOfTime."""
        while self._session is None or not self._loaded:
            if time.monotonic() > self._deadline:
                raise OutOfTime
            self._session = self._session or self._sandbox.open()
            self._loaded = True
            for position, source, compiled in self._cells:
                if position in self.dead:
                    continue
                most = 0 if position in self.runs else self._output_left
                try:
                    run = self._session.run_cell(source, most, compiled)
                except Ended as ended:
                    self.dead[position] = ended
                    self.close()
                    break
                if position not in self.runs:
                    self._keep(position, run)
        return self._session

    def _keep(self, position: int, run: CellRun) -> None:
        """Keep what a cell showed, as far as all cells together may show anything."""
        if not self._output_left:
            run = replace(run, outputs=shortened(run.outputs))
        self._output_left = max(0, self._output_left - size(run.outputs))
        self.runs[position] = run

    def call(
        self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], state: dict[str, Any] | None = None
    ) -> Any:
        """Call a function of the submission. Raises RemoteError, Ended or OutOfTime."""
        session = self._in_time()
        try:
            return session.call(name, args, kwargs, state)
        except Ended:
            self.close()
            raise

    def sweep(
        self, call: tuple[Any, ...], x: np.ndarray, h: float, entries: range, pick: int | None = None
    ) -> list[Any]:
        """Call with x moved at each of these entries, in one message; the first exception ends the calls."""
        session = self._in_time()
        try:
            return session.sweep(call, x, h, entries, pick)
        except Ended:
            self.close()
            raise

    def _in_time(self) -> Session:
        session = self.load()
        if time.monotonic() > self._until:
            self.close()
            raise Ended("timeout", "the check took longer than one cell may")
        return session
