"""The checks of one submission: each in order, and again on references where an earlier failure stands in its way."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Collection, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from assignment.grading.checks import CheckRun, ended_output, run_check, run_given, unrun_check
from assignment.grading.diagnosis import name_causes
from assignment.grading.proxies import Student, batched
from assignment.grading.reference import Code, Homework, compiled_cell
from assignment.grading.result import CheckResult
from assignment.homework.master import Cell, cell_id
from assignment.sandbox.channel import Ended
from assignment.sandbox.session import CellRun, Session, shortened, size
from assignment.sandbox.zygote import Sandbox
from assignment.submission.matching import Placed
from assignment.text import one_line

ERROR_WORDS = 200  # characters of what an error says
SEED = 0  # of NumPy's global generator, which a check that draws without a seed of its own would use


class Examination:
    """Runs the placed cells of a submission and judges them; `outputs` is what each cell then shows, by position."""

    def __init__(
        self,
        homework: Homework,
        sandbox: Sandbox,
        cells: Sequence[Placed],
        deadline: float,
        session: Session | None = None,
    ) -> None:
        self._homework = homework
        self._sandbox = sandbox
        self._cells = cells
        self._deadline = deadline
        self._session = session  # a sandbox to begin with
        self._failed: set[str] = set()  # exercises without full points
        self._ended: set[str] = set()  # those in which the sandbox died
        self._dead: Mapping[int, Ended] = {}  # cells in which it died, by position
        self._replaced: frozenset[str] = frozenset()  # by references, in the second sandbox
        self._position = {placed.id: number for number, placed in enumerate(cells) if placed.id}
        self.outputs: dict[int, list[dict[str, Any]]] = {}
        self.out_of_time = False

    def run(self, cell_seconds: float) -> list[CheckResult]:
        """Return the verdict of every check cell, in the master's order."""
        checks = []
        with (
            Attempt(self._sandbox, self._loading(()), self._deadline, session=self._session) as attempt,
            ExitStack() as self._second,
        ):
            self._dead = attempt.dead
            stage = Stage(self._homework, attempt, cell_seconds)
            for cell, code in self._homework.cells:
                if cell.kind != "check":
                    self._show(cell, stage.prepare(cell, code))
                    continue
                run = self._judge(stage, cell, code, cell_seconds)
                if not run.result.full:
                    self._failed.add(cell.name)
                    self._blame_cell(run.result, attempt)
                if run.result.ended:
                    self._ended.add(cell.name)
                checks.append(run.result)
                self._show(cell, run.outputs)
        for position, ran in attempt.runs.items():
            self.outputs[position] = ran.outputs
        for position, ended in attempt.dead.items():
            self.outputs[position] = [ended_output(ended.how, ended.reason)]
        return checks

    def _judge(self, stage: Stage, cell: Cell, code: Code, cell_seconds: float) -> CheckRun:
        """The better of two runs: on the student's functions alone, and with references for failed ones."""
        failed = self._homework.builds_on.get(cell.name, frozenset()) & self._failed
        runs: list[CheckRun] = []
        try:
            if failed & self._ended:  # the student's own would only hang again: first try without
                runs.append(self._on_references(failed, cell, code, cell_seconds))
            if not (runs and runs[0].result.full):
                runs.insert(0, stage.check(cell, code))
            if failed and len(runs) == 1 and not runs[0].result.full:
                runs.append(self._on_references(failed, cell, code, cell_seconds))
        except OutOfTime:
            self.out_of_time = True
        return max(runs, key=_worth, default=unrun_check(cell))  # the first of equals

    def _on_references(self, failed: Collection[str], cell: Cell, code: Code, cell_seconds: float) -> CheckRun:
        """Judge an exercise with the reference's functions (and their partners) in the place of those that failed.

        In a sandbox of its own, which stays while the same functions are replaced; it never holds the reference of the
        function under examination, and what is printed there is dropped.
        """
        replaced = self._homework.with_partners(failed)
        if self._replaced != replaced:
            self._second.close()
            attempt = Attempt(self._sandbox, self._loading(replaced), self._deadline, self._dead, references=True)
            self._stage = Stage(self._homework, self._second.enter_context(attempt), cell_seconds)
            self._replaced = replaced
        self._stage.prepare_for(cell)
        run = self._stage.check(cell, code)
        run.result.premise = [name for name in self._homework.names if name in failed]
        return run

    def _loading(self, replaced: Collection[str]) -> list[Load]:
        """The code for the sandbox: the master's given cells, the student's others, and references."""
        loading: list[Load] = []
        references: list[Load] = []  # last: no cell of the student's may undo the replacement
        for number, placed in enumerate(self._cells):
            if placed.role == "given":
                cell = self._homework.master.cell(placed.id)
                if self._homework.runs_in_sandbox(cell):
                    loading.append(Load(number, cell.source, compiled_cell(cell.source)))
            elif placed.cell_type == "code" and placed.role in ("solve", "extra"):
                loading.append(Load(number, placed.source))
                if placed.role == "solve" and (cell := self._homework.master.cell(placed.id)).name in replaced:
                    # a place of its own: the student's may be deadly
                    references.append(Load(-number - 1, cell.source, compiled_cell(cell.source)))
        return loading + references

    def _blame_cell(self, result: CheckResult, attempt: Attempt) -> None:
        """Say at the head of an exercise's failures that its own cell raised an error, if it did.

        What the cell printed when it first ran is told, before any hidden call: there is nothing to give away.
        """
        run = attempt.runs.get(self._position.get(cell_id("solve", result.name), -1))
        error = next((one for one in run.outputs if one["output_type"] == "error"), None) if run else None
        if error is None:
            return
        words = one_line(f"{error['ename']}: {error['evalue']}", ERROR_WORDS)
        for part in result.parts:
            if not part.passed and not part.mistake:
                part.hint = f"这一题的单元格自己就出错了（{words}），出错处之后的代码没有运行。"

    def _show(self, cell: Cell, outputs: list[dict[str, Any]]) -> None:
        if cell.id in self._position and cell.kind != "solve":
            self.outputs[self._position[cell.id]] = outputs


