"""The zygote: NumPy and IPython imported once, forked for every submission, never running student code itself.

It is single-threaded and knows nothing but what its worker sends over the control socket: `open` with a channel to hand
on, `close` to end a fork and learn how it ended, `split` for another zygote with a control socket of its own.
"""

from __future__ import annotations

import gc
import json
import os
import select
import signal
import socket
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from ..protocol import BROKEN, OUT_OF_MEMORY, SETUP_FAILED, Message
from . import kernel
from .kernel import Filter
from .serve import serve
from .shell import Shell, make_shell

MESSAGE = 1 << 16


class ForkServer:
    """Forks of this process, by the worker's numbers for them."""

    def __init__(self, control: socket.socket, contain: bool) -> None:
        self._control = control
        self._contain = contain
        self._shell: Shell = make_shell()
        self._filter = Filter()
        self._user = os.getuid(), os.getgid()  # in a new user namespace it is not known any more
        self._forks: dict[int, int] = {}
        self._split_off: set[int] = set()
        gc.collect()
        gc.freeze()  # a collection in a fork would touch, and so copy, every page

    def run(self) -> None:
        """Serve until the worker hangs up."""
        self._say(ready=True)
        while True:
            data, descriptors, _, _ = socket.recv_fds(self._control, MESSAGE, 1)
            if not data:
                return
            order = json.loads(data)
            if order["verb"] == "open":
                self._open(order, descriptors[0])
            elif order["verb"] == "split":
                for descriptor in descriptors:  # none if this process can hold no more
                    self._split(descriptor)
            else:
                self._say(**self._close(order["session"], order["wait"]))

    def _say(self, **message: Any) -> None:
        self._control.send(json.dumps(message).encode())

    def _split(self, descriptor: int) -> None:
        """Fork a process that serves another worker from now on; where that fails, its channel ends."""
        self._split_off = {pid for pid in self._split_off if os.waitpid(pid, os.WNOHANG) == (0, 0)}
        try:
            pid = os.fork()
        except OSError:
            os.close(descriptor)
            return
        if pid:
            self._split_off.add(pid)
            os.close(descriptor)
            return
        kernel.die_with_parent()
        self._control.close()
        self._control = socket.socket(fileno=descriptor)
        self._forks, self._split_off = {}, set()
        if not self._contain:
            kernel.adopt_orphans()
            self._move_out()
        self._say(ready=True)

    def _move_out(self) -> None:
        """Without a file tree of its own: at least work in a folder of its own, and call that home."""
        home = Path.cwd() / f"zygote-{os.getpid()}"
        home.mkdir()
        os.chdir(home)
        os.environ["HOME"], os.environ["IPYTHONDIR"] = str(home), str(home / ".ipython")

    def _open(self, order: Message, descriptor: int) -> None:
        off = frozenset(order["off"])
        flags = 0
        if self._contain and "user" not in off:
            flags = sum(flag for name, flag in kernel.NAMESPACES.items() if name not in off)
        report, reported = os.pipe()
        try:
            pid = kernel.fork(flags)
        except OSError as error:
            pid = -1
            os.write(reported, str(error).encode())
        if pid == 0:
            os.close(report)
            self._become(order["limits"], off, descriptor, reported)
        os.close(descriptor)
        os.close(reported)
        with os.fdopen(report, "rb") as pipe:
            failure = pipe.read().decode()
        if pid > 0:
            self._forks[order["session"]] = pid
        self._say(opened=not failure, failure=failure)

    def _become(self, limits: Message, off: frozenset[str], descriptor: int, reported: int) -> None:
        """In the fork: shut the doors, tell whether that worked, serve, and never return."""
        try:
            if "descriptors" not in off:
                kernel.keep_only((descriptor, reported))
            kernel.confine(limits, off, self._contain, self._user, self._filter.load)
            os.close(reported)
        except OSError as error:
            os.write(reported, str(error).encode())
            os._exit(SETUP_FAILED)
        try:
            serve(socket.socket(fileno=descriptor), self._shell)
        except MemoryError:
            os._exit(OUT_OF_MEMORY)
        except BaseException:  # student code reached into this process; how it ended is all that counts
            os._exit(BROKEN)
        os._exit(0)

    def _close(self, session: int, wait: float) -> Message:
        """End a fork and everything in it; `wait` seconds for it to end by itself first. How it ended."""
        pid = self._forks.pop(session, None)
        if pid is None:
            return {"status": None}
        handle = os.pidfd_open(pid)
        alone = bool(select.select([handle], [], [], wait)[0])
        os.close(handle)
        os.kill(pid, signal.SIGKILL)  # its PID namespace dies with it
        if not self._contain:
            with suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)
        _, status, usage = os.wait4(pid, 0)
        if not self._contain:
            self._sweep()
        return {
            "alone": alone,
            "status": os.waitstatus_to_exitcode(status),
            "cpu": usage.ru_utime + usage.ru_stime,
            "resident": usage.ru_maxrss * 1024,
        }

    def _sweep(self) -> None:
        """Without namespaces: end what a fork left behind, which became this process's child."""
        children = Path(f"/proc/self/task/{os.getpid()}/children")
        known = self._split_off.union(self._forks.values())
        while orphans := {int(word) for word in children.read_text().split()} - known:
            for orphan in orphans:
                os.kill(orphan, signal.SIGKILL)
                os.waitpid(orphan, 0)
            time.sleep(0)


def main() -> None:
    """`python -m sandbox.inside.zygote CONTROL-DESCRIPTOR contain|free`"""
    control = socket.socket(fileno=int(sys.argv[1]))
    contain = sys.argv[2] == "contain"
    if not contain:
        kernel.adopt_orphans()
    gc.disable()
    server = ForkServer(control, contain)
    gc.enable()
    server.run()
    os._exit(0)  # nothing to put in order: what is left dies with this process


if __name__ == "__main__":
    main()
