"""What runs on a cluster's machine for one run of `grade`: a process of its own that examines, one file at a time.

A Dask worker has threads, and a process with threads is no place to fork from. So it starts this module as a program
and hands it bytes; inside is a Pool of one, with the watchdog and the limits of every other. The program keeps what the
run told it (master, secret) in its memory only, and ends with the run, with its Dask worker, or when nobody speaks to
it any more.
"""

from __future__ import annotations

import hashlib
import os
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from functools import cache
from multiprocessing.connection import Connection
from pathlib import Path
from threading import Lock

from assignment.errors import AssignmentError
from assignment.grading.examiner import Examined, Examiner
from assignment.grading.result import Result
from assignment.sandbox.zygote import Zygote
from assignment.workflow.pool import Pool

IDLE = 600.0  # seconds after which a program that nobody speaks to ends: whoever began the run is gone


class Host:
    """The examining program, as the Dask worker that started it has it."""

    def __init__(self, examiner: Examiner) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "assignment.workflow.remote", str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                # Dask has its workers return memory at once: our arrays come and go, and pages are dear
                env={name: value for name, value in os.environ.items() if not name.startswith("MALLOC_")},
                start_new_session=True,  # Ctrl-C is for whoever began the run
            )
        self._pipe = Connection(ours.detach())
        self._turn = Lock()  # a Dask worker may have several threads
        self._pipe.send(examiner)

    def examine(self, data: bytes) -> Examined:
        """Return the verdict on a file. AssignmentError if there is no sandbox; OSError or EOFError if it is gone."""
        with self._turn:
            self._pipe.send(data)
            answer: Examined | AssignmentError = self._pipe.recv()
        if isinstance(answer, AssignmentError):
            raise answer
        return answer

    def close(self) -> None:
        """End the program; what runs in it ends with it."""
        self._process.kill()
        self._process.wait()
        self._pipe.close()


_hosts: dict[str, Host] = {}  # by run: all that a Dask worker has to remember from one task to the next


def prepare(run: str, examiner: Examiner) -> tuple[Result, str]:
    """Start the program and have it examine an empty file -> what came of it, and the fingerprint of the code here."""
    forget(run)
    _hosts[run] = Host(examiner)
    return _hosts[run].examine(b"").result, code_digest()


def examine(run: str, data: bytes) -> Examined:
    """Have a submission examined. KeyError if this worker was not prepared; else as Host.examine."""
    return _hosts[run].examine(data)


def forget(run: str) -> None:
    """The run is over."""
    if host := _hosts.pop(run, None):
        host.close()


@cache
def code_digest() -> str:
    """The fingerprint of this program's own text: two of the same version may differ while it is worked on."""
    folder, digest = Path(__file__).parents[1], hashlib.sha256()
    for path in sorted(folder.rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def _serve(pipe: Connection) -> None:
    """Examine what the Dask worker hands over, until it hangs up. Raises AssignmentError, EOFError, ConnectionError."""
    examiner = pipe.recv()

    def listen(_: str) -> None:
        if pipe.poll():  # nothing can come before it was answered: it has hung up
            raise EOFError

    with Zygote.start() as zygote, Pool(1, examiner, zygote, listen) as pool:
        while pipe.poll(IDLE):
            pool.add([("", pipe.recv())])
            [(_, examined)] = pool.results()  # all of it before the answer, which the next file may follow at once
            pipe.send(examined)


def main() -> None:
    """The program."""
    signal.pthread_sigmask(signal.SIG_SETMASK, [])  # whatever its Dask worker blocks: sandboxes are the same everywhere
    pipe = Connection(int(sys.argv[1]))
    with suppress(EOFError, ConnectionError):
        try:
            _serve(pipe)
        except AssignmentError as error:
            pipe.send(error)


if __name__ == "__main__":
    main()
