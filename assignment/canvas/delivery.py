"""Delivery: grades, comments and files onto Canvas, each exactly once, whatever happens on the way.

One update for each student carries all of it. Grades may be set twice without harm, comments may not: so each comment
ends in a mark, [NAME number/content hash], by which Canvas itself tells what has arrived. An update whose reply was
lost is looked for on Canvas before it is sent again; one that a killed run had begun is given `ServerLimits.settle`
seconds to show. The ledger spares a second upload of a file, and knows of comments that were deleted on Canvas.
"""

import fcntl
import json
import os
import re
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple

from assignment.canvas.api import NotTakenError, RemoteAssignment, RemoteSubmission
from assignment.canvas.bounded import InDoubtError
from assignment.errors import AssignmentError

LOSSES = 3  # updates of one student that are lost before Canvas is left in peace


class SentMark(NamedTuple):
    """Names one sending to one student: its number for this student, and the hash of its content."""

    number: int
    digest: str


@dataclass(frozen=True)
class Sending:
    """What one student is to get."""

    user: str  # Canvas user id
    name: str
    grade: str  # in Canvas's points
    comment: str
    page: Path | None  # the file that goes with the comment
    digest: str  # hash of all of it
    attachment: str  # the hand-in that was graded, "" if not known


@dataclass(frozen=True)
class Planned:
    """What is to be done about a sending: it is new, takes the place of an earlier one, or has arrived already."""

    sending: Sending
    mark: SentMark
    state: Literal["new", "changed", "sent"]
    note: str = ""


@dataclass(frozen=True)
class Undelivered:
    """A student of whom Canvas took nothing, and why."""

    user: str
    name: str
    why: str


def arrived(assignment: str, submissions: Iterable[RemoteSubmission]) -> dict[str, set[SentMark]]:
    """Return the marks that Canvas shows for each student; a mark that a student wrote counts for nothing."""
    submissions = list(submissions)
    students = {submission.user for submission in submissions}
    sign = re.compile(rf"\[{re.escape(assignment)} ([0-9]{{1,9}})/([0-9a-f]{{1,64}})\]")
    shown: dict[str, set[SentMark]] = defaultdict(set)
    for submission in submissions:
        for comment in submission.comments:
            if comment.author not in students:
                shown[submission.user] |= {SentMark(int(n), digest) for n, digest in sign.findall(comment.text)}
    return shown


@dataclass
class SentLedger:
    """The sendings of one assignment, a file of lines, each on disk before the next step is taken.

    Open it to push, for only one push may go on at a time.
    """

    path: Path
    sent: dict[str, SentMark] = field(default_factory=dict)  # the newest known to have arrived, by user
    uploaded: dict[tuple[str, str], str] = field(default_factory=dict)  # (user, digest) -> Canvas's id of the file
    begun: dict[str, float] = field(default_factory=dict)  # updates not seen to end: user -> when (time.time)
    _file: int = -1

    @classmethod
    def read(cls, path: Path) -> "SentLedger":
        """Return what the file says; a last line cut short by a kill never was."""
        ledger = cls(path)
        lines = path.read_bytes().split(b"\n")[:-1] if path.is_file() else []
        for number, line in enumerate(lines, 1):
            try:
                ledger._take(json.loads(line))
            except (ValueError, KeyError, TypeError, RecursionError):
                if line.strip():
                    raise AssignmentError(
                        f"{path}: line {number} is malformed; put the file aside (Canvas is then asked what it has)"
                    ) from None
        return ledger

    def __enter__(self) -> "SentLedger":
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._file)
            raise AssignmentError(f"{self.path}: another push is going on; wait for it to end") from None
        os.ftruncate(self._file, self.path.read_bytes().rfind(b"\n") + 1)  # a line that a kill cut short
        fresh = SentLedger.read(self.path)  # what another push wrote before we had the lock
        self.sent, self.uploaded, self.begun = fresh.sent, fresh.uploaded, fresh.begun
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._file)

    def upload(self, user: str, digest: str, file: str) -> None:
        """Note that a student's file is on Canvas, under which id."""
        self._add(event="uploaded", user=user, digest=digest, file=file)

    def begin(self, user: str) -> None:
        """Note that a student's update is about to be made."""
        self._add(event="begun", user=user, at=time.time())

    def end(self, user: str) -> None:
        """Note that a student's update has had all the effect it will have, which may be none."""
        self._add(event="over", user=user)

    def arrive(self, user: str, mark: SentMark) -> None:
        """Note that a sending has arrived."""
        self._add(event="sent", user=user, number=mark.number, digest=mark.digest)

    def _add(self, **event: str | float) -> None:
        os.write(self._file, json.dumps(event, ensure_ascii=False).encode() + b"\n")
        os.fsync(self._file)
        self._take(event)

    def _take(self, event: Mapping[str, Any]) -> None:
        match event["event"]:
            case "uploaded":
                self.uploaded[event["user"], event["digest"]] = event["file"]
            case "begun":
                self.begun[event["user"]] = float(event["at"])
            case "over":
                self.begun.pop(event["user"], None)
            case "sent":
                self.begun.pop(event["user"], None)
                self.sent[event["user"]] = SentMark(int(event["number"]), str(event["digest"]))
            case "sending" | "accepted" | "ended":
                pass  # of an older edition's calls for many students at a time
            case other:
                raise ValueError(other)


