"""Push: grades, comments and pages onto Canvas, each exactly once, whatever happens on the way.

One update for each student carries all of it. Grades may be set twice without harm, comments may not: so each comment
ends in a mark, [NAME number/content hash], by which Canvas itself tells what has arrived. An update whose reply was
lost is looked for on Canvas before it is sent again; one that a killed run had begun is given `ServerLimits.settle`
seconds to show. The ledger spares a second upload of a file, and knows of comments that were deleted on Canvas.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple

from assignment.canvas.api import Listing, NotTakenError, RemoteAssignment, RemoteSubmission
from assignment.canvas.archive import ANONYMOUS
from assignment.canvas.bounded import InDoubtError
from assignment.course import Course
from assignment.errors import AssignmentError
from assignment.marking.breakdown import LeftOut, marks
from assignment.submission.handed_in import newest_attachment
from assignment.text import points
from assignment.workflow.export import scaled

Progress = Callable[[int, int], None]
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
class Pushed:
    """What was to be sent, who got it in this run (nobody in a dry run), what failed and who is left out."""

    planned: tuple[Planned, ...]
    arrived: tuple[str, ...]
    failed: tuple[LeftOut, ...]
    left_out: tuple[LeftOut, ...]
    policies: tuple[str, ...] = ()  # what Canvas does by itself with marks that arrive


def push(
    course: Course,
    assignment: str,
    remote: RemoteAssignment,
    comments: Mapping[str, str],
    yes: bool = False,
    progress: Progress | None = None,
) -> Pushed:
    """Send everybody's mark, comment and page that has not arrived yet; without `yes` only return what would be sent.

    comments: by student. Run again after a crash it sends nothing twice and leaves nobody out. AssignmentError if
    Canvas cannot be reached or takes nothing; what has arrived until then is not sent again.
    """
    sendings, left_out = prepare(course, assignment, remote, comments)
    policies = tuple(remote.policies())
    path = course.exported(assignment) / f"sent-{remote.key}.jsonl"
    if not yes:
        ledger = SentLedger.read(path)
        planned, more = plan(assignment, sendings, remote.submissions(), ledger)
        return Pushed(tuple(planned), (), (), (*left_out, *more), policies)
    with SentLedger(path) as ledger:
        delivery = Delivery(assignment, remote, ledger)
        delivery.settle()
        planned, more = plan(assignment, sendings, remote.submissions(), ledger)
        for known in planned:
            if known.state == "sent" and ledger.sent.get(known.sending.user) != known.mark:
                ledger.arrive(known.sending.user, known.mark)
        done, failed = delivery.deliver([known for known in planned if known.state != "sent"], progress)
    return Pushed(tuple(planned), tuple(done), tuple(failed), (*left_out, *more), policies)


def prepare(
    course: Course, assignment: str, remote: RemoteAssignment, comments: Mapping[str, str]
) -> tuple[list[Sending], list[LeftOut]]:
    """Return what each student is to get, marks scaled to Canvas's points, and who gets nothing."""
    if remote.grading in ("pass_fail", "not_graded"):
        raise AssignmentError(f"{remote.title}: Canvas grades it as {remote.grading}; make it points there")
    earned, left_out = marks(course, assignment)
    sendings = []
    for mark in earned:
        if mark.student.startswith(ANONYMOUS):
            left_out.append(LeftOut(mark.student, mark.name, "handed in anonymously"))
            continue
        grade = points(scaled(mark.net, mark.max, remote.points))
        text = comments.get(mark.student)
        if text is None:
            why = f"its autograded notebook is damaged or gone; run: assignment grade {mark.student}"
            left_out.append(LeftOut(mark.student, mark.name, why))
            continue
        page = course.feedback(mark.student, assignment)
        there = page.is_file()
        data = page.read_bytes() if there else b""
        content = [mark.student, grade, text, page.suffix if there else "", hashlib.sha256(data).hexdigest()]
        digest = hashlib.sha256(json.dumps(content).encode()).hexdigest()[:12]
        newest = newest_attachment(course, mark.student, assignment)
        sendings.append(Sending(mark.student, mark.name, grade, text, page if there else None, digest, newest))
    return sendings, left_out


def plan(
    assignment: str, sendings: Sequence[Sending], listing: Listing, ledger: SentLedger
) -> tuple[list[Planned], list[LeftOut]]:
    """Return what is to be done about each sending, by what the ledger and Canvas itself know, and who is left out."""
    listed = {row.user: row for row in listing.submissions}
    there, odd = arrived(assignment, listing.submissions), {row.name: row.why for row in listing.odd}
    planned, left_out = [], []
    for sending in sendings:
        row = listed.get(sending.user)
        if row is None or row.excused:
            unlisted = odd.get(sending.user, "Canvas does not list this student for the assignment")
            why = "excused in Canvas" if row else unlisted
            left_out.append(LeftOut(sending.user, sending.name, why))
            continue
        known = [*there[sending.user], *filter(None, [ledger.sent.get(sending.user)])]
        last = max(known, default=SentMark(0, ""))
        if last.digest == sending.digest:
            planned.append(Planned(sending, last, "sent", _note(sending, row, sent=True)))
        else:
            mark = SentMark(last.number + 1, sending.digest)
            planned.append(Planned(sending, mark, "changed" if known else "new", _note(sending, row, sent=False)))
    return planned, left_out


def _note(sending: Sending, row: RemoteSubmission, sent: bool) -> str:
    """Return what a person should know about a sending before it goes out (or although it has)."""
    notes = []
    if row.score is not None and abs(row.score - float(sending.grade)) >= 0.005:
        is_now = points(row.score)
        notes.append(f"Canvas says {is_now} now and keeps it" if sent else f"replaces {is_now}")
    newest = max((int(file.id) for file in row.attachments), default=0)
    if sending.attachment and newest > int(sending.attachment):
        notes.append("handed in anew in Canvas since it was graded")
    return "; ".join(notes)


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
    def read(cls, path: Path) -> SentLedger:
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

    def __enter__(self) -> SentLedger:
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

    def settle(self) -> None:
        """Wait until updates that an earlier run had begun must have shown."""
        interrupted = dict(self.ledger.begun)
        now = time.time()
        youngest = max((min(at, now) for at in interrupted.values()), default=0.0)
        time.sleep(max(0.0, youngest + self.remote.limits.settle - now))
        for user in interrupted:
            self.ledger.end(user)

    def deliver(self, planned: Sequence[Planned], progress: Progress | None) -> tuple[list[str], list[LeftOut]]:
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
                failed.append(LeftOut(sending.user, sending.name, str(error)))
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
