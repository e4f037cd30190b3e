"""What attacks are after (a course, a home, a listener, a secret) and what they may leave behind (files, processes)."""

from __future__ import annotations

import contextlib
import hashlib
import secrets
import shutil
import socket
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

PLACES = ("/tmp", "/var/tmp", "/dev/shm", "/run")  # where any process may write


@dataclass(frozen=True)
class Surroundings:
    """A course that every user of the machine may read and write, and the words that attacks are told."""

    course: Path
    words: dict[str, str]
    listeners: tuple[socket.socket, ...]
    before: dict[str, str]

    def left_behind(self) -> list[str]:
        """What an attack changed, wrote or left running."""
        marker = self.words["marker"]
        found = [f"{path} was changed" for path in self.before.keys() ^ self._files().keys()]
        found += [f"{path} was changed" for path, digest in self._files().items() if self.before.get(path) != digest]
        for place in PLACES:
            found += [f"{path} was written" for path in Path(place).glob(f"*{marker}*")]
        return found + [f"process {pid} is alive" for pid in _running(marker)] + self._calls()

    def _files(self) -> dict[str, str]:
        return _digests(self.course)

    def _calls(self) -> list[str]:
        found = []
        for listener in self.listeners:
            with contextlib.suppress(BlockingIOError):
                listener.accept()[0].close()
                found.append("somebody reached the network")
        return found


@contextmanager
def surroundings(checkout: Path) -> Iterator[Surroundings]:
    """Lay everything out in a folder that no temporary file tree of a sandbox covers."""
    marker = f"attack{secrets.token_hex(6)}"
    with ExitStack() as stack:
        course = Path(tempfile.mkdtemp(prefix="course-", dir="/var/tmp"))
        stack.callback(shutil.rmtree, course, ignore_errors=True)
        (course / "source" / "rnn").mkdir(parents=True)
        for name in ("source/rnn.py", "source/rnn/rnn.ipynb"):
            shutil.copy(checkout / name, course / name)
        for name in ("gradebook.db", "submitted/other/rnn/rnn.ipynb", "home/.profile"):
            (course / name).parent.mkdir(parents=True, exist_ok=True)
            (course / name).write_text("private\n")
        for path in (course, *course.rglob("*")):
            path.chmod(0o777 if path.is_dir() else 0o666)
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        secret = secrets.token_hex(8)
        patch.setenv("CANVAS_API_TOKEN", secret)
        tcp, unix = socket.socket(), socket.socket(socket.AF_UNIX)
        tcp.bind(("127.0.0.1", 0))
        unix.bind(f"\0{marker}")
        for listener in (tcp, unix):
            stack.enter_context(listener)
            listener.listen()
            listener.setblocking(False)
        words = {"marker": marker, "secret": secret, "course": str(course), "port": str(tcp.getsockname()[1])}
        yield Surroundings(course, words, (tcp, unix), _digests(course))


def _digests(folder: Path) -> dict[str, str]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def _running(marker: str) -> list[str]:
    """The processes that have the marker in their command line."""
    found = []
    for process in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if process.name.isdigit() and marker.encode() in (process / "cmdline").read_bytes():
                found.append(process.name)
    return found
