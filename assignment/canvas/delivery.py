"""Delivery: grades, comments and files onto Canvas, each exactly once, whatever happens on the way.

Grades may be set twice without harm, comments may not. So each comment ends in a mark, [NAME number/content hash], by
which Canvas itself tells what has arrived: it sets the grade first, then makes the comment, text and file in one.
Before a bulk call its marks are written to the ledger. A call that was begun and not seen to end is waited for, then
looked for on Canvas, before anything is sent again. What no client can tell: a call whose answer was lost and which
Canvas begins to carry out only after `Patience.settle` seconds; its comments would come twice.
"""

import re
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from assignment.canvas.ledger import Ledger, Mark
from assignment.canvas.patience import InDoubtError, MissingError
from assignment.canvas.rest import Remote, Row
from assignment.errors import AssignmentError
from assignment.marking.marks import LeftOut

LOSSES = 3  # bulk calls lost on the way before Canvas is left in peace


@dataclass(frozen=True)
class Sending:
    """What one student is to get; digest: hash of all of it."""

    user: str
    name: str
    grade: str
    comment: str
    page: Path | None
    digest: str
    attachment: str  # the hand-in that was graded, "" if not known


@dataclass(frozen=True)
class Planned:
    """What is to be done about a sending: it is new, takes the place of an earlier one, or has arrived already."""

    sending: Sending
    mark: Mark
    state: Literal["new", "changed", "sent"]
    note: str = ""


def arrived(assignment: str, rows: Iterable[Row]) -> dict[str, set[Mark]]:
    """Return the marks that Canvas shows for each student; a mark that a student wrote counts for nothing."""
    rows = list(rows)
    students = {row.user for row in rows}
    sign = re.compile(rf"\[{re.escape(assignment)} ([0-9]+)/([0-9a-f]+)\]")
    found: dict[str, set[Mark]] = defaultdict(set)
    for row in rows:
        for comment in row.comments:
            if comment.author not in students:
                found[row.user] |= {Mark(int(number), digest) for number, digest in sign.findall(comment.text)}
    return found


@dataclass
class Delivery:
    """One run of sending, with an open ledger."""

    assignment: str
    remote: Remote
    ledger: Ledger
    losses: int = 0

    def deliver(
        self, planned: Sequence[Planned], size: int, progress: Callable[[int, int], None] | None = None
    ) -> tuple[list[str], list[LeftOut]]:
        """Send in batches until everything is seen on Canvas; return who got it, and who cannot be sent to.

        A batch fails as a whole for one student whom Canvas does not take, after it graded others: what did not arrive
        is sent again, in the end one by one. AssignmentError if Canvas takes nothing.
        """
        step = progress or (lambda done, total: None)
        data: dict[str, dict[str, Any]] = {}
        for number, one in enumerate(planned, 1):
            data[one.sending.user] = self._message(one)
            step(number, 2 * len(planned))
        waiting, done = list(planned), []
        reasons: dict[str, str] = {}
        while waiting:
            lost = False
            for chunk in _chunks(waiting, size):
                message, lost = self._send(chunk, data)
                reasons |= {one.sending.user: message for one in chunk}
                if lost:
                    break  # first see what has become of it
            there = self.there()
            rest = [one for one in waiting if one.mark not in there[one.sending.user]]
            for one in waiting:
                if one not in rest:
                    self.ledger.arrive(one.sending.user, one.mark)
                    done.append(one.sending.user)
                    step(len(planned) + len(done), 2 * len(planned))
            if len(rest) == len(waiting) and not lost:
                if size == 1:
                    break
                size = 1
            waiting = rest
        return done, [LeftOut(one.sending.user, one.sending.name, reasons[one.sending.user]) for one in waiting]

    def there(self) -> dict[str, set[Mark]]:
        """Return the marks that Canvas shows now."""
        return arrived(self.assignment, self.remote.submissions())

    def settle(self, number: int) -> bool:
        """Wait until a bulk call of the ledger has had all its effect; return whether its end was seen."""
        batch, patience = self.ledger.batches[number], self.remote.patience
        if batch.job:
            try:
                self._wait(number, batch.job)
                return True
            except MissingError:
                pass  # Canvas has forgotten the job
        # The answer was lost, and with it the job's id: what has not shown on Canvas by the deadline never will.
        now = time.time()
        missing = self._missing(batch.marks)
        under_way = missing < len(batch.marks) and now < batch.at + patience.job
        deadline = (now if under_way else min(batch.at, now)) + patience.settle
        while missing and time.time() < deadline:
            time.sleep(patience.poll)
            before, missing = missing, self._missing(batch.marks)
            if missing < before:
                deadline = time.time() + patience.settle  # it is being carried out: give it time for the next one
        self.ledger.end(number, "lost" if missing else "seen")
        return not missing

    def _missing(self, marks: Mapping[str, Mark]) -> int:
        there = self.there()
        return sum(mark not in there[user] for user, mark in marks.items())

    def _wait(self, number: int, job: str) -> str:
        """Wait for a job to end and return why it failed, "" if it did not; MissingError if Canvas has forgotten it."""
        patience = self.remote.patience
        deadline = time.time() + patience.job
        while True:
            state, message = self.remote.job(job)
            if state not in ("queued", "running"):
                self.ledger.end(number, state)
                return "" if state == "completed" else message or f"Canvas says: {state}"
            if time.time() >= deadline:
                raise AssignmentError("Canvas: still at work on what was sent; push again later, nothing is sent twice")
            time.sleep(patience.poll)

    def _message(self, one: Planned) -> dict[str, Any]:
        """Return what a bulk call says about a student, the file uploaded (once)."""
        sending, (number, digest) = one.sending, one.mark
        text = f"{sending.comment}\n\n[{self.assignment} {number}/{digest}]"
        message: dict[str, Any] = {"posted_grade": sending.grade, "text_comment": text}
        if sending.page:
            file = self.ledger.uploaded.get((sending.user, digest))
            if file is None:
                name = f"{self.assignment}-feedback-{sending.user}-{digest}{sending.page.suffix}"
                file = self.remote.upload(sending.user, name, sending.page.read_bytes())
                self.ledger.upload(sending.user, digest, file)
            message["file_ids"] = [file]
        return message

    def _send(self, chunk: Sequence[Planned], data: Mapping[str, Mapping[str, Any]]) -> tuple[str, bool]:
        """Make one bulk call and wait for its end; return what Canvas said against it, and whether it got lost."""
        number = self.ledger.begin({one.sending.user: one.mark for one in chunk})
        try:
            job = self.remote.grade({one.sending.user: data[one.sending.user] for one in chunk})
        except InDoubtError as error:
            return self._look_for(number, error)
        except AssignmentError:
            self.ledger.end(number, "refused")
            raise
        self.ledger.accept(number, job)
        try:
            return self._wait(number, job), False
        except MissingError as error:
            return self._look_for(number, error)

    def _look_for(self, number: int, error: Exception) -> tuple[str, bool]:
        """Settle a bulk call of which Canvas said nothing in the end; return what `_send` returns."""
        if self.settle(number):
            return "", False
        self.losses += 1
        if self.losses >= LOSSES:
            raise AssignmentError(f"{error}; push again later, nothing is sent twice") from None
        return str(error), True


def _chunks(planned: Sequence[Planned], size: int) -> Iterator[Sequence[Planned]]:
    for start in range(0, len(planned), size):
        yield planned[start : start + size]
