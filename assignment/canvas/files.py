"""The files that Canvas gives and takes: a submissions archive, read without trusting it, and its gradebook as CSV.

Bad entries of an archive are refused singly, sizes are counted while unpacking. The gradebook is read in every variant
that Canvas exports, and written as it imports it.
"""

import csv
import hashlib
import io
import lzma
import re
import shutil
import stat
import string
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from assignment.canvas import DIGITS
from assignment.course import new_file
from assignment.errors import AssignmentError
from assignment.text import as_csv, defused, points, runs_as_formula

BLOCK = 1 << 16
TITLE = re.compile(r"(?P<title>.*?)\s*\((?P<id>[0-9]+)\)\s*", re.DOTALL)
TOTALS = re.compile(r"(Current|Final) (Score|Points|Grade)|Override (Score|Grade|Status)")
IN_A_WORD = re.compile(r"(?P<before>[A-Za-z]?)[^\x00-\x7f]+(?P<after>[A-Za-z]?)")
SURNAMES = set(  # the hundred most frequent, which five of six people in China have, and 欧 of 欧阳
    "王李张刘陈杨黄赵周吴徐孙朱马胡郭林何高梁郑罗宋谢唐韩曹许邓萧冯曾程蔡彭潘袁于董余苏叶吕魏蒋田杜丁沈姜范江傅钟卢汪"
    "戴崔任陆廖姚方金邱夏谭韦贾邹石熊孟秦阎薛侯雷白龙段郝孔邵史毛常万顾赖武康贺严尹钱施牛洪龚欧"
)
POSTING = re.compile(r"\s*(Muted|Manual Posting.*)?\s*", re.IGNORECASE)
GUARDED = re.compile(r'="(?P<name>.*)"', re.DOTALL)  # how Canvas itself keeps a name that begins with = from running
NUMBER = re.compile(r"-?[0-9.,]{0,30}[0-9]")


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


def notebook_in_zip(data: bytes) -> bytes:
    """Return the one notebook that a zip handed in holds; RefusedError if it holds none, several, or a bad one.

    What a Mac or Jupyter adds (__MACOSX, .ipynb_checkpoints, names with a dot in front) is none of the student's.
    """
    try:
        file = zipfile.ZipFile(io.BytesIO(data))
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        raise RefusedError("a damaged zip") from None
    with file:
        archive = Archive(file, ArchiveLimits(entries=1_000))
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


@dataclass(frozen=True)
class RosterEntry:
    """A row of the gradebook: one person of the class."""

    user: str  # Canvas user id
    name: str  # sortable: "Doe, Jane"
    sis: str = ""
    login: str = ""
    section: str = ""

    @property
    def test(self) -> bool:
        """Whether this is Canvas's own Test Student."""
        return self.name == "Student, Test"

    @property
    def names(self) -> tuple[str, str]:
        """(first, last); a name without a comma (王小明) is all last name."""
        last, _, first = self.name.partition(",")
        return first.strip(), last.strip()


@dataclass(frozen=True)
class Column:
    """An assignment's column: its header as exported, id, points possible, and each student's cell."""

    header: str
    title: str
    id: str | None
    points: float | None
    cells: Mapping[str, str]  # by user id: "", a number, EX or N/A


@dataclass(frozen=True)
class CanvasGradebook:
    """A gradebook as exported: the roster and the assignments' columns."""

    students: tuple[RosterEntry, ...]
    columns: tuple[Column, ...]

    @property
    def roster(self) -> dict[str, RosterEntry]:
        """Students by Canvas user id."""
        return {student.user: student for student in self.students}


def number(text: str) -> float | None:
    """Return a cell's number as Canvas reads it (the last of `.` and `,` is the decimal point), None if it is none."""
    if not NUMBER.fullmatch(text.strip()):
        return None
    *parts, last = re.split("[.,]", text.strip())
    return float(f"{''.join(parts)}.{last}" if parts else last)


def _plain(name: str) -> str:
    """Return a name without the guards that Canvas or `defused` put around it."""
    guarded = GUARDED.fullmatch(name)
    if guarded:
        return guarded["name"].replace('""', '"')
    return name[1:] if name.startswith("'") and runs_as_formula(name[1:]) else name


