"""What Canvas is; here what the names in its archives say, and how ids look.

Nothing of marks is known in this room.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from assignment.errors import AssignmentError

ANONYMOUS = "anon_"
DIGITS = "[0-9]{1,20}"  # ASCII digits, no more than any database has
USER_ID = re.compile(rf"{DIGITS}|{ANONYMOUS}[A-Za-z0-9]{{1,64}}")
WHAT = rf"(?:(?P<attachment>{DIGITS})_(?P<file>.+)|(?P<kind>text|link)\.html)"  # a file, or a text entry or a link
# A lookahead, so that every underscore is tried as the one before the user id.
NAMED = re.compile(rf"_(?=(?P<user>{DIGITS})_{WHAT}$)", re.DOTALL)
NAMELESS = re.compile(rf"(?P<late>LATE_|late_)?(?P<user>{ANONYMOUS}[A-Za-z0-9]{{1,64}})_{WHAT}", re.DOTALL)


@dataclass(frozen=True)
class Entry:
    """An archive entry's name, read: who handed in which attachment under which file name."""

    entry: str
    name: str  # the student's (or group's) name as Canvas squeezes it; "" under anonymous grading
    late: bool
    user: str  # Canvas user id, or anon_… under anonymous grading
    attachment: str | None  # None for text entries and links
    file: str  # the student's own file name
    kind: str  # attachment, text or link
    guessed: bool = False  # the name can be read in several ways and the roster did not decide


def squeezed(name: str) -> str:
    """Return a sortable name as Canvas writes it into an archive: lower case; letters, digits, underscores only."""
    text = unicodedata.normalize("NFC", name).lower()
    # Categories, for \w would lose the vowel signs (marks) that Canvas keeps.
    return "".join(c for c in text if unicodedata.category(c)[0] in "LM" or unicodedata.category(c) in ("Nd", "Pc"))


def readings(entry: str) -> Iterator[Entry]:
    """Yield every way to read an entry's name, the shortest student name first; none if it is no Canvas name."""
    if whole := NAMELESS.fullmatch(entry):
        what = (whole["user"], whole["attachment"], whole["file"] or entry, whole["kind"] or "attachment")
        yield Entry(entry, "", bool(whole["late"]), *what)
    for match in NAMED.finditer(entry):
        name, kind = entry[: match.start()], match["kind"] or "attachment"
        what = (match["user"], match["attachment"], match["file"] or f"{kind}.html", kind)
        if name.endswith(("_LATE", "_late")):
            yield Entry(entry, name[:-5], True, *what)
        if not name.endswith("_LATE"):  # squeezed names are lower case: only older Canvas's `late` can be part of one
            yield Entry(entry, name, False, *what)


def parse(entry: str, roster: Mapping[str, str] | None = None) -> Entry | None:
    """Return what an entry's name says; None if it is no Canvas name (a `._` file, a file put in by hand).

    roster: sortable name by Canvas user id. Where the name can be read in several ways, the reading whose user is on
    the roster wins, best one whose name is that user's; where that does not decide either, it is marked guessed.
    """
    entry = unicodedata.normalize("NFC", entry)
    if entry.startswith("._"):
        return None
    people = roster or {}

    def rank(reading: Entry) -> tuple[bool, bool, bool, bool]:
        known = reading.user in people
        return (
            known and squeezed(people[reading.user]) == reading.name,
            # Before ids: under anonymous grading a file's own name may hold somebody else's.
            reading.user.startswith(ANONYMOUS) and reading.user.removeprefix(ANONYMOUS) not in people,
            known,
            reading.attachment not in people,  # a number that is somebody's id is hardly the attachment's
        )

    ranked = sorted(readings(entry), key=rank, reverse=True)  # stable: of equals, the shortest name stays first
    if not ranked:
        return None
    best = ranked[0]
    rivals = [other for other in ranked if rank(other) == rank(best)]
    return replace(best, guessed=any((r.user, r.attachment) != (best.user, best.attachment) for r in rivals))


def checked_id(user: str) -> str:
    """Return a user's id, of which a path is about to be made; AssignmentError if it is none that Canvas gives."""
    if not USER_ID.fullmatch(user):
        raise AssignmentError(f"Canvas: {user[:40]!r} is no id of a user; nothing is written under such a name")
    return user


def feedback_name(name: str, user: str, attachment: str, file: str) -> str:
    """Return the name under which Canvas's "Upload Submissions" gives a file back to its student.

    Canvas takes the first two tokens between underscores that are numbers for user and attachment (after anon_: the
    next two tokens), and ignores a file whose last token begins with "link": so neither may come from name or file.
    """
    plain = re.sub(r'[\0/\\:*?"<>|_]+', "-", file)
    if plain.startswith("link"):
        plain = f"file-{plain}"
    if user.startswith(ANONYMOUS):
        return f"{user}_{attachment}_{plain}"
    student = squeezed(name).replace("_", "")
    if not student or student == "anon" or student.isdigit():
        student = f"student{student}"
    return f"{student}_{user}_{attachment}_{plain}"


class NotTakenError(Exception):
    """Canvas refused a change for a reason that lies with this student alone; the text says why."""


class InDoubtError(Exception):
    """A request that changes things got no reply: it may have been carried out, may yet be, or never will."""
