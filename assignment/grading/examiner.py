"""Examine one submission: the student's code in the sandbox, the master's checks here, only values between them.

`Examiner.examine` is a pure function of bytes, homework, releases, policy, limits and secret: it reads nothing else and
writes nothing.
"""

from __future__ import annotations

import hashlib
import platform
import stat
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from types import TracebackType

from assignment import words
from assignment.grading.autograded import autograded_notebook, placeholder_notebook
from assignment.grading.examination import Examination
from assignment.grading.reference import Homework
from assignment.grading.result import CheckResult, MadeBy, Part, Result
from assignment.homework.master import Master
from assignment.homework.notebook import NotebookJson
from assignment.homework.releases import made_from
from assignment.rules import Policy, findings
from assignment.sandbox.limits import Limits
from assignment.sandbox.session import Session
from assignment.sandbox.zygote import Sandbox
from assignment.submission.likeness import traces
from assignment.submission.matching import another_homework, match, newer_syntax
from assignment.submission.notebook import Notebook
from assignment.submission.reader import Unreadable, read_notebook

SMALL = 1 << 20  # bytes of a file that leaves no trace of memory or time in the sandbox that has read it


@dataclass(frozen=True)
class Examined:
    """The result of an examination and the notebook that shows it."""

    result: Result
    notebook: NotebookJson


class Examiner:
    """Examines submissions of one homework, one after another; a context manager that keeps the zygote alive.

    secret: of the course; hidden data are drawn from it and the submission's hash; reads_only: run nothing, judge
    nothing, only leave the traces by which equal work is known.
    """

    def __init__(
        self,
        homework: Homework,
        releases: Mapping[str, Master],
        limits: Limits | None = None,
        policy: Policy | None = None,
        secret: bytes = b"",
        reads_only: bool = False,
    ) -> None:
        self.homework = homework
        self.limits = limits or Limits()
        self.releases = dict(releases)
        self.policy = policy or Policy()
        self.secret = secret
        self.reads_only = reads_only
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
        found = [] if self.reads_only else findings(submission, release, master, self.policy, checks, matching)
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