@dataclass
class Delivery:
    """One run of sending, with an open ledger."""

    assignment: str
    remote: RemoteAssignment
    ledger: SentLedger

    def settle(self) -> int:
        """Wait until updates that an earlier run had begun must have shown; return how many there were."""
        interrupted = dict(self.ledger.begun)
        now = time.time()
        youngest = max((min(at, now) for at in interrupted.values()), default=0.0)
        time.sleep(max(0.0, youngest + self.remote.limits.settle - now))
        for user in interrupted:
            self.ledger.end(user)
        return len(interrupted)

    def deliver(
        self, planned: Sequence[Planned], progress: Callable[[int, int], None] | None = None
    ) -> tuple[list[str], list[Undelivered]]:
        """Send one after the other; return who got it, and of whom Canvas takes nothing.

        AssignmentError if Canvas takes nothing at all; what has arrived until then is not sent again.
        """
        done, failed = [], []
        for number, plan in enumerate(planned, 1):
            sending = plan.sending
            try:
                self._send(plan)
                done.append(sending.user)
            except NotTakenError as error:
                failed.append(Undelivered(sending.user, sending.name, str(error)))
            if progress:
                progress(number, len(planned))
        return done, failed

    def _send(self, plan: Planned) -> None:
        """Send one student's grade, comment and file, and see it arrive; NotTakenError if Canvas does not take it."""
        sending, mark = plan.sending, plan.mark
        text = f"{sending.comment}\n\n[{self.assignment} {mark.number}/{mark.digest}]"
        files = self._files(plan)
        for loss in range(1, LOSSES + 1):
            self.ledger.begin(sending.user)
            try:
                self.remote.update(sending.user, sending.grade, text, files)
            except InDoubtError as error:
                if not self._shown(plan):
                    self.ledger.end(sending.user)
                    if loss == LOSSES:
                        raise AssignmentError(f"{error}; push again later, nothing is sent twice") from None
                    continue
            except (NotTakenError, AssignmentError):
                self.ledger.end(sending.user)
                raise
            self.ledger.arrive(sending.user, mark)
            return

    def _files(self, plan: Planned) -> list[str]:
        """Return the ids of the files of a comment, uploaded once."""
        sending, digest = plan.sending, plan.mark.digest
        if not sending.page:
            return []
        file = self.ledger.uploaded.get((sending.user, digest))
        if file is None:
            name = f"{self.assignment}-feedback-{sending.user}-{digest}{sending.page.suffix}"
            file = self.remote.upload(sending.user, name, sending.page.read_bytes())
            self.ledger.upload(sending.user, digest, file)
        return [file]

    def _shown(self, plan: Planned) -> bool:
        """Whether an update whose reply was lost shows on Canvas, at once or when it has had its time."""
        deadline = time.monotonic() + self.remote.limits.settle
        pause = self.remote.limits.settle / 32
        while True:
            submission = self.remote.submission(plan.sending.user)
            if plan.mark in arrived(self.assignment, [submission])[plan.sending.user]:
                return True
            if time.monotonic() + pause > deadline:
                return False
            time.sleep(pause)
            pause *= 2