def _rows(path: Path) -> list[list[str]]:
    """Return the table in the file, whatever its encoding and separator."""
    text = _decoded(path)
    try:
        # The separator that tells most columns apart in the header is the right one.
        tables = [csv.reader(io.StringIO(text, newline=""), delimiter=separator) for separator in ",;\t"]
        header, rest = max(((next(table, []), table) for table in tables), key=lambda pair: len(pair[0]))
        return [header, *rest] if header else []
    except csv.Error as error:
        raise AssignmentError(f"{path}: not a CSV file ({error}); export the gradebook from Canvas again") from None


def _decoded(path: Path) -> str:
    """Return the text of a gradebook: UTF-8, as Canvas writes it, or GB18030, as a Chinese Excel saves it."""
    data = path.read_bytes()
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        pass
    try:
        text = data.decode("gb18030")
        if _surely_chinese(text):
            return text
    except UnicodeDecodeError:
        pass
    raise AssignmentError(
        f"{path}: not UTF-8, so names would be garbled (Excel saves in its own encoding unless told otherwise); take "
        "the file as Canvas exported it, or save it in Excel as 'CSV UTF-8'"
    )


def _surely_chinese(text: str) -> bool:
    """Return whether text decoded as GB18030 was written so: most bytes of other encodings decode as well, to nonsense.

    In Chinese text common characters prevail, which have two high bytes. An accented letter of a European encoding
    swallows the letter after it, so that a rare character stands inside a word: "M\xfcller" becomes M黮ler. Korean
    becomes common characters throughout, but hardly a name then begins with a surname.
    """
    encoded = [character.encode("gb18030") for character in text if not character.isascii()]
    pairs = [pair for pair in encoded if len(pair) == 2]
    common = sum((0xB0 <= pair[0] < 0xD8 or 0xA1 <= pair[0] < 0xA4) and pair[1] > 0xA0 for pair in pairs)
    likely = 2 * common >= len(pairs) and not any(_swallows(match) for match in IN_A_WORD.finditer(text))
    beginnings = re.findall(r"(?<![\u4e00-\u9fff])[\u4e00-\u9fff]", text)
    return likely and 5 * sum(character in SURNAMES for character in beginnings) >= len(beginnings)


def _swallows(run: re.Match[str]) -> bool:
    """Return whether a run of characters above ASCII may be accented letters of a word, read as GB18030."""
    first, last = (run[0].strip(string.ascii_letters)[place].encode("gb18030") for place in (0, -1))
    alone = len(run[0]) == 3 and run["before"] and run["after"]
    return bool(alone or (run["before"] and _low(first)) or (run["after"] and _low(last)))


def _low(encoded: bytes) -> bool:
    return len(encoded) == 2 and encoded[1] < 0x80


def read_gradebook(path: Path) -> CanvasGradebook:
    """Return the gradebook that Canvas exported to a CSV file; AssignmentError says what is wrong with it."""
    if not path.is_file():
        raise AssignmentError(f"{path}: no such file; export the gradebook in Canvas (Grades > Export)")
    rows = _rows(path)
    header = [cell.strip() for cell in rows[0]] if rows else []
    place = {name: index for index, name in reversed(list(enumerate(header)))}
    names = [place[name] for name in ("Student",) if name in place] or [
        place[name] for name in ("LastName", "FirstName") if name in place
    ]
    if not names or "ID" not in place:
        raise AssignmentError(
            f"{path}: no gradebook of Canvas: the first line must have the columns Student and ID; "
            "export it in Canvas (Grades > Export)"
        )
    possible: list[str] = []
    students: dict[str, RosterEntry] = {}
    cells: dict[str, list[str]] = {}
    for line, row in enumerate(rows[1:], start=2):
        row += [""] * (len(header) - len(row))
        if "Points Possible" in row[0]:
            possible = row
        elif not all(POSTING.fullmatch(cell) for cell in row):
            student = _student(row, place, names)
            if not re.fullmatch(DIGITS, student.user):
                raise AssignmentError(
                    f"{path}: row {line}: the ID {student.user!r} of {student.name!r} is no Canvas id; "
                    "export the gradebook again and do not save it from a spreadsheet"
                )
            students.setdefault(student.user, student)
            cells.setdefault(student.user, row)
    columns = []
    for index in range(place.get("Section", max([*names, place["ID"]])) + 1, len(header)):
        title = TITLE.fullmatch(header[index])
        most = number(possible[index]) if possible else None
        if TOTALS.search(header[index]) or not (title or most is not None):
            continue  # totals, and a teacher's own columns
        columns.append(
            Column(
                header[index],
                title["title"] if title else header[index],
                title["id"] if title else None,
                most,
                {user: row[index].strip() for user, row in cells.items()},
            )
        )
    return CanvasGradebook(tuple(students.values()), tuple(columns))


