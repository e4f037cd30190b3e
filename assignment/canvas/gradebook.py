"""Canvas's gradebook CSV: read every variant it exports, write what it imports."""

import csv
import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from assignment.errors import AssignmentError

TITLE = re.compile(r"(?P<title>.*?)\s*\((?P<id>[0-9]+)\)\s*", re.DOTALL)
TOTALS = re.compile(r"(Current|Final) (Score|Points|Grade)|Override (Score|Grade|Status)")
POSTING = re.compile(r"\s*(Muted|Manual Posting.*)?\s*", re.IGNORECASE)
GUARDED = re.compile(r'="(?P<name>.*)"', re.DOTALL)  # how Canvas itself keeps a name that begins with = from running
# What a spreadsheet takes for the start of a formula, full-width signs included: Chinese and Japanese Excel run those.
FORMULA = re.compile(r"[\t\r\n ]*[=+\-@＝＋－＠]|[\t\r]")
NUMBER = re.compile(r"-?[0-9.,]*[0-9]")
ENCODINGS = ("utf-8-sig", "gb18030")  # what Canvas writes; what a Chinese Excel makes of it when it saves


@dataclass(frozen=True)
class Student:
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

    students: tuple[Student, ...]
    columns: tuple[Column, ...]

    @property
    def roster(self) -> dict[str, Student]:
        """Students by Canvas user id."""
        return {student.user: student for student in self.students}


def number(text: str) -> float | None:
    """Return a cell's number as Canvas reads it (the last of `.` and `,` is the decimal point), None if it is none."""
    if not NUMBER.fullmatch(text.strip()):
        return None
    *parts, last = re.split("[.,]", text.strip())
    return float(f"{''.join(parts)}.{last}" if parts else last)


def defused(text: str) -> str:
    """Return the text so that no spreadsheet runs it as a formula."""
    return f"'{text}" if FORMULA.match(text) else text


def _plain(name: str) -> str:
    """Return a name without the guards that Canvas or `defused` put around it."""
    guarded = GUARDED.fullmatch(name)
    if guarded:
        return guarded["name"].replace('""', '"')
    return name[1:] if name.startswith("'") and FORMULA.match(name[1:]) else name


def _rows(path: Path) -> list[list[str]]:
    """Return the table in the file, whatever its encoding and separator."""
    data = path.read_bytes()
    for encoding in ENCODINGS:
        try:
            text = data.decode(encoding)
            break
        except UnicodeDecodeError:
            continue
    else:
        raise AssignmentError(f"{path}: not a text file in UTF-8; export the gradebook from Canvas again")
    try:
        # The separator that tells most columns apart in the header is the right one.
        separator = max(",;\t", key=lambda one: len(next(_table(text, one), [])))
        return list(_table(text, separator))
    except csv.Error as error:
        raise AssignmentError(f"{path}: not a CSV file ({error}); export the gradebook from Canvas again") from None


def _table(text: str, separator: str) -> Iterator[list[str]]:
    """Yield the rows of a CSV text."""
    return csv.reader(io.StringIO(text, newline=""), delimiter=separator)


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
    points: list[str] = []
    students: dict[str, Student] = {}
    cells: dict[str, list[str]] = {}
    for line, row in enumerate(rows[1:], start=2):
        row += [""] * (len(header) - len(row))
        if "Points Possible" in row[0]:
            points = row
        elif not all(POSTING.fullmatch(cell) for cell in row):
            student = _student(row, place, names)
            if not re.fullmatch("[0-9]+", student.user):
                raise AssignmentError(
                    f"{path}: row {line}: the ID {student.user!r} of {student.name!r} is no Canvas id; "
                    "export the gradebook again and do not save it from a spreadsheet"
                )
            students.setdefault(student.user, student)
            cells.setdefault(student.user, row)
    columns = []
    for index in range(place.get("Section", max([*names, place["ID"]])) + 1, len(header)):
        title = TITLE.fullmatch(header[index])
        possible = number(points[index]) if points else None
        if TOTALS.search(header[index]) or not (title or possible is not None):
            continue  # totals, and a teacher's own columns
        columns.append(
            Column(
                header[index],
                title["title"] if title else header[index],
                title["id"] if title else None,
                possible,
                {user: row[index].strip() for user, row in cells.items()},
            )
        )
    return CanvasGradebook(tuple(students.values()), tuple(columns))


def _student(row: list[str], place: Mapping[str, int], names: list[int]) -> Student:
    """Return the person in a row; names: the place of Student, or those of LastName and FirstName."""

    def cell(column: str) -> str:
        return row[place[column]].strip() if column in place else ""

    name = ", ".join(part for part in (_plain(row[index].strip()) for index in names) if part)
    return Student(cell("ID"), name, cell("SIS User ID"), cell("SIS Login ID"), cell("Section"))


def find_column(gradebook: CanvasGradebook, path: Path, assignment: str, wanted: str | None = None) -> Column:
    """Return the column of an assignment: by id or title if `wanted`, else the one named like it, else the only one.

    path: where the gradebook was read from, for the message. AssignmentError lists the columns if none or several fit.
    """
    columns = [column for column in gradebook.columns if column.id]  # without an id Canvas would make a NEW assignment
    listed = "; ".join(column.header for column in columns) or "none"
    if wanted is not None:
        fitting = [c for c in columns if wanted in (c.id, c.title, c.header)]
    else:
        fitting = [c for c in columns if c.title.casefold() == assignment.casefold()]
        fitting = fitting or [c for c in columns if assignment.casefold() in c.title.casefold()]
        fitting = fitting or columns
    if len(fitting) != 1:
        raise AssignmentError(
            f"{path}: {'no' if not fitting else 'more than one'} column for {wanted or assignment}; choose one with "
            f"--column ID: {listed}"
        )
    return fitting[0]


def points_text(points: float) -> str:
    """Return points as Canvas shows them: at most two decimals, a point, no trailing zeros."""
    return f"{points:.2f}".rstrip("0").rstrip(".")


def import_csv(gradebook: CanvasGradebook, column: Column, grades: Mapping[str, float]) -> str:
    """Return the CSV that gives these students (user id -> points) their grades in this column and changes no other."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(["Student", "ID", "Section", defused(column.header)])
    for student in gradebook.students:
        if student.user in grades:
            cells = [defused(student.name), student.user, defused(student.section), points_text(grades[student.user])]
            writer.writerow(cells)
    return text.getvalue()
