"""The checks of one submission: each in order, and again where an earlier failure may stand in its way."""

from __future__ import annotations

import re
import time
from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any

import numpy as np

from assignment import words
from assignment.grading.checks import (
    CALLING,
    CacheMaker,
    CheckRun,
    NoCache,
    ended_output,
    run_check,
    run_given,
    unrun_check,
)
from assignment.grading.diagnosis import name_causes
from assignment.grading.proxies import Deferred, Student, batched
from assignment.grading.reference import Code, Homework
from assignment.grading.result import CheckResult
from assignment.homework import Cell, cell_id
from assignment.sandbox.channel import Ended, Handle, RemoteError
from assignment.sandbox.protocol import CALL, Keywords, Output
from assignment.sandbox.session import CellRun, Session, shortened, size
from assignment.sandbox.zygote import Sandbox
from assignment.submission.matching import Placed
from assignment.text import one_line

CELL_LINE = r" \(<[^>]*>, line (\d+)\)"  # how Python tells where a syntax error is
ERROR_WORDS = 200  # characters of what an error says
SEED = "SEED"  # the name under which hidden tests find the seed of this submission


class OutOfTime(BaseException):  # no check may take it for an error of the student's
    """The submission as a whole has used up its time."""


class Attempt:
    """Runs cells and calls of functions in a fresh sandbox; after a death the next call finds a new one, loaded again.

    cells: (position among all, source or marshalled code). A cell in which the sandbox dies is left out from then on,
    and so are those in `dead`. deadline: a time.monotonic() after which nothing is begun any more. replaced: exercises
    whose place is taken by functions that ask the reference, which itself never leaves this process. session: one to
    begin with, in which no cell has run. right: exercises that give what the reference gives, which may become more.
    """

    def __init__(
        self,
        sandbox: Sandbox,
        homework: Homework,
        cells: Sequence[tuple[int, str | bytes]],
        deadline: float,
        dead: Mapping[int, Ended] | None = None,
        replaced: Collection[str] = (),
        session: Session | None = None,
        right: Collection[str] = (),
    ) -> None:
        self._sandbox = sandbox
        self._homework = homework
        self._cells = list(cells)
        self._deadline = deadline
        self.replaced = frozenset(replaced)
        self._session = session
        self._loaded = False  # whether the cells have run in it
        self._defined: set[str] = set()
        self._output_left = sandbox.limits.submission_output_bytes
        self.runs: dict[int, CellRun] = {}  # what each cell showed, when it first ran
        self.dead: dict[int, Ended] = dict(dead or {})  # cells that killed the sandbox
        self._right = right
        self.lending = False  # whether the reference gives the differences of all others too
        self.lent = False  # whether it has
        self._until = deadline  # of the check cell at hand

    def __enter__(self) -> Attempt:
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    def close(self) -> None:
        """Kill the sandbox, if there is one."""
        if self._session is not None:
            self._session.close()
        self._session, self._loaded = None, False
        self._defined.clear()

    def allow(self) -> None:
        """Give the check cell at hand as long as a cell may take, from now."""
        self._until = min(time.monotonic() + self._sandbox.limits.cell_seconds, self._deadline)
        if self._session is not None:
            self._session.renew()

    def load(self) -> Session:
        """The sandbox with all cells run in it. Raises OutOfTime, and Ended where no stand-in could be put."""
        while self._session is None or not self._loaded:
            if time.monotonic() > self._deadline:
                raise OutOfTime
            try:
                self._session = self._session or self._sandbox.open(self._deadline)
            except Ended:
                raise OutOfTime from None
            self._loaded = self._run_cells(self._session)
        return self._session

    def _run_cells(self, session: Session) -> bool:
        """Run the cells, then put stand-ins in their places; whether the sandbox lives."""
        for position, source in self._cells:
            if position in self.dead:
                continue
            most = 0 if position in self.runs else self._output_left
            try:
                run = session.run_cell(source, most)
            except Ended as ended:
                if time.monotonic() > self._deadline:
                    raise OutOfTime from None
                self.dead[position] = ended
                self.close()
                return False
            if position not in self.runs:
                self._keep(position, run)
        if self.replaced:
            givers = {taker: giver for taker, giver in self._homework.givers.items() if taker in self.replaced}
            try:
                session.stand_in(sorted(self.replaced), givers, self._answer)
            except Ended:
                self.close()
                raise
        return True

    def _answer(self, name: str, args: tuple[Any, ...], kwargs: Keywords, state: Keywords | None) -> Any:
        """What the reference gives for a call of a stand-in; raises what it raises."""
        if name not in self.replaced:
            raise NameError(f"name {name!r} is not defined")
        if args and isinstance(args[-1], dict) and list(args[-1]) == [CALL]:
            giver, *call = args[-1][CALL]
            args = (*args[:-1], self._homework.call(giver, *call)[-1])
        return self._homework.call(name, args, kwargs, state)

    def _keep(self, position: int, run: CellRun) -> None:
        """Keep what a cell showed, as far as all cells together may show anything."""
        if not self._output_left:
            run = replace(run, outputs=shortened(run.outputs))
        self._output_left = max(0, self._output_left - size(run.outputs))
        self.runs[position] = run

    def call(self, name: str, args: tuple[Any, ...], kwargs: Keywords, state: Keywords | None = None) -> Any:
        """Call a function of the submission. Raises RemoteError, Ended or OutOfTime."""
        with self._in_time() as session:
            return session.call(name, args, kwargs, state)

    def sweep(
        self, call: tuple[Any, ...], x: np.ndarray, h: float, entries: range, pick: int | None = None
    ) -> list[Any]:
        """Call with x moved at each of these entries, in one message; the first exception ends the calls."""
        right = call[0] in self._right or call[0] in self.replaced
        self.lent |= self.lending and not right
        if self.lending or right:
            return self._homework.sweep(call, x, h, entries, pick)
        with self._in_time() as session:
            return session.sweep(call, x, h, entries, pick)

    def patched(self, cache: Handle, wrong: Any, right: Any) -> Any:
        """A copy of a cache with right outputs in the place of wrong ones. Raises as `call`."""
        with self._in_time() as session:
            return session.patched(cache, wrong, right)

    def define(self, name: str, source: str) -> None:
        """Define one more function, once a sandbox. Raises as `call`."""
        with self._in_time() as session:
            if name not in self._defined:
                session.run_cell(source, 0)
                self._defined.add(name)

    @contextmanager
    def _in_time(self) -> Iterator[Session]:
        """The loaded sandbox, closed if it dies in what is asked of it. Raises as `call`."""
        session = self.load()
        if time.monotonic() > self._until:
            self.close()
            if time.monotonic() > self._deadline:
                raise OutOfTime
            raise Ended("timeout", "the check took longer than one cell may")
        try:
            yield session
        except Ended:
            self.close()
            raise


