"""Marks and feedback go back to Canvas: as files for its forms (export), or by its API (push), each exactly once.

push makes one update for each student, which carries all of it. Grades may be set twice without harm, comments may not:
so each comment ends in a mark, [NAME number/content hash], by which Canvas itself tells what has arrived. An update
whose reply was lost is looked for on Canvas before it is sent again; one that a killed run had begun is given
`ServerLimits.settle` seconds to show. The ledger spares a second upload of a file, and knows of comments that were
deleted on Canvas.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import time
import zipfile
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from assignment.canvas import ANONYMOUS, DIGITS, InDoubtError, NotTakenError, feedback_name
from assignment.canvas.files import Column, find_column, import_csv, number, read_gradebook
from assignment.course import Course, new_file, replace_file
from assignment.errors import AssignmentError
from assignment.marking import stale
from assignment.marking.breakdown import CENT, LeftOut, marks
from assignment.report.student_page import title
from assignment.submission.attachments import RECORD, newest_attachment, record_of
from assignment.text import points
from assignment.workflow.collect import ROSTER, refuse_other, unseen

if TYPE_CHECKING:  # the client loads much that exporting needs not
    from assignment.canvas.api import Listing, RemoteAssignment, RemoteSubmission

COLUMN = "column.txt"  # in collected/NAME/: the id of the assignment's column in Canvas
DATE = (1980, 1, 1, 0, 0, 0)  # of every file in the archive, so that the same feedback makes the same bytes
Progress = Callable[[int, int], None]
State = Literal["new", "changed", "sent"]
LOSSES = 3  # updates of one student that are lost before Canvas is left in peace


@dataclass(frozen=True)
class SentGrade:
    """A row of the CSV: what the student gets in Canvas, and what the cell says there now ("" where nothing)."""

    student: str
    name: str
    points: float
    before: str

    @property
    def changed(self) -> bool:
        """Whether importing the row overwrites another grade in Canvas."""
        before = number(self.before)
        return before is not None and abs(before - self.points) >= CENT  # Canvas exports two decimals


@dataclass(frozen=True)
class ExportedGrades:
    """The CSV for Canvas: its column, its rows, who is left out; scaled: (our maximum, Canvas's) where they differ."""

    path: Path
    column: Column
    grades: tuple[SentGrade, ...]
    left_out: tuple[LeftOut, ...]
    scaled: tuple[float, float] | None


@dataclass(frozen=True)
class ExportedFeedback:
    """The archive for Canvas: file name in it by student, and who is left out."""

    path: Path
    files: Mapping[str, str]
    left_out: tuple[LeftOut, ...]


def export_grades(
    course: Course, assignment: str, roster_csv: Path | None = None, column: str | None = None
) -> ExportedGrades:
    """Write the CSV that Canvas imports, exported/NAME/grades.csv, and return what is in it.

    roster_csv: the gradebook exported from Canvas (default: the one collected with); column: id or title of the
    assignment in it where neither its name nor its title tells, remembered for the next time. Excused students, those
    the assignment is not for and those who handed in nothing keep what they have in Canvas.
    """
    roster = roster_csv or course.collected(assignment) / ROSTER
    if not roster.is_file():
        raise AssignmentError(f"{roster}: no such file; name the gradebook exported from Canvas with --roster")
    gradebook = read_gradebook(roster)
    earned, left_out = marks(course, assignment)
    titles = [assignment, title(json.loads(course.source(assignment).read_text("utf-8")))]
    last = course.collected(assignment) / COLUMN
    id = last.read_text("utf-8", errors="replace").strip() if last.is_file() else ""
    chosen = find_column(gradebook, roster, titles, column, id if re.fullmatch(DIGITS, id) else None)
    people, grades = gradebook.roster, []
    refuse_other(roster, people, [mark.student for mark in earned], "graded")
    for mark in earned:
        cell = chosen.cells.get(mark.student, "")
        why = {"EX": "excused in Canvas", "N/A": "not assigned in Canvas"}.get(cell.upper(), "")
        if mark.student not in people:
            why = "handed in anonymously" if mark.student.startswith(ANONYMOUS) else f"not in {roster.name}"
        elif people[mark.student].test:
            why = "Canvas's Test Student: not imported"
        if why:
            left_out.append(LeftOut(mark.student, mark.name, why))
        else:
            grades.append(
                SentGrade(mark.student, people[mark.student].name, scaled(mark.net, mark.max, chosen.points), cell)
            )
    most = earned[0].max if earned else chosen.points
    scale = (most, chosen.points) if most and chosen.points and most != chosen.points else None
    path = course.exported(assignment) / "grades.csv"
    replace_file(path, import_csv(gradebook, chosen, {grade.student: grade.points for grade in grades}).encode())
    replace_file(last, f"{chosen.id}\n")
    return ExportedGrades(path, chosen, tuple(grades), tuple(left_out), scale)


def scaled(net: float, most: float, possible: float | None) -> float:
    """Return a mark in Canvas's points: scaled to the points possible there; as it is where Canvas gives none."""
    return round(net * possible / most, 2) if possible and most else net


def export_feedback(course: Course, assignment: str, annotated: Iterable[tuple[str, bytes]]) -> ExportedFeedback:
    """Write the archive for Canvas's "Upload Submissions", exported/NAME/feedback.zip, and return its files.

    annotated: by student what goes back, an .ipynb, for Canvas shows it under the student's own file name.
    """
    path = course.exported(assignment) / "feedback.zip"
    records = {student: record_of(course, student, assignment) for student in course.students(assignment)}
    reasons = {}
    for student, record in records.items():
        reasons[student] = stale(course, assignment, student)
        if not record:
            page = course.feedback(student, assignment)
            run = "" if page.is_file() else " (run: assignment feedback)"
            reasons[student] = f"no {RECORD}: Canvas has no file of it; send {course.shown(page)}{run}"
        elif record.group:
            reasons[student] = f"the group's feedback goes with the file of {record.group}"
    files: dict[str, str] = {}
    with new_file(path) as part, zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as archive:
        for student, data in annotated:
            if (record := records.get(student)) and not reasons[student]:
                attachment = newest_attachment(course, student, assignment)
                files[student] = feedback_name(record.name, student, attachment, f"{assignment}.ipynb")
                info = zipfile.ZipInfo(files[student], DATE)
                info.external_attr = 0o644 << 16
                archive.writestr(info, data, zipfile.ZIP_DEFLATED)
    left_out = []
    for student, record in records.items():
        if student not in files:
            why = reasons[student] or f"not graded; run: assignment grade {student}"
            left_out.append(LeftOut(student, record.name if record else "", why))
    return ExportedFeedback(path, files, tuple(left_out))


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


@dataclass(frozen=True)
class Planned:
    """What is to be done about a sending: it is new, takes the place of an earlier one, or has arrived already."""

    sending: Sending
    mark: SentMark
    state: State
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
    progress: Progress = lambda done, total: None,
    older: bool = False,
) -> Pushed:
    """Send everybody's mark, comment and page that has not arrived yet; without `yes` only return what would be sent.

    comments: by student; older: also where something newer was handed in. Run again after a crash it sends nothing
    twice and leaves nobody out. AssignmentError if Canvas cannot be reached or takes nothing; what has arrived until
    then is not sent again.
    """
    sendings, left_out = prepare(course, assignment, remote, comments)
    policies = tuple(remote.policies())
    path = course.exported(assignment) / f"sent-{remote.key}.jsonl"
    if not yes:
        ledger = SentLedger.read(path)
        planned, more = plan(course, assignment, sendings, remote.submissions(), ledger, older)
        return Pushed(tuple(planned), (), (), (*left_out, *more), policies)
    with SentLedger(path) as ledger:
        delivery = Delivery(assignment, remote, ledger)
        delivery.settle()
        planned, more = plan(course, assignment, sendings, remote.submissions(), ledger, older)
        for known in planned:
            if known.state == "sent" and ledger.sent.get(known.sending.user) != known.mark:
                ledger.add("sent", known.sending.user, **known.mark._asdict())
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
        data = page.read_bytes() if (there := page.is_file()) else b""
        content = [mark.student, grade, text, page.suffix if there else "", hashlib.sha256(data).hexdigest()]
        digest = hashlib.sha256(json.dumps(content).encode()).hexdigest()[:12]
        sendings.append(Sending(mark.student, mark.name, grade, text, page if there else None, digest))
    return sendings, left_out


