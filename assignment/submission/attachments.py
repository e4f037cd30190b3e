"""What was handed in, on disk: which of a student's attachments counts, and how it gets there without harm."""

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from assignment.course import CONFIG, Course, replace_file
from assignment.errors import AssignmentError

RECORD = "canvas.json"  # beside the notebook: where it came from
TIMESTAMP = "timestamp.txt"  # nbgrader's own file: when it was handed in
LOOK = 32 << 20  # bytes looked at to tell the homework from another notebook

PLAUSIBLE = ("", ".json", ".txt", ".zip")  # endings of what may be a notebook all the same
NOT_IT = "does not look like the homework"
LooksLike = Callable[[bytes], bool]


@dataclass(frozen=True)
class Attachment:
    """A file that a student handed in, as the canvas.json beside it says."""

    user: str  # Canvas user id, or anon_… under anonymous grading
    attachment: str  # Canvas's number of the file, "" if it is not known
    file: str  # the student's own name of it
    entry: str  # where it was: the entry of an archive, or a path of what was fetched
    late: bool
    name: str = ""  # the student's, sortable
    login: str = ""
    submitted_at: str | None = None
    archive: str = ""
    sha256: str = ""  # of its bytes
    group: str = ""  # Canvas user id of who handed it in for the group, where that was somebody else

    @property
    def age(self) -> int:
        """Attachments are numbered as they arrive: the highest is the newest."""
        return int(self.attachment)

    @property
    def notebook(self) -> bool:
        """Whether it is called a notebook."""
        return self.file.lower().endswith(".ipynb")


@dataclass(frozen=True)
class Choice:
    """Which of a student's attachments is collected, its bytes, and why each was taken or not (by entry)."""

    attachment: Attachment | None
    data: bytes
    homework: bool
    reasons: dict[str, str]


def homework_test(names: Iterable[str]) -> LooksLike:
    """Return a test of bytes: is this the homework whose students write these functions and classes?

    The file is not parsed, for it is not trusted: half of the definitions must stand in it.
    """
    tops = {name.partition(".")[0] for name in names}
    marks = [(f"def {name}".encode(), f"class {name}".encode()) for name in tops]

    def looks_like(data: bytes) -> bool:
        head = data[:LOOK]
        return 2 * sum(any(mark in head for mark in pair) for pair in marks) >= max(len(marks), 1)

    return looks_like


def choose(
    attachments: Sequence[Attachment], read: Callable[[Attachment], bytes | None], looks_like: LooksLike
) -> Choice:
    """Return which of a student's attachments is the hand-in: the newest that is the homework, else the newest .ipynb.

    read gives an attachment's bytes, None if it is refused. A file under another name (hw2.ipynb.txt, as browsers save
    it) counts only if it is the homework.
    """
    ordered = sorted(attachments, key=lambda a: a.age, reverse=True)
    seen: list[Attachment] = []
    chosen, data, homework = None, b"", False
    for attachment in ordered:
        content = read(attachment) if may_be_notebook(attachment.file) else None
        if content is None:
            continue
        seen.append(attachment)
        homework = _homework(content, looks_like)
        if homework or (chosen is None and attachment.notebook):
            chosen, data = attachment, content
        if homework:
            break
    if chosen is None:
        return Choice(None, b"", False, {})
    title = f"attachment {chosen.attachment} ({chosen.file})"
    if not homework:
        reason = NOT_IT
    elif not chosen.notebook:
        reason = f"a notebook under the name {chosen.file}"
    else:
        rank = "the newest" if chosen is ordered[0] else "the newest that is the homework"
        reason = f"{rank} of {len(ordered)} files" if len(ordered) > 1 else ""
    reasons = {chosen.entry: reason}
    for other in ordered:
        if other.notebook and homework and other.age < chosen.age:
            reasons[other.entry] = f"{title} is newer and is the homework"
        elif other.notebook and other is not chosen and other in seen:
            reasons[other.entry] = (
                f"newer than {title}, but not the homework"
                if homework
                else f"{title} is newer; neither is the homework"
            )
    return Choice(chosen, data, homework, reasons)


def may_be_notebook(file: str) -> bool:
    """Whether a file may be a notebook by its name: browsers save one under several."""
    return ".ipynb" in file.lower() or Path(file).suffix.lower() in PLAUSIBLE


