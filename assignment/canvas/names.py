"""Names in Canvas's submissions archive, and names its feedback upload understands."""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

ANONYMOUS = "anon_"
# The digits of an id are ASCII; a lookahead, so that every underscore is tried as the one before the user id.
ATTACHMENT = re.compile(r"_(?=(?P<user>[0-9]+)_(?P<attachment>[0-9]+)_(?P<file>.+)$)", re.DOTALL)
PAGE = re.compile(r"_(?P<user>[0-9]+)_(?P<kind>text|link)\.html$")
ANONYMOUS_ATTACHMENT = re.compile(
    r"(?P<late>LATE_|late_)?anon_(?P<user>[A-Za-z0-9]+)_(?P<attachment>[0-9]+)_(?P<file>.+)", re.DOTALL
)
ANONYMOUS_PAGE = re.compile(r"(?P<late>LATE_|late_)?anon_(?P<user>[A-Za-z0-9]+)_(?P<kind>text|link)\.html")


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
    whole = ANONYMOUS_ATTACHMENT.fullmatch(entry) or ANONYMOUS_PAGE.fullmatch(entry)
    if whole:
        parts = whole.groupdict()
        kind, user = parts.get("kind", "attachment"), ANONYMOUS + parts["user"]
        yield Entry(entry, "", bool(parts["late"]), user, parts.get("attachment"), parts.get("file", entry), kind)
    for match in [*ATTACHMENT.finditer(entry), *PAGE.finditer(entry)]:
        parts = match.groupdict()
        kind, file = parts.get("kind", "attachment"), parts.get("file", f"{parts.get('kind')}.html")
        name = entry[: match.start()]
        if name.endswith(("_LATE", "_late")):
            yield Entry(entry, name[:-5], True, parts["user"], parts.get("attachment"), file, kind)
        if not name.endswith("_LATE"):  # squeezed names are lower case: only older Canvas's `late` can be part of one
            yield Entry(entry, name, False, parts["user"], parts.get("attachment"), file, kind)


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

    found = sorted(readings(entry), key=rank, reverse=True)  # stable: of equals, the shortest name stays first
    if not found:
        return None
    best = found[0]
    rivals = [one for one in found[1:] if rank(one) == rank(best)]
    guessed = any((one.user, one.attachment) != (best.user, best.attachment) for one in rivals)
    return Entry(**{**vars(best), "guessed": guessed})


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
    who = squeezed(name).replace("_", "")
    if not who or who == "anon" or who.isdigit():
        who = f"student{who}"
    return f"{who}_{user}_{attachment}_{plain}"
