"""Examine one submission: the student's code in the sandbox, the master's checks here, only values between them.

`Examiner.examine` is a pure function of bytes, homework, releases, policy, limits and secret: it reads nothing else and
writes nothing.

The notebook that a TA and formgrader see has the master's own cells, the student's code and fresh outputs. formgrader
shows it in a page that may write the gradebook, so nothing of the student's can be markup: a session lets no other
outputs than text and PNG through, text cells of the student's own are shown as source.
"""

from __future__ import annotations

import hashlib
import platform
import stat
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from types import TracebackType

from assignment import words
from assignment.grading.examination import Examination
from assignment.grading.reference import Homework
from assignment.grading.result import VERDICT, CheckResult, MadeBy, Part, Result
from assignment.homework import Cell, Master
from assignment.homework.notebook import CellJson, NotebookJson, made_from, metadata, notebook_metadata
from assignment.rules import Policy, findings
from assignment.sandbox import Limits
from assignment.sandbox.session import Session
from assignment.sandbox.zygote import Sandbox
from assignment.submission import Notebook, Unreadable, read_notebook
from assignment.submission.likeness import traces
from assignment.submission.matching import Placed, another_homework, match, newer_syntax
from assignment.text import fenced, plain

SMALL = 1 << 20  # bytes of a file that leaves no trace of memory or time in the sandbox that has read it
LONGEST = 400_000  # characters of one shown text; the sandbox cuts a cell's output well before
Outputs = Mapping[int, Sequence[CellJson]]  # position of a cell -> its outputs


@dataclass(frozen=True)
class Examined:
    """The result of an examination and the notebook that shows it."""

    result: Result
    notebook: NotebookJson


class Examiner:
    """Examines submissions of one homework, one after another; a context manager that keeps the zygote alive.

    secret: of the course; hidden data are drawn from it and the submission's hash.
    """

    def __init__(
        self,
        homework: Homework,
        releases: Mapping[str, Master],
        limits: Limits | None = None,
        policy: Policy | None = None,
        secret: bytes = b"",
    ) -> None:
        self.homework = homework
        self.limits = limits or Limits()
        self.releases = dict(releases)
        self.policy = policy or Policy()
        self.secret = secret
        self.reads_only = False  # run nothing, judge nothing, only leave the traces by which equal work is known
        self.sandbox = Sandbox(self.limits)
        self.doing: Callable[[str], None] = lambda what: None  # told what is being done

    def __reduce__(self) -> tuple[type[Examiner], tuple[object, ...]]:
        """It travels to other machines as what it is made of."""
        return Examiner, (self.homework, self.releases, self.limits, self.policy, self.secret)

    def __enter__(self) -> Examiner:
        self.sandbox.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.sandbox.__exit__(kind, error, trace)

    def examine_file(self, path: Path) -> Examined:
        """Return the verdict on a file; one that cannot be opened, or is too large, is unreadable."""
        data, wrong = self.read(path)
        return self.unexamined(data, "unreadable", wrong) if wrong else self.examine(data)

    def read(self, path: Path) -> tuple[bytes, str]:
        """Return a file's bytes and "", or none and what keeps it from being read."""
        try:
            about = path.stat()
            if not stat.S_ISREG(about.st_mode):  # a pipe or a device could be read for ever
                return b"", "it is not a file"
            if about.st_size > self.limits.notebook_bytes:
                return b"", "the file is larger than a notebook may be"
            return path.read_bytes(), ""
        except FileNotFoundError:
            return b"", f"there is no {path.name} in its folder"
        except OSError as error:
            return b"", f"the file cannot be opened: {error.strerror}"

    def examine(self, data: bytes) -> Examined:
        """Return the verdict on a submission's bytes, whatever they are."""
        start = time.monotonic()
        with self.sandbox.open(start + self.limits.submission_seconds) as session:
            try:
                submission = read_notebook(session, data, self.limits)
            except Unreadable as error:
                return self.unexamined(data, "unreadable", str(error))
            if len(data) < SMALL:
                return self._examine(data, submission, session, start)
        return self._examine(data, submission, None, start)

    def _examine(self, data: bytes, submission: Notebook, session: Session | None, start: float) -> Examined:
        master = self.homework.master
        self.doing("matching its cells to the homework's")
        release, guess = made_from(submission.release, [cell.source for cell in submission.cells], self.releases)
        matching = match(submission, master, release)
        for verdict, why in (("other", another_homework), ("newer", newer_syntax)):
            if reason := why(submission, matching):
                return self.unexamined(data, verdict, reason)
        cells, repairs = matching.cells, matching.repairs
        deadline = start + self.limits.submission_seconds
        examination = Examination(
            self.homework, self.sandbox, cells, deadline, self.seed(data), session, doing=self.doing
        )
        checks = [] if self.reads_only else examination.run()
        self.doing("looking at the rules")
        failed = {check.name: check.failed_in_sight for check in checks}
        found = [] if self.reads_only else findings(submission, release, master, self.policy, failed, matching)
        score = round(sum(check.score for check in checks), 6)
        result = Result(
            verdict="timeout" if examination.out_of_time else "graded",
            reason="the submission as a whole took too long" if examination.out_of_time else "",
            max=master.max,
            score=score,
            net=0.0 if self.policy.zeroes(found) else score,
            seconds=round(time.monotonic() - start, 3),
            release=release.release,
            checks=tuple(check for check in checks if check.max),
            rules=tuple(found),
            repairs=(*repairs, *([guess] if guess else [])),
            made_by=self.made_by(data),
            traces=traces(submission, cells, master),
        )
        return Examined(result, autograded_notebook(master, cells, examination.outputs, result.as_dict()))

    def seed(self, data: bytes) -> int:
        """From what the hidden data of a submission are drawn: its bytes and the course's secret."""
        digest = hashlib.sha256(self.secret + hashlib.sha256(data).digest()).digest()
        return int.from_bytes(digest[:4], "big")

    def unexamined(self, data: bytes, verdict: str, reason: str) -> Examined:
        """Return the verdict on a submission of which no cell was run."""
        master = self.homework.master
        checks = tuple(
            CheckResult(cell.name, cell.points, parts=(Part(cell.name, cell.points, message=words.NOT_EXAMINED),))
            for cell in master.checks
            if cell.points
        )
        result = Result(verdict, master.max, reason, checks=checks, made_by=self.made_by(data))
        return Examined(result, placeholder_notebook(master, f"{verdict}: {reason}", result.as_dict()))

    def made_by(self, data: bytes) -> MadeBy:
        """All that the result on these bytes depends on: the same again gives the same again."""
        return MadeBy(
            submission=hashlib.sha256(data).hexdigest(),
            master=self.homework.digest,
            releases=tuple(sorted(self.releases)),
            rules=vars(self.policy),
            secret=hashlib.sha256(b"fingerprint" + self.secret).hexdigest()[:12],
            python=platform.python_version(),
            limits=self.limits.as_dict(),
            **_versions(),
        )


