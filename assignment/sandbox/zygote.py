"""The zygote, a process that has NumPy and IPython loaded, and the sandboxes that are forked from it.

Its life: `Zygote.start` runs bubblewrap around a fresh interpreter (sandbox.inside.zygote), while the command goes on
loading its own modules. Every worker gets a zygote of its own by `split`: a fork of the first, which costs
milliseconds where a start costs half a second. `Sandbox.open` asks it for a fork, which confines itself, says whether
that worked, and serves one Session. When the session is closed the fork is killed and its report fetched. A zygote that
dies is replaced by a fresh one; when its worker dies it sees its control socket close, and ends with all its forks.
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import struct
import subprocess
import tempfile
import time
from contextlib import ExitStack, suppress
from itertools import count
from pathlib import Path
from typing import IO

from assignment.errors import AssignmentError
from assignment.sandbox import Limits
from assignment.sandbox.bubblewrap import contained_command, free_command, free_environment
from assignment.sandbox.channel import Channel, Ended
from assignment.sandbox.protocol import Message
from assignment.sandbox.session import Report, Session

ANSWER_SECONDS = 20.0  # the zygote answers in milliseconds, and frees a killed fork's memory before it does
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
        self.zygote: Zygote | None = None
        self._contain = contain
        self._off = off
        self._numbers = count(1)

    def __enter__(self) -> Sandbox:
        try:
            self.open().close()  # shows now, before anything is graded, whether forks can be contained
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def use(self, zygote: Zygote) -> None:
        """Fork this process, which was begun already; if it ends, another with the same defences."""
        self.zygote, self._contain, self._off = zygote, zygote.contain, zygote.off

    def open(self, deadline: float | None = None) -> Session:
        """Fork a fresh session; deadline: of its submission, by default submission_seconds from now."""
        zygote = self._ready()
        number = next(self._numbers)
        ours, theirs = socket.socketpair()
        order = {"verb": "open", "session": number, "limits": self.limits.as_dict(), "off": sorted(self._off)}
        with theirs:
            answer = zygote.ask(order, ANSWER_SECONDS, theirs.fileno())
        if not answer or not answer["opened"]:
            ours.close()
            self._finish(zygote, number, 0.0)
            why = answer.get("failure", "no answer")
            raise AssignmentError(f"the sandbox could not be closed off ({why}); {REMEDY}")
        if deadline is None:
            deadline = time.monotonic() + self.limits.submission_seconds
        session = Session(Channel(ours), lambda wait: self._finish(zygote, number, wait), self.limits, deadline)
        try:
            session.wait_ready()
        except Ended as ended:
            if time.monotonic() > deadline:  # the submission's time is up; the sandbox is not at fault
                raise
            raise AssignmentError(f"the sandbox does not answer ({ended.reason}); use fewer jobs") from ended
        return session

    def close(self) -> None:
        """End the zygote and everything that it started."""
        if self.zygote is not None:
            self.zygote.close()
            self.zygote = None

    def _ready(self) -> Zygote:
        """The zygote, another one if it has ended. Raises AssignmentError."""
        if self.zygote is None or not self.zygote.lives():
            self.close()
            self.zygote = Zygote.start(self._contain, self._off)
            if not self.zygote.lives():
                raise AssignmentError(f"the sandbox did not start ({self.zygote.last_words}); {REMEDY}")
        return self.zygote

    @staticmethod
    def _finish(zygote: Zygote, number: int, wait: float) -> Report:
        """End a fork and everything in it."""
        answer = zygote.ask({"verb": "close", "session": number, "wait": wait}, ANSWER_SECONDS + wait)
        return Report(**answer) if answer else Report(None)


START_SECONDS = 60.0  # importing NumPy and IPython from a cold disk
END_SECONDS = 2.0  # to end by itself, when nobody listens to it any more
MESSAGE = 1 << 16
CREDENTIALS = struct.Struct("3i")  # process, user, group


class Zygote:
    """One zygote, as long as it lives; a context manager. Made by start() and split()."""

    def __init__(
        self,
        control: socket.socket,
        errors: IO[bytes],
        contain: bool,
        off: frozenset[str],
        process: subprocess.Popen[bytes] | None = None,
        belongings: ExitStack | None = None,
    ) -> None:
        self.contain, self.off = contain, off
        self._control = control
        self._errors = errors  # what it says on stderr
        self._process = process  # None of one that was split off
        self._belongings = belongings or ExitStack()  # what is closed when it has ended
        self._handle: int | None = None  # of the process itself, known when it is ready

    @classmethod
    def start(cls, contain: bool = True, off: frozenset[str] = frozenset()) -> Zygote:
        """Start one; it imports what student code needs, and nobody waits for that until they have to.

        contain=False: nothing hides or protects the machine. off: as in Sandbox.
        Raises AssignmentError where bubblewrap is missing.
        """
        environment: dict[str, str] = dict(os.environ) if "environment" in off else {}
        control, theirs = _control()
        with theirs, ExitStack() as made:
            made.enter_context(control)
            errors = made.enter_context(tempfile.TemporaryFile())
            folder = "/"
            if contain:
                command = contained_command(theirs.fileno(), off)
            else:
                folder = made.enter_context(tempfile.TemporaryDirectory(prefix="assignment-"))
                command = free_command(theirs.fileno(), Path(folder))
                environment |= free_environment(Path(folder))
            process = subprocess.Popen(
                command,
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                env=environment,
                cwd=folder,
                start_new_session=True,  # Ctrl-C is for the examiner alone, and all of this is one group to kill
            )
            return cls(control, errors, contain, off, process, made.pop_all())

    def __enter__(self) -> Zygote:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def split(self) -> Zygote:
        """Another one, forked from this one as soon as that is ready; for a process that is about to be forked here."""
        control, theirs = _control()
        with theirs, suppress(OSError):  # of one that is gone: what was split off will be gone too
            socket.send_fds(self._control, [json.dumps({"verb": "split"}).encode()], [theirs.fileno()])
        return Zygote(control, self._errors, self.contain, self.off)

    def leave(self) -> None:
        """In a process that was forked here, or here after it was: the other one alone has to do with it now."""
        self._control.close()

    def lives(self) -> bool:
        """Whether forks can be asked for; waits until it has loaded what they need."""
        if self._control.fileno() < 0:
            return False
        if self._handle is None:
            return bool(self._hear(START_SECONDS))
        return not self._spoke(0.0)  # it says nothing that it was not asked

    @property
    def last_words(self) -> str:
        """The last line that it wrote on stderr."""
        self._errors.seek(0)
        lines = self._errors.read().decode("utf-8", "replace").strip().splitlines()
        return lines[-1] if lines else "it printed nothing"

    def ask(self, order: Message, seconds: float, descriptor: int | None = None) -> Message:
        """An order's answer; empty when the process is gone or stuck, which ends it."""
        if self._control.fileno() < 0:
            return {}
        try:
            socket.send_fds(self._control, [json.dumps(order).encode()], [] if descriptor is None else [descriptor])
            answer = self._hear(seconds)
        except OSError:
            answer = {}
        if not answer:
            self.kill()
            self.close()
        return answer

    def _hear(self, seconds: float) -> Message:
        """Its next message; empty when there is none in time."""
        if not self._spoke(seconds):
            return {}
        try:
            data, about, _, _ = self._control.recvmsg(MESSAGE, socket.CMSG_SPACE(CREDENTIALS.size))
            if not data or (self._handle is None and not self._meet(*about)):
                return {}
        except OSError:
            return {}
        return dict(json.loads(data))

    def _meet(self, credentials: tuple[int, int, bytes]) -> bool:
        """Take hold of the process that says it is ready; whether it still lives: else its number may be another's."""
        handle = os.pidfd_open(CREDENTIALS.unpack(credentials[2])[0])
        if self._spoke(0.0):  # it can only have hung up
            os.close(handle)
            return False
        self._handle = handle
        return True

    def _spoke(self, seconds: float) -> bool:
        """Wait until there is a message or the end of all messages; whether there is."""
        return _readable(self._control.fileno(), seconds)

    def close(self) -> None:
        """End the process and everything that it started."""
        self._control.close()
        if self._process is not None:
            if not self._ended(END_SECONDS):
                self.kill()
            self._process.wait()
            self._process = None
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None
        self._belongings.close()

    def _ended(self, seconds: float) -> bool:
        """Wait for the process that was started; Popen.wait() with a timeout would look up to 50 ms too late."""
        assert self._process is not None
        try:
            handle = os.pidfd_open(self._process.pid)
        except OSError as error:
            return isinstance(error, ProcessLookupError)  # its end was seen by somebody, or is told to nobody
        try:
            return _readable(handle, seconds)
        finally:
            os.close(handle)

    def kill(self) -> None:
        """End the process, and all that stands between it and this one; its forks die with it."""
        with suppress(ProcessLookupError):
            if self._process is not None:
                os.killpg(self._process.pid, signal.SIGKILL)
            elif self._handle is not None:
                signal.pidfd_send_signal(self._handle, signal.SIGKILL)


def _readable(descriptor: int, seconds: float) -> bool:
    """Wait until there is something to read, or of a process until it has ended; whether there is."""
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(seconds * 1000))


def _control() -> tuple[socket.socket, socket.socket]:
    """Both ends of a control channel; at ours every message says which process sent it."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
    return ours, theirs