def _homework(data: bytes, looks_like: LooksLike) -> bool:
    """Whether the bytes are the homework, and JSON rather than a Python file."""
    return data.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{") and looks_like(data)


def read_record(folder: Path) -> Attachment | None:
    """Return the canvas.json in a folder of submitted/, None if there is none that can be read."""
    try:
        about = json.loads((folder / RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(about, dict):
        return None
    texts = {
        key: str(about.get(key) or "")
        for key in ("user", "file", "entry", "name", "login", "archive", "sha256", "group")
    }
    attachment, submitted_at = str(about.get("attachment", "")), about.get("submitted_at")
    return Attachment(
        attachment=attachment if re.fullmatch("[0-9]{1,20}", attachment) else "",
        late=bool(about.get("late")),
        submitted_at=str(submitted_at) if submitted_at else None,
        **texts,
    )


def record_of(course: Course, student: str, assignment: str) -> Attachment | None:
    """Return the canvas.json beside a collected notebook, None if there is none that names an attachment."""
    record = read_record(course.submitted(student, assignment).parent)
    return record if record and record.attachment else None


def store(course: Course, assignment: str, choice: Choice, looks_like: LooksLike) -> str:
    """Put a chosen attachment into submitted/ and return "", or leave what lies there and return why.

    What lies there gives way only to a better one: the homework to nothing but a newer homework, anything to a newer
    attachment. So the outcome does not depend on the order in which archives are collected. A file that did not come
    from Canvas, or was changed since, is left alone.
    """
    assert choice.attachment is not None
    handed = replace(choice.attachment, sha256=hashlib.sha256(choice.data).hexdigest())
    path = course.submitted(handed.user, assignment)
    if path.exists():
        present = path.read_bytes()
        before = record_of(course, handed.user, assignment)
        place = path.relative_to(course.root)
        if before is None:
            if hashlib.sha256(present).hexdigest() != handed.sha256:
                return f"{place} did not come from Canvas and is left alone"
        else:
            better = (_homework(present, looks_like), before.age) > (choice.homework, handed.age)
            why, known = _kept_out(handed, before, present, better, place)
            if why or known:
                return why
    _write(path, handed, choice.data)
    return ""


def keep_attempt(course: Course, assignment: str, choice: Choice) -> None:
    """Keep a chosen attachment that is the homework beside the student's other attempts."""
    handed = choice.attachment
    if handed is None or not handed.attachment or not choice.homework:
        return
    path = _attempts(course, assignment, handed.user) / handed.attachment / f"{assignment}.ipynb"
    known = read_record(path.parent) if path.exists() else None
    if known is None or (handed.submitted_at and not known.submitted_at):
        _write(path, replace(handed, sha256=hashlib.sha256(choice.data).hexdigest()), choice.data)


def attempts(course: Course, assignment: str, student: str) -> list[Path]:
    """Return a student's attempts that were collected, the oldest first."""
    paths = _attempts(course, assignment, student).glob(f"*/{assignment}.ipynb")
    return sorted(
        (path for path in paths if path.parent.name.isdigit() and read_record(path.parent)),
        key=lambda path: int(path.parent.name),
    )


def _attempts(course: Course, assignment: str, student: str) -> Path:
    return course.collected(assignment) / "attempts" / student


def put(course: Course, assignment: str, student: str, attempt: Path) -> None:
    """Put one of a student's attempts into submitted/, in the place of another one."""
    record = read_record(attempt.parent)
    assert record is not None
    _write(course.submitted(student, assignment), record, attempt.read_bytes())


def newest_attachment(course: Course, student: str, assignment: str) -> str:
    """Return Canvas's number of the newest attachment that came of a student, "" if none is known."""
    record = record_of(course, student, assignment)
    known = [path.parent.name for path in attempts(course, assignment, student)] if record else []
    return max([*known, record.attachment], key=int) if record else ""


def best_counts(course: Course, assignment: str) -> bool:
    """Whether the best of several hand-ins counts, not the last. AssignmentError if the config says neither."""
    counts = course.config().get("Homework", {}).get("counts", {})
    wrong = not isinstance(counts, dict) or sorted(set(counts) - set(course.assignments()))
    if wrong or counts.get(assignment, "last") not in ("last", "best"):
        known = ", ".join(course.assignments())
        raise AssignmentError(f'{CONFIG}: c.Homework.counts: write {{"{assignment}": "best"}}, or "last"; of {known}')
    return bool(counts.get(assignment) == "best")


def _kept_out(handed: Attachment, before: Attachment, present: bytes, better: bool, place: Path) -> tuple[str, bool]:
    """Return why a hand-in does not take the place of what lies there ("" if it does), and whether all is done.

    better: what lies there is the better one.
    """
    if better:
        how = "is newer" if before.age > handed.age else "is the homework, this is not"
        return f"attachment {before.attachment}, collected from {before.archive or None}, {how}", True
    if before.age != handed.age:
        return "", False
    digest = hashlib.sha256(present).hexdigest()
    if digest == before.sha256 != handed.sha256:
        return f"attachment {handed.attachment} was collected with other bytes, which are kept", True
    if digest != handed.sha256:
        return f"{place} was changed by hand and is left alone", True
    # Fetched through the API, which knows more than an archive.
    return "", bool(before.submitted_at and not handed.submitted_at)


def _write(path: Path, handed: Attachment, data: bytes) -> None:
    """Write a hand-in with its record and time.

    A kill between the writes must look neither like a file of unknown origin nor like the older one, changed by hand: a
    first notebook comes after its record, a replacement before it. Either way the next run writes all again.
    """
    about = {key: value for key, value in asdict(handed).items() if value or key != "group"}
    record = json.dumps(about, ensure_ascii=False, indent=1, sort_keys=True) + "\n"
    records = [(path.with_name(RECORD), record.encode())]
    if handed.submitted_at:
        records.append((path.with_name(TIMESTAMP), timestamp(handed.submitted_at).encode()))
    else:
        path.with_name(TIMESTAMP).unlink(missing_ok=True)
    for file, content in [(path, data), *records] if path.exists() else [*records, (path, data)]:
        replace_file(file, content)


def timestamp(submitted_at: str) -> str:
    """Return Canvas's "2026-10-12T15:59:58Z" in the words of nbgrader's timestamp.txt."""
    return f"{datetime.fromisoformat(submitted_at).astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