@cache
def _versions() -> dict[str, str]:
    """The versions of what takes part in an examination."""
    return {name: version(name) for name in ("numpy", "ipython", "nbgrader", "assignment")}


def autograded_notebook(master: Master, cells: Sequence[Placed], outputs: Outputs, result: CellJson) -> CellJson:
    """Return the notebook of an examined submission, with the result in its metadata."""
    shown = [_cell(master, placed, number, outputs.get(number, ())) for number, placed in enumerate(cells)]
    return _notebook(master, shown, result)


def placeholder_notebook(master: Master, reason: str, result: CellJson) -> CellJson:
    """Return what stands for a submission that could not be read: the release, with the reason on top."""
    about = {"assignment": {"kind": VERDICT, "name": ""}}
    notice = {"cell_type": "markdown", "id": "verdict", "metadata": about, "source": fenced(plain(reason, LONGEST))}
    released = master.released
    cells = [
        _own(cell, master.cell(cell.id).source if cell.kind == "check" else cell.source) for cell in released.cells
    ]
    return _notebook(master, [notice, *cells], result)


def _notebook(master: Master, cells: list[CellJson], result: CellJson) -> CellJson:
    about = {"name": master.name, "result": result}
    return {"cells": cells, "metadata": notebook_metadata(about), "nbformat": 4, "nbformat_minor": 5}


def _cell(master: Master, placed: Placed, number: int, outputs: Sequence[CellJson]) -> CellJson:
    if placed.role in ("prose", "given", "check", "play"):
        cell = master.cell(placed.id)
        return _own(cell, cell.source, outputs, number)
    if placed.role == "solve":
        return _own(master.cell(placed.id), placed.source, _fit(outputs), number)
    raw: CellJson = {"cell_type": "markdown", "id": f"extra-{number}", "metadata": {}}
    raw["metadata"] = {"assignment": {"kind": "extra", "name": str(number)}}
    if placed.cell_type != "code":
        return raw | {"source": fenced(plain(placed.source, LONGEST))}
    run = {"cell_type": "code", "execution_count": number + 1, "outputs": _fit(outputs)}
    return raw | run | {"source": placed.source}


def _own(cell: Cell, source: str, outputs: Sequence[CellJson] = (), number: int | None = None) -> CellJson:
    """A cell that the master has too: its id and metadata are the master's."""
    raw: CellJson = {"cell_type": cell.cell_type, "id": cell.id, "metadata": metadata(cell), "source": source}
    if cell.cell_type == "code":
        raw |= {"execution_count": None if number is None else number + 1, "outputs": [dict(o) for o in outputs]}
    return raw


def _fit(outputs: Sequence[CellJson]) -> list[CellJson]:
    return [_shown(output) for output in outputs if output.get("data", True)]


def _shown(output: CellJson) -> CellJson:
    """An output as the sandbox's session has checked it, its text made fit to be shown."""
    kind = output["output_type"]
    if kind == "stream":
        return {**output, "text": plain(output["text"], LONGEST)}
    if kind == "error":
        texts = {name: plain(output[name], LONGEST) for name in ("ename", "evalue")}
        return {**output, **texts, "traceback": [plain(line, LONGEST) for line in output["traceback"]]}
    text = {name: plain(value, LONGEST) for name, value in output["data"].items() if name == "text/plain"}
    count = {"execution_count": None} if kind == "execute_result" else {}
    return {**output, **count, "data": {**output["data"], **text}}