class Stage:
    """The worker's own namespace for one attempt: given cells, and proxies where the exercises are."""

    def __init__(self, homework: Homework, attempt: Attempt, seed: int) -> None:
        self._homework = homework
        self.attempt = attempt
        self.student = Student(attempt)
        self._namespace: Keywords = {"__name__": "__main__", SEED: seed}
        self._ahead = deque(homework.cells)  # not prepared yet
        np.random.seed(0)  # a check that draws without a seed of its own draws the same for everybody

    def prepare(self, cell: Cell, code: Code) -> list[Output]:
        """Run a given cell, or put proxies for an exercise; returns what it shows."""
        outputs = run_given(cell, code, self._namespace)
        if cell.kind == "solve":
            for name in cell.defines:
                owner, _, method = name.rpartition(".")
                if owner:
                    setattr(self._namespace[owner], method, self.student.method(name))
                elif not isinstance(self._namespace[name], type):
                    self._namespace[name] = self.student.function(name)
        else:
            self._namespace.update(batched(self.student, self._namespace))
        return outputs

    def prepare_for(self, check: Cell) -> None:
        """Run what a check may use and has not run yet: all before it, of the checks only those worth nothing."""
        while self._ahead and self._ahead[0][0] is not check:
            cell, code = self._ahead.popleft()
            if cell.kind != "check":
                self.prepare(cell, code)
            elif not cell.points:
                self.check(cell, code)

    def check(self, cell: Cell, code: Code, named: bool = True) -> CheckRun:
        """Run a check cell; named: with the causes of what failed. Raises as `load`.

        Differences decide no points, so at first the reference gives them all, remembered for the class. Only where
        points are lost are they taken of the student's functions, to say what is wrong.
        """
        run = self._run(cell, code, lending=True)
        if self.attempt.lent and not (run.result.full or run.result.ended):
            self.student.forget()
            run = self._run(cell, code, lending=False)
        if named:
            run = name_causes(run, self.student, self._homework)
        self.student.forget()
        return run

    def _run(self, cell: Cell, code: Code, lending: bool) -> CheckRun:
        self.attempt.load()
        self.attempt.allow()
        self.attempt.lending, self.attempt.lent = lending, False
        return run_check(cell, code, self._namespace)


