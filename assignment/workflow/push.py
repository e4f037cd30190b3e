"""Push: what Canvas is to be told about everybody, what of it has arrived already, and the rest delivered."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from assignment.canvas.api import Listing, RemoteAssignment, RemoteSubmission
from assignment.canvas.archive import ANONYMOUS
from assignment.canvas.delivery import Delivery, Planned, Sending, SentLedger, SentMark, arrived
from assignment.course import Course
from assignment.errors import AssignmentError
from assignment.marking.breakdown import LeftOut, marks
from assignment.submission.handed_in import newest_attachment
from assignment.text import points
from assignment.workflow.export import scaled

Comment = Callable[[Course, str, str], str]  # course, assignment, student -> words for the student
Page = Callable[[Course, str, str], Path | None]  # -> the file that goes with them
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Pushed:
    """What was to be sent, who got it in this run (nobody in a dry run), what failed and who is left out."""

    planned: tuple[Planned, ...]
    arrived: tuple[str, ...]
    failed: tuple[LeftOut, ...]
    left_out: tuple[LeftOut, ...]
    interrupted: int  # updates of earlier runs whose end was not seen
    policies: tuple[str, ...] = ()  # what Canvas does by itself with marks that arrive


def feedback_page(course: Course, assignment: str, student: str) -> Path | None:
    """Return the student's feedback page if there is one."""
    page = course.feedback(student, assignment)
    return page if page.is_file() else None


def push(
    course: Course,
    assignment: str,
    remote: RemoteAssignment,
    comment: Comment,
    page: Page = feedback_page,
    yes: bool = False,
    withhold: Mapping[str, str] | None = None,
    progress: Progress | None = None,
) -> Pushed:
    """Send everybody's mark, comment and page that has not arrived yet; without `yes` only return what would be sent.

    Run again after a crash it sends nothing twice and leaves nobody out. AssignmentError if Canvas cannot be reached
    or takes nothing; what has arrived until then is not sent again.
    """
    sendings, left_out = prepare(course, assignment, remote, comment, page, withhold)
    policies = tuple(remote.policies())
    path = course.exported(assignment) / f"sent-{remote.key}.jsonl"
    if not yes:
        ledger = SentLedger.read(path)
        planned, more = plan(assignment, sendings, remote.submissions(), ledger)
        return Pushed(tuple(planned), (), (), (*left_out, *more), len(ledger.begun), policies)
    with SentLedger(path) as ledger:
        delivery = Delivery(assignment, remote, ledger)
        interrupted = delivery.settle()
        planned, more = plan(assignment, sendings, remote.submissions(), ledger)
        for known in planned:
            if known.state == "sent" and ledger.sent.get(known.sending.user) != known.mark:
                ledger.arrive(known.sending.user, known.mark)
        done, undelivered = delivery.deliver([known for known in planned if known.state != "sent"], progress)
    failed = tuple(LeftOut(student.user, student.name, student.why) for student in undelivered)
    return Pushed(tuple(planned), tuple(done), failed, (*left_out, *more), interrupted, policies)


def prepare(
    course: Course,
    assignment: str,
    remote: RemoteAssignment,
    comment: Comment,
    page: Page = feedback_page,
    withhold: Mapping[str, str] | None = None,
) -> tuple[list[Sending], list[LeftOut]]:
    """Return what each student is to get, marks scaled to Canvas's points, and who gets nothing."""
    if remote.grading in ("pass_fail", "not_graded"):
        raise AssignmentError(f"{remote.title}: Canvas grades it as {remote.grading}; make it points there")
    earned, left_out = marks(course, assignment, withhold)
    sendings = []
    for mark in earned:
        if mark.student.startswith(ANONYMOUS):
            left_out.append(LeftOut(mark.student, mark.name, "handed in anonymously"))
            continue
        grade = points(scaled(mark.net, mark.max, remote.points))
        try:
            text, file = comment(course, assignment, mark.student), page(course, assignment, mark.student)
        except AssignmentError as error:
            left_out.append(LeftOut(mark.student, mark.name, str(error)))
            continue
        data = file.read_bytes() if file else b""
        content = [mark.student, grade, text, file.suffix if file else "", hashlib.sha256(data).hexdigest()]
        digest = hashlib.sha256(json.dumps(content).encode()).hexdigest()[:12]
        newest = newest_attachment(course, mark.student, assignment)
        sendings.append(Sending(mark.student, mark.name, grade, text, file, digest, newest))
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