def plan(
    course: Course, assignment: str, sendings: Sequence[Sending], listing: Listing, ledger: SentLedger, older: bool
) -> tuple[list[Planned], list[LeftOut]]:
    """Return what is to be done about each sending, by what is known here and on Canvas, and who is left out."""
    listed = {row.user: row for row in listing.submissions}
    there, odd = arrived(assignment, listing.submissions), dict(listing.odd)
    planned, left_out = [], []
    for sending in sendings:
        row = listed.get(sending.user)
        if row is None or row.excused:
            unlisted = odd.get(sending.user, "Canvas does not list this student for the assignment")
            left_out.append(LeftOut(sending.user, sending.name, "excused in Canvas" if row else unlisted))
            continue
        if not older and (file := unseen(course, assignment, row)):
            why = f"Canvas has {file}, newer than what was graded; run: assignment fetch, then grade (or push --older)"
            left_out.append(LeftOut(sending.user, sending.name, why))
            continue
        known = [*there[sending.user], *filter(None, [ledger.sent.get(sending.user)])]
        last = max(known, default=SentMark(0, ""))
        sent = last.digest == sending.digest
        mark = last if sent else SentMark(last.number + 1, sending.digest)
        state: State = "sent" if sent else "changed" if known else "new"
        planned.append(Planned(sending, mark, state, _note(sending, row, sent)))
    return planned, left_out


