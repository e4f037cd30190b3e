"""nbgrader's formgrader on a course, served by Jupyter on this machine only."""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from urllib.error import URLError
from urllib.request import urlopen

from assignment.course import Course
from assignment.errors import AssignmentError

START = 120.0  # seconds until it answers; only a machine with much else to do needs them
LOG = ".formgrader.log"


@dataclass(frozen=True)
class Served:
    """A running server, and the address to open, which holds its password."""

    url: str
    process: subprocess.Popen[bytes]


@contextmanager
def formgrader(course: Course) -> Iterator[Served]:
    """Serve formgrader until the context is left. AssignmentError, with the end of its log, if it does not start."""
    course.check_gradebook()
    token = secrets.token_hex(16)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = ["--no-browser", "--ip=127.0.0.1", f"--port={port}", "--ServerApp.port_retries=0"]
    options += ["--allow-root"] if os.geteuid() == 0 else []
    log = course.root / LOG
    with log.open("wb") as words:
        process = subprocess.Popen(
            [sys.executable, "-m", "jupyter", "server", *options],
            cwd=course.root,
            env=os.environ | {"JUPYTER_TOKEN": token},
            stdin=subprocess.DEVNULL,
            stdout=words,
            stderr=words,
            start_new_session=True,  # Ctrl-C is for us; the server is ended below
        )
    try:
        url = f"http://127.0.0.1:{port}/formgrader?token={token}"
        _wait(url, process)
        yield Served(url, process)
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(10)
        process.kill()
        process.wait()
        log.unlink(missing_ok=True)


def _wait(url: str, process: subprocess.Popen[bytes]) -> None:
    """Return when the page answers."""
    limit, why = time.monotonic() + START, "it did not answer"
    while process.poll() is None and time.monotonic() < limit:
        try:
            with urlopen(url, timeout=5):
                return
        except (URLError, OSError) as error:
            why = str(error)
            time.sleep(0.2)
    raise AssignmentError(
        f"formgrader did not start ({why}); try `jupyter lab` here, menu Nbgrader > Formgrader, which says more"
    )