def read_groups(path: Path) -> dict[str, tuple[RosterEntry, ...]]:
    """Return each student's group, themselves included, by user id, from a group set exported from Canvas as CSV.

    Canvas writes name, canvas_user_id, user_id, login_id, sections, group_name, and, where anybody is in a group,
    canvas_group_id, group_id; a row for everybody, with an empty group_name for who is in none (its tests of
    group_categories#export say so). The name is not the sortable one. AssignmentError says what is wrong with the file.
    """
    if not path.is_file():
        raise AssignmentError(f"{path}: no such file; export the groups in Canvas (People > the group set)")
    header, *rows = [[cell.strip() for cell in row] for row in _rows(path)] or [[]]
    needed = ("name", "canvas_user_id", "group_name")
    if missing := [column for column in needed if column not in header]:
        raise AssignmentError(
            f"{path}: no column {missing[0]}; take the CSV of a group set from Canvas, with {', '.join(needed)}"
        )
    groups: dict[str, list[RosterEntry]] = {}
    for row in rows:
        name, user, group = (dict(zip(header, row, strict=False)).get(column, "") for column in needed)
        if group and re.fullmatch(DIGITS, user):
            groups.setdefault(group, []).append(RosterEntry(user, _plain(name)))
    return {member.user: tuple(members) for members in groups.values() for member in members}


def _student(row: list[str], place: Mapping[str, int], names: list[int]) -> RosterEntry:
    """Return the person in a row; names: the place of Student, or those of LastName and FirstName."""

    def cell(column: str) -> str:
        return row[place[column]].strip() if column in place else ""

    name = ", ".join(part for part in (_plain(row[index].strip()) for index in names) if part)
    return RosterEntry(cell("ID"), name, cell("SIS User ID"), cell("SIS Login ID"), cell("Section"))


def find_column(
    gradebook: CanvasGradebook, path: Path, titles: Sequence[str], wanted: str | None = None, known: str | None = None
) -> Column:
    """Return the column of an assignment: by id or title if `wanted`, else by the id `known`, else by title.

    A column of another title is never taken, be it the only one: it may be another homework's. path: where the
    gradebook was read from, for the message. AssignmentError lists the columns if none or several fit.
    """
    columns = [column for column in gradebook.columns if column.id]  # without an id Canvas would make a NEW assignment
    if wanted is not None:
        fitting = [c for c in columns if wanted in (c.id, c.title, c.header)]
    elif known is not None:
        fitting = [c for c in columns if c.id == known]
    else:
        named = {" ".join(title.split()).casefold() for title in titles}
        fitting = [c for c in columns if " ".join(c.title.split()).casefold() in named]
    if len(fitting) == 1:
        return fitting[0]
    listed = "; ".join(column.header for column in columns) or "none"
    if wanted is None and known is not None:
        what = f"no column with the id {known}, which was {titles[0]}'s so far; is it another course's?"
    else:
        what = f"{'more than one' if fitting else 'no'} column for {wanted or titles[0]};"
    raise AssignmentError(f"{path}: {what} choose one with --column ID: {listed}")


def import_csv(gradebook: CanvasGradebook, column: Column, grades: Mapping[str, float]) -> str:
    """Return the CSV that gives these students (user id -> points) their grades in this column and changes no other.

    Canvas looks for the word Student in the first cell, byte order mark or not.
    """
    rows = [["Student", "ID", "Section", defused(column.header)]]
    for student in gradebook.students:
        if student.user in grades:
            rows.append([defused(student.name), student.user, defused(student.section), points(grades[student.user])])
    return as_csv(rows)
