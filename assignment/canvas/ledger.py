"""What was sent to Canvas, and what may have been: a file of lines, each on disk before the next step is taken."""

import fcntl
import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from assignment.errors import AssignmentError


class Mark(NamedTuple):
    """Names one sending to one student: its number for this student, and the hash of its content."""

    number: int
    digest: str


@dataclass
class Batch:
    """A bulk call that was begun and of which it is not known that it ended."""

    at: float  # when it was begun (time.time)
    marks: dict[str, Mark]  # by user
    job: str | None = None  # Canvas's, once it answered


@dataclass
class Ledger:
    """The sendings of one assignment; open it to push, for only one push may go on at a time."""

    path: Path
    sent: dict[str, Mark] = field(default_factory=dict)  # the newest known to have arrived, by user
    uploaded: dict[tuple[str, str], str] = field(default_factory=dict)  # (user, digest) -> Canvas's id of the file
    batches: dict[int, Batch] = field(default_factory=dict)
    _file: int = -1

    @classmethod
    def read(cls, path: Path) -> "Ledger":
        """Return what the file says; a last line cut short by a kill never was."""
        ledger = cls(path)
        lines = path.read_bytes().split(b"\n")[:-1] if path.is_file() else []
        for number, line in enumerate(lines, 1):
            try:
                ledger._take(json.loads(line))
            except (ValueError, KeyError, TypeError):
                if line.strip():
                    raise AssignmentError(
                        f"{path}: line {number} makes no sense; put the file aside (Canvas is then asked what it has)"
                    ) from None
        return ledger

    def __enter__(self) -> "Ledger":
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._file)
            raise AssignmentError(f"{self.path}: another push is going on; wait for it to end") from None
        os.ftruncate(self._file, self.path.read_bytes().rfind(b"\n") + 1)  # a line that a kill cut short
        fresh = Ledger.read(self.path)  # what another push wrote before we had the lock
        self.sent, self.uploaded, self.batches = fresh.sent, fresh.uploaded, fresh.batches
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._file)

    def upload(self, user: str, digest: str, file: str) -> None:
        """Note that a student's file is on Canvas, under which id."""
        self._add(event="uploaded", user=user, digest=digest, file=file)

    def begin(self, marks: Mapping[str, Mark]) -> int:
        """Note that a bulk call is about to be made, and return its number."""
        number = 1 + max(self.batches, default=0)
        self._add(event="sending", batch=number, at=time.time(), marks=marks)
        return number

    def accept(self, batch: int, job: str) -> None:
        """Note the job that Canvas made of a bulk call."""
        self._add(event="accepted", batch=batch, job=job)

    def end(self, batch: int, state: str) -> None:
        """Note that a bulk call has had all the effect it will have."""
        self._add(event="ended", batch=batch, state=state)

    def arrive(self, user: str, mark: Mark) -> None:
        """Note that a sending was seen on Canvas."""
        self._add(event="sent", user=user, number=mark.number, digest=mark.digest)

    def _add(self, **event: Any) -> None:
        os.write(self._file, json.dumps(event, ensure_ascii=False).encode() + b"\n")
        os.fsync(self._file)
        self._take(event)

    def _take(self, event: Mapping[str, Any]) -> None:
        match event["event"]:
            case "uploaded":
                self.uploaded[event["user"], event["digest"]] = event["file"]
            case "sending":
                marks = {user: Mark(*mark) for user, mark in event["marks"].items()}
                self.batches[event["batch"]] = Batch(event["at"], marks)
            case "accepted":
                self.batches[event["batch"]].job = event["job"]
            case "ended":
                del self.batches[event["batch"]]
            case "sent":
                self.sent[event["user"]] = Mark(event["number"], event["digest"])
            case other:
                raise ValueError(other)