def _note(sending: Sending, row: RemoteSubmission, sent: bool) -> str:
    """Return what a person should know about a sending before it goes out (or although it has)."""
    if row.score is None or abs(row.score - float(sending.grade)) < CENT:
        return ""
    return f"Canvas says {points(row.score)} now and keeps it" if sent else f"replaces {points(row.score)}"


def arrived(assignment: str, submissions: Iterable[RemoteSubmission]) -> dict[str, set[SentMark]]:
    """Return the marks that Canvas shows for each student; a mark that a student wrote counts for nothing."""
    submissions = list(submissions)
    students = {submission.user for submission in submissions}
    sign = re.compile(rf"\[{re.escape(assignment)} ([0-9]{{1,9}})/([0-9a-f]{{1,64}})\]")
    shown: dict[str, set[SentMark]] = defaultdict(set)
    for submission in submissions:
        for author, text in submission.comments:
            if author not in students:
                shown[submission.user] |= {SentMark(int(n), digest) for n, digest in sign.findall(text)}
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
        for place, line in enumerate(lines, 1):
            try:
                ledger._take(json.loads(line))
            except (ValueError, KeyError, TypeError, RecursionError):
                if line.strip():
                    raise AssignmentError(
                        f"{path}: line {place} is malformed; put the file aside (Canvas is then asked what it has)"
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

    def add(self, event: Literal["uploaded", "begun", "over", "sent"], user: str, **more: str | float) -> None:
        """Note that a student's file is on Canvas, that their update begins, has had all its effect, or has arrived."""
        entry = {"event": event, "user": user, **more}
        os.write(self._file, json.dumps(entry, ensure_ascii=False).encode() + b"\n")
        os.fsync(self._file)
        self._take(entry)

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
            self.ledger.add("over", user)

    def deliver(self, planned: Sequence[Planned], progress: Progress) -> tuple[list[str], list[LeftOut]]:
        """Send one after the other; return who got it, and of whom Canvas takes nothing.

        AssignmentError if Canvas takes nothing at all; what has arrived until then is not sent again.
        """
        done, failed = [], []
        for count, plan in enumerate(planned, 1):
            sending = plan.sending
            try:
                self._send(plan)
                done.append(sending.user)
            except NotTakenError as error:
                failed.append(LeftOut(sending.user, sending.name, str(error)))
            progress(count, len(planned))
        return done, failed

    def _send(self, plan: Planned) -> None:
        """Send one student's grade, comment and file, and see it arrive; NotTakenError if Canvas does not take it."""
        sending, mark = plan.sending, plan.mark
        text = f"{sending.comment}\n\n[{self.assignment} {mark.number}/{mark.digest}]"
        files = self._files(plan)
        for loss in range(1, LOSSES + 1):
            self.ledger.add("begun", sending.user, at=time.time())
            try:
                self.remote.update(sending.user, sending.grade, text, files)
            except InDoubtError as error:
                if not self._shown(plan):
                    self.ledger.add("over", sending.user)
                    if loss == LOSSES:
                        raise AssignmentError(f"{error}; push again later, nothing is sent twice") from None
                    continue
            except (NotTakenError, AssignmentError):
                self.ledger.add("over", sending.user)
                raise
            self.ledger.add("sent", sending.user, **mark._asdict())
            return

    def _files(self, plan: Planned) -> list[str]:
        """Return the ids of the files of a comment, uploaded once."""
        sending, digest = plan.sending, plan.mark.digest
        if not sending.page:
            return []
        if (sending.user, digest) not in self.ledger.uploaded:
            name = f"{self.assignment}-feedback-{sending.user}-{digest}{sending.page.suffix}"
            file = self.remote.upload(sending.user, name, sending.page.read_bytes())
            self.ledger.add("uploaded", sending.user, digest=digest, file=file)
        return [self.ledger.uploaded[sending.user, digest]]

    def _shown(self, plan: Planned) -> bool:
        """Whether an update whose reply was lost shows on Canvas, at once or when it has had its time."""
        deadline, pause = time.monotonic() + self.remote.limits.settle, self.remote.limits.settle / 32
        while True:
            submission = self.remote.submission(plan.sending.user)
            if plan.mark in arrived(self.assignment, [submission])[plan.sending.user]:
                return True
            if time.monotonic() + pause > deadline:
                return False
            time.sleep(pause)
            pause *= 2
