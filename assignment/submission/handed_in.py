"""One student's hand-in on disk: which attachment it is, and how it gets there without harm to what lies there."""

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from assignment.course import Course, replace_file

RECORD = "canvas.json"  # beside the notebook: where it came from
TIMESTAMP = "timestamp.txt"  # nbgrader's own file: when it was handed in
LOOK = 32 << 20  # bytes looked at to tell the homework from another notebook

LooksLike = Callable[[bytes], bool]


@dataclass(frozen=True)
class Attachment:
    """A file that a student handed in; `record` is what canvas.json says of it, with the hash of its bytes."""

    user: str
    attachment: str
    file: str
    entry: str
    late: bool
    name: str = ""
    login: str = ""
    submitted_at: str | None = None
    archive: str = ""

    @property
    def age(self) -> int:
        """Attachments are numbered as they arrive: the highest is the newest."""
        return int(self.attachment)

    @property
    def notebook(self) -> bool:
        """Whether it is called a notebook."""
        return self.file.lower().endswith(".ipynb")

    @property
    def plausible(self) -> bool:
        """Whether it may be a notebook, under the names that browsers save one."""
        return ".ipynb" in self.file.lower() or Path(self.file).suffix.lower() in ("", ".json", ".txt")

    def record(self, data: bytes) -> dict[str, Any]:
        """Return what canvas.json says."""
        return {**vars(self), "sha256": hashlib.sha256(data).hexdigest()}


@dataclass(frozen=True)
class Choice:
    """Which of a student's attachments is collected, its bytes, and what is said of each (by entry)."""

    attachment: Attachment | None
    data: bytes
    homework: bool
    said: dict[str, str]


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
    said: dict[str, str] = {}
    best: tuple[Attachment, bytes, bool] | None = None
    for one in sorted(attachments, key=lambda a: a.age, reverse=True):
        if best and best[2]:
            if one.notebook:
                said[one.entry] = f"attachment {best[0].attachment} ({best[0].file}) is newer and is the homework"
            continue
        data = read(one) if one.plausible else None
        if data is None:
            continue
        if _homework(data, looks_like):
            if best:
                said[best[0].entry] = f"newer than attachment {one.attachment} ({one.file}), but not the homework"
            best = (one, data, True)
        elif best and one.notebook:
            said[one.entry] = f"attachment {best[0].attachment} ({best[0].file}) is newer; neither is the homework"
        elif one.notebook:
            best = (one, data, False)
    if not best:
        return Choice(None, b"", False, said)
    chosen, data, homework = best
    others = [one for one in attachments if one is not chosen]
    reason = "does not look like the homework" if not homework else ""
    if homework and not chosen.notebook:
        reason = f"a notebook under the name {chosen.file}"
    elif homework and others:
        newest = all(chosen.age > one.age for one in others)
        reason = f"{'the newest' if newest else 'the newest that is the homework'} of {len(attachments)} files"
    said[chosen.entry] = reason
    return Choice(chosen, data, homework, said)


def _homework(data: bytes, looks_like: LooksLike) -> bool:
    """Whether the bytes are the homework, and JSON rather than a Python file."""
    return data.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{") and looks_like(data)


def record_of(course: Course, student: str, assignment: str) -> dict[str, Any] | None:
    """Return the canvas.json beside a collected notebook, None if there is none (or it is no JSON)."""
    path = course.submitted(student, assignment).with_name(RECORD)
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return record if isinstance(record, dict) and str(record.get("attachment", "")).isdigit() else None


def store(course: Course, assignment: str, choice: Choice, looks_like: LooksLike) -> str:
    """Put a chosen attachment into submitted/ and return "", or leave what lies there and return why.

    What lies there gives way only to a better one: the homework to nothing but a newer homework, anything to a newer
    attachment. So the outcome does not depend on the order in which archives are collected. A file that did not come
    from Canvas, or was changed since, is left alone.
    """
    one = choice.attachment
    assert one is not None
    path = course.submitted(one.user, assignment)
    record = one.record(choice.data)
    if path.exists():
        present = path.read_bytes()
        digest = hashlib.sha256(present).hexdigest()
        before = record_of(course, one.user, assignment)
        if before is None:
            if digest != record["sha256"]:
                return f"{path.relative_to(course.root)} did not come from Canvas and is left alone"
        else:
            newest = (_homework(present, looks_like), int(before["attachment"]))
            if newest > (choice.homework, one.age):
                better = "is newer" if int(before["attachment"]) > one.age else "is the homework, this is not"
                return f"attachment {before['attachment']}, collected from {before.get('archive')}, {better}"
            if int(before["attachment"]) == one.age:
                if digest == before.get("sha256") != record["sha256"]:
                    return f"attachment {one.attachment} was collected with other bytes, which are kept"
                if digest != record["sha256"]:
                    return f"{path.relative_to(course.root)} was changed by hand and is left alone"
                if before.get("submitted_at") and not one.submitted_at:
                    return ""  # fetched through the API, which knows more than an archive
    records = [
        (path.with_name(RECORD), (json.dumps(record, ensure_ascii=False, indent=1, sort_keys=True) + "\n").encode())
    ]
    if one.submitted_at:
        records.append((path.with_name(TIMESTAMP), timestamp(one.submitted_at).encode()))
    else:
        path.with_name(TIMESTAMP).unlink(missing_ok=True)
    # A kill between the writes must look neither like a file of unknown origin nor like the older one, changed by hand:
    # a first notebook comes after its record, a replacement before it. Either way the next run writes all again.
    files = [(path, choice.data), *records] if path.exists() else [*records, (path, choice.data)]
    for file, data in files:
        replace_file(file, data)
    return ""


def timestamp(submitted_at: str) -> str:
    """Return Canvas's "2026-10-12T15:59:58Z" in the words of nbgrader's timestamp.txt."""
    return f"{datetime.fromisoformat(submitted_at).astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
