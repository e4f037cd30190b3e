"""One examiner's sandbox: a fork of the warm process for every submission."""

from __future__ import annotations

import socket
from itertools import count

from assignment.errors import AssignmentError
from assignment.examiner.endings import Report
from assignment.examiner.limits import Limits
from assignment.examiner.line import Line
from assignment.examiner.session import Ended, Session
from assignment.examiner.warm import Warm

ANSWER_SECONDS = 20.0  # the warm process answers in milliseconds, and frees a killed fork's memory before it does
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
        self.warm: Warm | None = None
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

    def use(self, warm: Warm) -> None:
        """Fork this process, which was begun already; if it ends, another with the same defences."""
        self.warm, self._contain, self._off = warm, warm.contain, warm.off

    def open(self, seconds: float | None = None) -> Session:
        """Fork a fresh session; `seconds` of waiting in all, the limits' submission_seconds unless given."""
        warm = self._ready()
        number = next(self._numbers)
        ours, theirs = socket.socketpair()
        order = {"verb": "open", "session": number, "limits": self.limits.as_dict(), "off": sorted(self._off)}
        with theirs:
            answer = warm.ask(order, ANSWER_SECONDS, theirs.fileno())
        if not answer or not answer["opened"]:
            ours.close()
            self._finish(warm, number, 0.0)
            why = answer.get("failure", "no answer")
            raise AssignmentError(f"the sandbox could not be closed off ({why}); {REMEDY}")
        session = Session(
            Line(ours),
            lambda wait: self._finish(warm, number, wait),
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
        if self.warm is not None:
            self.warm.close()
            self.warm = None

    def _ready(self) -> Warm:
        """The warm process, another one if it has ended. Raises AssignmentError."""
        if self.warm is None or not self.warm.lives():
            self.close()
            self.warm = Warm.begin(self._contain, self._off)
            if not self.warm.lives():
                raise AssignmentError(f"the sandbox did not start ({self.warm.last_words}); {REMEDY}")
        return self.warm

    @staticmethod
    def _finish(warm: Warm, number: int, wait: float) -> Report:
        """End a fork and everything in it."""
        answer = warm.ask({"verb": "close", "session": number, "wait": wait}, ANSWER_SECONDS + wait)
        return Report(**answer) if answer else Report(None)