def _worth(run: CheckRun) -> tuple[float, int]:
    """What makes one run of a check better than another: its points, then how many mistakes it can name."""
    return run.result.score, sum(bool(part.mistake) for part in run.result.parts)


class Stage:
    """The examiner's own namespace for one attempt: given cells, and proxies where the exercises are."""

    def __init__(self, homework: Homework, attempt: Attempt, cell_seconds: float) -> None:
        self._homework = homework
        self._attempt = attempt
        self._cell_seconds = cell_seconds
        self._student = Student(attempt)
        self._namespace: dict[str, Any] = {"__name__": "__main__"}
        self._ahead = deque(homework.cells)  # not prepared yet
        np.random.seed(SEED)

    def prepare(self, cell: Cell, code: Code) -> list[dict[str, Any]]:
        """Run a given cell, or put proxies for an exercise; returns what it shows."""
        outputs = run_given(code, self._namespace)
        if cell.kind == "solve":
            for name in cell.defines:
                owner, _, method = name.rpartition(".")
                if owner:
                    setattr(self._namespace[owner], method, self._student.method(name))
                elif not isinstance(self._namespace[name], type):
                    self._namespace[name] = self._student.function(name)
        else:
            self._namespace.update(batched(self._student, self._namespace))
        return outputs

    def prepare_for(self, check: Cell) -> None:
        """Run what a check may use and has not run yet: all before it, of the checks only those worth nothing."""
        while self._ahead and self._ahead[0][0] is not check:
            cell, code = self._ahead.popleft()
            if cell.kind != "check":
                self.prepare(cell, code)
            elif not cell.points:
                self.check(cell, code)

    def check(self, cell: Cell, code: Code) -> CheckRun:
        """Run a check cell and name the causes of what failed. Raises OutOfTime.

        An error's words are withheld from a student when hidden data or references were in the sandbox, for student
        code may have put them there. A visible part that raised such an error runs once more, in a sandbox that has
        seen nothing yet, to hear what the error says.
        """
        run, withheld = self._check(cell, code)
        if withheld and not self._attempt.references:
            self._attempt.close()
            again, _ = self._check(cell, code)
            run = again if again.result.score <= run.result.score else run
        return run

    def _check(self, cell: Cell, code: Code) -> tuple[CheckRun, bool]:
        """A run of a check cell, and whether words that a student could have been told were withheld."""
        withheld: bool | None = None

        def hide() -> None:
            nonlocal withheld
            withheld = self._student.withheld
            self._attempt.hide()

        self._attempt.load()
        self._attempt.allow(self._cell_seconds)
        run = run_check(cell, code, self._namespace, hide)
        if withheld is None:  # it did not get as far as the hidden tests
            withheld = self._student.withheld
        name_causes(run, self._student, self._homework)
        self._student.forget()
        return run, withheld


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
