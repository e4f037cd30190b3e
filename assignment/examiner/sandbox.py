"""The warm process of one examiner: started once, forked for every submission."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import tempfile
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import IO, Any

from assignment.errors import AssignmentError
from assignment.examiner.endings import Report
from assignment.examiner.launch import contained_command, free_command, free_environment
from assignment.examiner.limits import Limits
from assignment.examiner.line import Line
from assignment.examiner.session import Ended, Session

START_SECONDS = 60.0  # importing NumPy and IPython from a cold disk
ANSWER_SECONDS = 20.0  # the warm process answers in milliseconds, and frees a killed fork's memory before it does
MESSAGE = 1 << 16
REMEDY = (
    "user namespaces are needed: as root, `sysctl -w kernel.apparmor_restrict_unprivileged_userns=0` (Ubuntu) or "
    "`sysctl -w kernel.unprivileged_userns_clone=1` (Debian); a container must be started with --cap-add SYS_ADMIN and "
    "--security-opt seccomp=unconfined, apparmor=unconfined, systempaths=unconfined; "
    "or type --no-sandbox to go on without"
)
DEFENCES = frozenset(
    {
        *("user", "mount", "pid", "network", "ipc", "uts", "namespaces", "capabilities", "privileges", "seccomp"),
        *("memory", "cpu", "processes", "files", "file_size", "stack", "core", "queues", "locked", "oom"),
        *("view", "environment", "descriptors"),
    }
)


class Sandbox:
    """A context manager; `open()` forks a session in a few milliseconds.

    `contain=False` keeps the two processes and the limits, but nothing hides or protects the machine.
    `off`, for tests only: defences (of DEFENCES) to leave out, to show that each stops an attack.
    Raises AssignmentError where the machine cannot contain student code.
    """

    def __init__(self, limits: Limits | None = None, contain: bool = True, off: frozenset[str] = frozenset()) -> None:
        if off - DEFENCES:
            raise ValueError(f"no such defence: {', '.join(sorted(off - DEFENCES))}")
        self.limits = limits or Limits()
        self._contain = contain
        self._off = off
        self._numbers = count(1)
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    def __enter__(self) -> Sandbox:
        self._start()
        try:
            self.open().close()  # shows now, before anything is graded, whether forks can be contained
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def open(self, seconds: float | None = None) -> Session:
        """Fork a fresh session; `seconds` of waiting in all, the limits' submission_seconds unless given."""
        if self._process is None or self._process.poll() is not None:
            self.close()
            self._start()
        number = next(self._numbers)
        ours, theirs = socket.socketpair()
        order = {"verb": "open", "session": number, "limits": self.limits.as_dict(), "off": sorted(self._off)}
        with theirs:
            answer = self._ask(order, ANSWER_SECONDS, theirs.fileno())
        if not answer or not answer["opened"]:
            ours.close()
            self._finish(number, 0.0)
            why = answer.get("failure", "no answer")
            raise AssignmentError(f"the sandbox could not be closed off ({why}); {REMEDY}")
        session = Session(
            Line(ours),
            lambda wait: self._finish(number, wait),
            self.limits,
            self.limits.submission_seconds if seconds is None else seconds,
        )
        try:
            session.wait_ready()
        except Ended as ended:  # nothing of a student's has run yet: the machine is at fault
            raise AssignmentError(f"the sandbox does not answer ({ended.reason}); use fewer jobs") from ended
        return session

    def close(self) -> None:
        """End the warm process and everything that it started."""
        if self._control is not None:
            self._control.close()
            self._control = None
        if self._process is not None:
            try:
                self._process.wait(timeout=2)
            except subprocess.TimeoutExpired:
                self._kill()
                self._process.wait()
            self._process = None
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None

    def _kill(self) -> None:
        """End the warm process and all that stands between it and this one; its forks die with it."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)

    def _start(self) -> None:
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs, tempfile.TemporaryFile() as errors:
            try:
                self._process = self._spawn(theirs.fileno(), errors)
                theirs.close()
                if not self._hear(START_SECONDS):
                    raise AssignmentError(f"the sandbox did not start ({_last_line(errors)}); {REMEDY}")
            except BaseException:
                self.close()
                raise

    def _spawn(self, control: int, errors: IO[bytes]) -> subprocess.Popen[bytes]:
        environment: dict[str, str] = dict(os.environ) if "environment" in self._off else {}
        folder = "/"
        if self._contain:
            command = contained_command(control, self._off)
        else:
            self._folder = tempfile.TemporaryDirectory(prefix="assignment-")
            folder = self._folder.name
            command = free_command(control, Path(folder))
            environment |= free_environment(Path(folder))
        return subprocess.Popen(
            command,
            pass_fds=[control],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=errors,
            env=environment,
            cwd=folder,
            start_new_session=True,  # Ctrl-C is for the examiner alone, and all of this is one group to kill
        )

    def _ask(self, order: dict[str, Any], seconds: float, descriptor: int | None = None) -> dict[str, Any]:
        """An order's answer; empty when the warm process is gone or stuck, which ends it."""
        if self._control is None:
            return {}
        try:
            socket.send_fds(self._control, [json.dumps(order).encode()], [] if descriptor is None else [descriptor])
            answer = self._hear(seconds)
        except OSError:
            answer = {}
        if not answer:
            self._kill()
            self.close()
        return answer

    def _hear(self, seconds: float) -> dict[str, Any]:
        """The next message of the warm process; empty when there is none in time."""
        assert self._control is not None
        poll = select.poll()
        poll.register(self._control, select.POLLIN)
        if not poll.poll(seconds * 1000):
            return {}
        data = self._control.recv(MESSAGE)
        return dict(json.loads(data)) if data else {}

    def _finish(self, number: int, wait: float) -> Report:
        """End a fork and everything in it."""
        answer = self._ask({"verb": "close", "session": number, "wait": wait}, ANSWER_SECONDS + wait)
        return Report(**answer) if answer else Report(None)


def _last_line(errors: IO[bytes]) -> str:
    errors.seek(0)
    lines = errors.read().decode("utf-8", "replace").strip().splitlines()
    return lines[-1] if lines else "no word why"
