"""A submissions archive: what its names say, and its bytes, read without trusting it; names for the way back.

Bad entries are refused singly, sizes are counted while unpacking.
"""

import hashlib
import io
import lzma
import re
import shutil
import stat
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from assignment.course import new_file
from assignment.errors import AssignmentError

ANONYMOUS = "anon_"
DIGITS = "[0-9]{1,20}"  # ASCII digits, no more than any database has
USER_ID = re.compile(rf"{DIGITS}|{ANONYMOUS}[A-Za-z0-9]{{1,64}}")
# A lookahead, so that every underscore is tried as the one before the user id.
ATTACHMENT = re.compile(rf"_(?=(?P<user>{DIGITS})_(?P<attachment>{DIGITS})_(?P<file>.+)$)", re.DOTALL)
PAGE = re.compile(rf"_(?P<user>{DIGITS})_(?P<kind>text|link)\.html$")
ANONYMOUS_ATTACHMENT = re.compile(
    rf"(?P<late>LATE_|late_)?anon_(?P<user>[A-Za-z0-9]{{1,64}})_(?P<attachment>{DIGITS})_(?P<file>.+)", re.DOTALL
)
ANONYMOUS_PAGE = re.compile(r"(?P<late>LATE_|late_)?anon_(?P<user>[A-Za-z0-9]{1,64})_(?P<kind>text|link)\.html")
BLOCK = 1 << 16


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


class RefusedError(Exception):
    """An entry that is not to be unpacked; the text says why."""


@dataclass(frozen=True)
class ArchiveLimits:
    """What an honest archive stays far below."""

    entries: int = 20_000  # a class of a thousand with twenty files each
    size: int = 64 << 20  # bytes of one entry; notebooks with pictures have a few megabytes
    total: int = 8 << 30  # bytes of all that is unpacked
    ratio: int = 400  # unpacked : packed; text does not reach 100
    ratio_from: int = 1 << 20  # below this size no ratio hurts


@dataclass(frozen=True)
class Member:
    """An entry of an archive: `path` in it, `name` (the last part), and why it is refused ("" if it is not)."""

    path: str
    name: str
    refused: str
    info: zipfile.ZipInfo


class Archive:
    """An open submissions archive: its members in order, and their bytes on demand."""

    def __init__(self, file: zipfile.ZipFile, limits: ArchiveLimits) -> None:
        self._file = file
        self._limits = limits
        self._unpacked = 0
        self.members = list(_members(file, limits))

    def read(self, member: Member) -> bytes:
        """Return a member's bytes; RefusedError if it must not be unpacked, is damaged or larger than it said."""
        if member.refused:
            raise RefusedError(member.refused)
        limits, blocks, size = self._limits, [], 0
        try:
            with self._file.open(member.info) as stream:
                while block := stream.read(BLOCK):
                    size += len(block)
                    self._unpacked += len(block)
                    if size > limits.size or self._unpacked > limits.total:
                        raise RefusedError("unpacks to more than is allowed")
                    if size > limits.ratio_from and size > limits.ratio * max(member.info.compress_size, 1):
                        raise RefusedError("unpacks to absurdly more than it takes in the archive")
                    blocks.append(block)
        except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError, ValueError) as error:
            raise RefusedError(f"damaged in the archive ({error})") from None
        except (NotImplementedError, RuntimeError) as error:  # a method zipfile lacks; encrypted
            raise RefusedError(f"cannot be unpacked ({error})") from None
        return b"".join(blocks)


def _members(file: zipfile.ZipFile, limits: ArchiveLimits) -> Iterator[Member]:
    """Yield the archive's entries but folders, each with the reason to refuse it if there is one."""
    seen: set[str] = set()
    for info in file.infolist():
        if info.is_dir():
            continue
        path = _path(info).replace("\\", "/")
        parts = PurePosixPath(path).parts
        name = parts[-1] if parts else ""
        mode = info.external_attr >> 16
        refused = ""
        if len(seen) >= limits.entries:
            refused = f"more than {limits.entries} entries in the archive"
        elif not name or ".." in parts or "\0" in info.orig_filename:
            refused = "its path leads out of the archive"
        elif path.startswith("/") or path[1:2] == ":":
            refused = "its path is absolute"
        elif mode and stat.S_IFMT(mode) not in (0, stat.S_IFREG):
            refused = "a link or device, not a file"
        elif path in seen:
            refused = "the same name a second time"
        elif info.file_size > limits.size:
            refused = f"{info.file_size} bytes, more than the {limits.size} allowed"
        elif info.file_size > limits.ratio_from and info.file_size > limits.ratio * max(info.compress_size, 1):
            refused = "unpacks to absurdly more than it takes in the archive"
        seen.add(path)
        yield Member(path, name, refused, info)


def _path(info: zipfile.ZipInfo) -> str:
    """Return an entry's path; without the UTF-8 flag (macOS packs so) it is tried as UTF-8 all the same."""
    if info.flag_bits & 0x800:
        return info.filename
    try:
        return info.filename.encode("cp437").decode("utf-8")
    except UnicodeError:
        return info.filename


def notebook_in_zip(data: bytes, limits: ArchiveLimits | None = None) -> bytes:
    """Return the one notebook that a zip handed in holds; RefusedError if it holds none, several, or a bad one.

    What a Mac or Jupyter adds (__MACOSX, .ipynb_checkpoints, names with a dot in front) is none of the student's.
    """
    try:
        file = zipfile.ZipFile(io.BytesIO(data))
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        raise RefusedError("a damaged zip") from None
    with file:
        archive = Archive(file, limits or ArchiveLimits(entries=1_000))
        notebooks = [
            member
            for member in archive.members
            if member.name.lower().endswith(".ipynb") and not any(p[0] in "._" for p in member.path.split("/") if p)
        ]
        if len(notebooks) != 1:
            raise RefusedError(f"a zip with {len(notebooks) or 'no'} notebooks")
        return archive.read(notebooks[0])


@contextmanager
def open_archive(path: Path, limits: ArchiveLimits | None = None) -> Iterator[Archive]:
    """Open a submissions archive; AssignmentError if the file is missing or no zip archive."""
    if not path.is_file():
        raise AssignmentError(f"{path}: no such file; download it in Canvas (Download Submissions)")
    try:
        file = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise AssignmentError(
            f"{path}: not a zip archive, or cut short ({error}); download it from Canvas again"
        ) from None
    with file:
        yield Archive(file, limits or ArchiveLimits())


def keep(folder: Path, archive: Path) -> Path:
    """Copy an archive as it is into a folder and return the copy; other bytes under a taken name get their own name."""
    with archive.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    for name in (archive.name, f"{archive.stem}-{digest[:12]}{archive.suffix}"):
        kept = folder / name
        if not kept.exists():
            with new_file(kept) as part:
                shutil.copyfile(archive, part)
            return kept
        with kept.open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() == digest:
                return kept
    raise AssignmentError(f"{kept}: is not what it was when it was collected; put it aside and collect again")