class Examination:
    """Runs the placed cells of a submission and judges them; `outputs` is what each cell then shows, by position."""

    def __init__(
        self,
        homework: Homework,
        sandbox: Sandbox,
        cells: Sequence[Placed],
        deadline: float,
        seed: int = 0,
        session: Session | None = None,
        doing: Callable[[str], None] = lambda what: None,
    ) -> None:
        self._homework = homework
        self._sandbox = sandbox
        self._doing = doing  # told what is being done
        self._cells = cells
        self._deadline = deadline
        self._seed = seed
        self._session = session  # a sandbox to begin with
        self._failed: set[str] = set()  # exercises without full points
        self._passed: set[str] = set()  # the others: they give what the reference gives
        self._ended: set[str] = set()  # those in which the sandbox died
        self._dead: Mapping[int, Ended] = {}  # cells in which it died, by position
        self._stages: dict[frozenset[str], Stage] = {}  # by what is replaced
        self._unwritten = {
            cell.name
            for placed in cells
            if placed.role == "solve" and placed.source == (cell := homework.master.cell(placed.id)).stub
        }
        self._position = {placed.id: number for number, placed in enumerate(cells) if placed.id}
        self.outputs: dict[int, list[Output]] = {}
        self.out_of_time = False

    def run(self) -> list[CheckResult]:
        """Return the verdict of every check cell, in the master's order."""
        checks = []
        with ExitStack() as self._open:
            attempt = self._open.enter_context(self._attempt((), self._session))
            self._dead = attempt.dead
            stage = Stage(self._homework, attempt, self._seed)
            for cell, code in self._homework.cells:
                if cell.kind != "check":
                    self._show(cell, stage.prepare(cell, code))
                    continue
                self._doing(f"checking {cell.name}")
                run = self._judge(stage, cell, code)
                (self._passed if run.result.full else self._failed).add(cell.name)
                if not run.result.full:
                    run.result = self._blaming_cell(run.result, attempt)
                if run.result.ended:
                    self._ended.add(cell.name)
                checks.append(run.result)
                self._show(cell, run.outputs)
        for position, ran in attempt.runs.items():
            self.outputs[position] = ran.outputs
        for position, ended in attempt.dead.items():
            self.outputs[position] = [ended_output(ended.how, ended.reason)]
        return checks

    def _judge(self, stage: Stage, cell: Cell, code: Code) -> CheckRun:
        """The best of several runs: on the student's own functions, then with the reference in the place of others."""
        runs: list[CheckRun] = []
        try:
            for run in self._runs(stage, cell, code):
                runs.append(run)
                if run.result.full:
                    break
        except OutOfTime:
            self.out_of_time = True
            runs.append(unrun_check(cell, Ended("timeout", "no time was left for it"), words.NO_TIME))
        except Ended as ended:  # a thread of the submission can break a sandbox at any moment
            runs.append(unrun_check(cell, ended))
        best = max(runs, key=_worth)  # the first of equals
        best.result = replace(best.result, alone=runs[-1].result.alone)
        return best

    def _runs(self, stage: Stage, cell: Cell, code: Code) -> Iterator[CheckRun]:
        """Run a check in one way after the other; who asks for the next one was not content with the last."""
        below = self._homework.builds_on.get(cell.name, frozenset())
        failed, partners = below & self._failed, self._homework.with_partners(below & self._failed)
        hangs = False
        if not failed & self._ended:  # the student's own would only hang again
            run = stage.check(cell, code)
            hangs = bool(run.result.ended)
            yield run
        if cell.name in self._unwritten:  # the release's stub gets no points beside anything
            if failed & self._ended:  # but it has not run yet
                yield self._on_references(self._stage(failed, cell), cell, code, failed)
            return
        if failed:
            for replaced in dict.fromkeys((failed, partners)):
                yield self._on_references(self._stage(replaced, cell), cell, code, failed)
        elif below and not hangs:  # those passed, and yet this may be their fault: they may write into their arguments
            yield self._on_references(self._stage(below, cell), cell, code, below)
        if failed & self._ended:
            yield stage.check(cell, code)
        if self._homework.givers.get(cell.name) in self._failed:
            yield from self._on_caches(self._stage(partners, cell) if failed else stage, cell, code, failed)

    def _attempt(self, replaced: Collection[str], session: Session | None = None) -> Attempt:
        about = self._sandbox, self._homework, self._loading(), self._deadline, self._dead
        return Attempt(*about, replaced, session, self._passed)

    def _stage(self, replaced: frozenset[str], cell: Cell) -> Stage:
        """The sandbox with these exercises replaced; it never holds the reference, and what is printed is dropped."""
        if replaced not in self._stages:
            attempt = self._open.enter_context(self._attempt(replaced))
            stage = Stage(self._homework, attempt, self._seed)
            for other in self._stages.values():
                other.attempt.close()
            self._stages[replaced] = stage
        self._stages[replaced].prepare_for(cell)
        return self._stages[replaced]

    def _on_references(self, stage: Stage, cell: Cell, code: Code, failed: Collection[str]) -> CheckRun:
        run = stage.check(cell, code)
        run.result = replace(run.result, premise=tuple(name for name in self._homework.names if name in failed))
        return run

    def _on_caches(self, stage: Stage, cell: Cell, code: Code, failed: Collection[str]) -> Iterator[CheckRun]:
        """Judge a backward whose forward failed on right outputs, and on each cache that can be made for it."""
        cell_of = self._homework.master.cell
        sources = {cell_of(placed.id).name: placed.source for placed in self._cells if placed.role == "solve"}
        maker = CacheMaker(self._homework, stage.attempt, sources, frozenset(self._failed), cell.name)
        reasons, ran = [], False
        for way in maker.ways():
            if way in CALLING and maker.forward in self._ended:
                continue
            problems: list[str] = []
            stage.student.instead[maker.forward] = _instead(maker, way, stage.student, problems)
            try:
                run = stage.check(cell, code, named=way != "reference")  # read wrongly it looks like a mistake
            finally:
                stage.student.instead.clear()
            run.result = replace(run.result, cache=way, premise=(*run.result.premise, *failed, maker.forward))
            reasons += [f"{way}: {problem}" for problem in problems[:1]]
            ran = ran or not (problems or run.raised)
            if not ran and way == "reference":  # the last
                why = f"no cache that it can read was found ({'; '.join(reasons) or 'it raised an error on each'})"
                run.result = replace(run.result, alone=why)
            yield run
            if run.result.ended:
                return  # the next one would only hang again

    def _loading(self) -> list[tuple[int, str | bytes]]:
        """The code for the sandbox: the master's given cells, and the student's others."""
        loading: list[tuple[int, str | bytes]] = []
        for number, placed in enumerate(self._cells):
            if placed.role == "given":
                if placed.id in self._homework.given:
                    loading.append((number, self._homework.given[placed.id]))
            elif placed.cell_type == "code" and placed.role in ("solve", "extra"):
                loading.append((number, placed.source))
        return loading

    def _blaming_cell(self, result: CheckResult, attempt: Attempt) -> CheckResult:
        """The same, saying at the head of an exercise's failures that its own cell raised an error, if it did."""
        run = attempt.runs.get(self._position.get(cell_id("solve", result.name), -1))
        error = next((output for output in run.outputs if output["output_type"] == "error"), None) if run else None
        if error is None:
            return result
        text = re.sub(CELL_LINE, lambda found: words.at_line(found[1]), f"{error['ename']}: {error['evalue']}")
        hint = words.cell_failed(one_line(text, ERROR_WORDS))
        parts = [part if part.passed or part.mistake else replace(part, hint=hint) for part in result.parts]
        return replace(result, parts=tuple(parts))

    def _show(self, cell: Cell, outputs: list[Output]) -> None:
        if cell.id in self._position and cell.kind != "solve":
            self.outputs[self._position[cell.id]] = outputs


def _instead(maker: CacheMaker, way: str, student: Student, problems: list[str]) -> Any:
    """What answers in the place of a forward that failed: the reference's outputs, with a cache made on demand."""

    def forward(args: tuple[Any, ...], kwargs: Keywords) -> Any:
        right = maker.homework.call(maker.forward, args, kwargs)
        if not isinstance(right, tuple) or len(right) < 2:
            return right

        def make() -> Any:
            try:
                return maker.make(way, args, kwargs, right)
            except (NoCache, RemoteError, LookupError, TypeError, ValueError, AttributeError) as error:
                problems.append(one_line(error, ERROR_WORDS))
                raise RemoteError("ValueError", words.NO_CACHE) from None

        return (*right[:-1], Deferred(make))

    return forward


def _worth(run: CheckRun) -> tuple[float, int]:
    """What makes one run of a check better than another: its points, then how many mistakes it can name."""
    return run.result.score, sum(bool(part.mistake) for part in run.result.parts)
