"""Fetch: the newest attempt of everybody, straight from Canvas into submitted/, with late marks and times."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path

from assignment.canvas.api import RemoteAssignment, RemoteFile, RemoteSubmission
from assignment.canvas.gradebook import RosterEntry
from assignment.course import Course, replace_file
from assignment.submission.handed_in import Attachment, LooksLike
from assignment.workflow.collect import ASK, Collected, Item, Progress, homework, receive, reconcile
from assignment.workflow.roster import enrol

SOURCE = "Canvas"  # in canvas.json, where a collected one names its archive


def fetch(
    course: Course,
    assignment: str,
    remote: RemoteAssignment,
    looks_like: LooksLike | None = None,
    progress: Progress | None = None,
) -> Collected:
    """Put everybody's newest attempt into submitted/ and return what was done with every file.

    What was downloaded before (collected/NAME/fetched/) is not downloaded again, so that a run that was stopped goes on
    where it was. AssignmentError if Canvas cannot be reached.
    """
    test = looks_like or homework(course, assignment)
    listing = remote.submissions()
    rows = listing.submissions
    folder = course.collected(assignment) / "fetched"
    roster = {row.user: RosterEntry(row.user, row.name, login=row.login) for row in rows if row.user.isdigit()}
    items = [Item(f"row of {odd.name}", "refused", odd.name, why=odd.why) for odd in listing.odd]
    for number, row in enumerate(rows, 1):
        files = {_entry(row, file): file for file in row.attachments}
        hand = [_attachment(row, file, entry) for entry, file in files.items()]
        if hand:
            items += receive(course, assignment, hand, partial(_get, remote, folder, files), test)
        elif row.kind:
            why = f"handed in as {row.kind}, not as a file; {ASK}"
            items.append(Item(f"{row.user}/{row.kind}", "not a notebook", row.user, row.name, row.late, why))
        if progress:
            progress(number, len(rows))
    enrol(course, roster.values())
    return reconcile(course, assignment, items, roster, folder)


def _entry(row: RemoteSubmission, file: RemoteFile) -> str:
    return f"{row.user}/{file.id}/{file.name}"


def _attachment(row: RemoteSubmission, file: RemoteFile, entry: str) -> Attachment:
    """Return a listed file as what its student handed in."""
    return Attachment(
        row.user, file.id, file.name, entry, row.late, row.name, row.login, row.submitted_at, archive=SOURCE
    )


def _get(remote: RemoteAssignment, folder: Path, files: Mapping[str, RemoteFile], upload: Attachment) -> bytes:
    """Return a file's bytes, from the folder if an earlier run put them there in full; RefusedError as in download."""
    file = files[upload.entry]
    kept = folder / file.id
    if kept.is_file() and kept.stat().st_size == file.size:
        return kept.read_bytes()
    data = remote.download(file)
    replace_file(kept, data)
    return data
