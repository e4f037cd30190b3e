"""A pool of which the workers are a Dask cluster's: bytes go out, results come back, and everything is written here.

Each worker is prepared by itself and given tasks of its own, so that none examines that has not shown that it is fit,
and the master and the secret go to those alone. What a worker that dies was given goes to others. The scheduler passes
on and keeps nothing beyond a task; when it is gone, the run ends.

A Dask worker has threads, and a process with threads is no place to fork from. So it starts this module as a program
and hands it bytes; inside is a Pool of one, with the watchdog and the limits of every other. The program keeps what the
run told it (master, secret) in its memory only, and ends with the run, with its Dask worker, or when nobody speaks to
it any more.
"""

from __future__ import annotations

import hashlib
import logging
import os
import re
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict
from functools import cache
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from pathlib import Path
from queue import Empty, Queue, SimpleQueue
from threading import Event, Lock, Thread
from typing import Any, Self

from assignment.errors import AssignmentError
from assignment.grading.examiner import Examined, Examiner
from assignment.grading.result import Result
from assignment.sandbox.zygote import Zygote
from assignment.workflow.pool import DIED, GRACE, LOOK, Dispatcher, Lost, Pool, Task

LOCAL = re.compile(r"local:([1-9]\d{0,2})")  # worker processes on this machine, for trying
CONNECT = 10.0  # seconds for the scheduler to answer
COME = 20.0  # seconds for a worker to come where there is none
PREPARED = 60.0  # seconds for a worker to be prepared
FETCH = 10.0  # seconds for a finished result to be fetched
AHEAD = 8  # results that wait to be saved: were it without end, they would fill the memory
TRIES = 3  # workers that may die under a submission before it is taken for the cause
QUIET = {
    "distributed.worker.profile.enabled": False,
    "distributed.comm.timeouts.connect": f"{CONNECT:g}s",
    "distributed.admin.large-graph-warning-threshold": "1GiB",  # of a large notebook it is no news
    "distributed.admin.low-level-log-length": 10,  # messages kept, with the submissions in them: else 1000
}
INSTALL = "--on: Dask is not installed; run: pip install -c constraints.txt -e '.[cluster]'"


class Gone(Exception):
    """A worker is not there any more."""


class Cluster(Dispatcher):
    """The workers of an existing cluster, by the address of its scheduler, or "local:N" for N processes here.

    Each worker has a thread here, which prepares it and then has it examine one submission after the other.
    Raises AssignmentError where Dask is not installed, nobody answers, or no worker is fit.
    """

    def __init__(self, address: str, examiner: Examiner, watch: Callable[[str], None] | None = None) -> None:
        super().__init__(examiner, watch)
        self._address = address
        self._run = secrets.token_hex(8)
        self._waiting: SimpleQueue[Task] = SimpleQueue()
        self._finished: Queue[tuple[Task, Examined | Lost]] = Queue(AHEAD)
        self._owed = 0  # results of what was added
        self._lost: Counter[str] = Counter()  # workers that died, by the submission that they had
        self._workers: dict[str, bool] = {}  # by address: whether it works, or was left out
        self._there: set[str] = set()  # addresses that the scheduler knew of when it was last asked
        self._busy: dict[str, tuple[float, str]] = {}  # by address: since when it examines, and what
        self._alone = time.monotonic()  # since when nobody is there to examine
        self._belongings = ExitStack()

    def __enter__(self) -> Self:
        try:
            import dask
            import distributed
        except ImportError:
            raise AssignmentError(INSTALL) from None
        for logger in ("distributed", "distributed.client"):  # what becomes of workers and scheduler is said here
            logging.getLogger(logger).setLevel(logging.CRITICAL)
        with ExitStack() as stack:
            stack.enter_context(dask.config.set(QUIET))
            target = stack.enter_context(_local(self._address)) if self._address.startswith("local") else self._address
            try:
                self._client = stack.enter_context(distributed.Client(target, timeout=CONNECT, set_as_default=False))
            except (OSError, ValueError, RuntimeError) as error:
                why = f"{error or 'no answer'}; name a scheduler (tcp://HOST:8786) that runs, or local:N"
                raise AssignmentError(f"--on {self._address}: {why}") from None
            stack.callback(self._forget)
            self._look()
            self._belongings = stack.pop_all()
        return self

    def __exit__(self, *exception: Any) -> None:
        self._belongings.close()

    def add(self, tasks: Iterable[Task]) -> None:
        """As Dispatcher.add."""
        for task in tasks:
            self._owed += 1
            self._waiting.put(task)

    def results(self) -> Iterator[tuple[str, Examined]]:
        """As Dispatcher.results. What was given to a worker that dies goes to another; a new one is prepared."""
        looked = 0.0
        while self._owed:
            with suppress(Empty):
                (key, submission), content = self._finished.get(timeout=LOOK)
                self._owed -= 1
                yield key, self._found(submission, content)
            now = time.monotonic()
            if now > looked + LOOK:
                looked = now
                self._look()
                self._tell_slowest((now - since, key) for since, key in [*self._busy.values()])

    def _look(self) -> None:
        """Have workers that have come begin. AssignmentError without scheduler or workers."""
        present = self._present()
        if present is None:
            gone = "the scheduler is gone; what was finished is kept; run this again"
            raise AssignmentError(f"--on {self._address}: {gone}")
        self._there = present
        for address in self._workers.keys() - present:
            if self._workers.get(address) is False:  # should it come again, it is prepared anew
                del self._workers[address]
        for address in present - self._workers.keys():
            self._workers[address] = True
            Thread(target=self._employ, args=(address,), daemon=True).start()
        if True in self._workers.values():
            self._alone = time.monotonic()
        elif time.monotonic() > self._alone + COME:
            raise AssignmentError(
                f"--on {self._address}: no worker is fit to examine; start some and run this again, "
                "what was finished is kept",
                "\n".join(self.left_out),
            )

    def _present(self) -> set[str] | None:
        """The addresses of all workers; None when the scheduler is gone."""
        with suppress(OSError, RuntimeError):
            if self._client.status == "running":
                return set(self._client.nthreads())
        return None

    def _employ(self, address: str) -> None:
        """Prepare a worker and have it examine what waits, until it is gone or turns out not to be fit."""
        prepared = False
        try:
            if other := self._other_than_here(*self._ask(address, PREPARED, prepare, self._examiner)):
                raise AssignmentError("; ".join(other))
            prepared = True
            while address in self._there:
                with suppress(Empty):
                    self._examine(address, self._waiting.get(timeout=LOOK))
        except AssignmentError as error:
            self._leave_out(address, str(error))
            return
        except Exception as error:  # it died, or its program did, or it has none
            if not prepared and address in (self._present() or ()):
                self._leave_out(address, f"{type(error).__name__}: {error}")
                return
        del self._workers[address]

    def _leave_out(self, address: str, why: str) -> None:
        self.left_out.append(f"{address}: left out: {why}")
        self._workers[address] = False

    def _examine(self, address: str, task: Task) -> None:
        """Have a worker examine a submission; where that fails it waits for another. Raises as _ask."""
        key, submission = task
        data = submission if isinstance(submission, bytes) else self._examiner.read(submission)[0]
        self._busy[address] = time.monotonic(), key
        try:  # its own watchdog should have spoken long before
            examined = self._ask(address, self._seconds + 10 * GRACE, examine, data)
        except Exception:
            self._lost[key] += 1
            if self._lost[key] < TRIES:
                self._waiting.put(task)
            else:
                self._finished.put((task, Lost("crashed", DIED)))
            raise
        finally:
            del self._busy[address]
        self._finished.put((task, examined))

    def _ask(self, address: str, seconds: float, function: Callable[..., object], given: object) -> Any:
        """What a function gives on a worker. Raises what it raises, Gone, AssignmentError if it takes too long."""
        future = self._client.submit(function, self._run, given, workers=[address], pure=False)
        answered, limit = Event(), time.monotonic() + seconds
        future.add_done_callback(lambda _: answered.set())
        try:
            while not answered.wait(LOOK):
                if address not in (self._present() or ()):
                    raise Gone
                if time.monotonic() > limit:
                    raise AssignmentError(f"no answer for {seconds:g} s")
            return future.result(FETCH)
        except Exception:
            with suppress(OSError, RuntimeError):
                self._client.cancel([future])
            raise

    def _other_than_here(self, result: Result, code: str) -> list[str]:
        """Why a worker would not examine as this machine does."""
        theirs, ours = (asdict(made_by) for made_by in (result.made_by, self._examiner.made_by(b"")))
        other = [f"{name} {theirs[name]} there, {ours[name]} here" for name in ours if theirs[name] != ours[name]]
        if code != code_digest():
            other.append(f"the code of assignment is {code} there, {code_digest()} here")
        if result.verdict != "unreadable":  # an empty file is
            other.append(f"{result.verdict}: {result.reason}")
        return other

    def _forget(self) -> None:
        """End what runs on the workers, without waiting for those that do not answer."""

        def tell() -> None:
            with suppress(Exception):
                self._client.run(forget, self._run, on_error="ignore")

        if self._client.status == "running":
            telling = Thread(target=tell, daemon=True)
            telling.start()
            telling.join(LOOK)


@contextmanager
def _local(address: str) -> Iterator[Any]:
    """Worker processes on this machine. AssignmentError unless the address says how many."""
    from distributed import LocalCluster

    number = LOCAL.fullmatch(address)
    if not number:
        raise AssignmentError(f"--on {address}: write local:N with the number of processes, as in local:2")
    resource_tracker.ensure_running()  # when it is started later it lets Ctrl-C through again
    # Ctrl-C is for this process alone: the others inherit this. It waits until they are there, for Dask cannot stop
    # half-way.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        cluster = LocalCluster(
            n_workers=int(number[1]),
            threads_per_worker=1,
            memory_limit=0,
            dashboard_address=None,
            scheduler_kwargs={"dashboard_address": "127.0.0.1:0"},  # what it has nevertheless: where nobody else is
            silence_logs=logging.CRITICAL,
        )
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    with cluster:
        try:
            yield cluster
        finally:  # they have nothing left to do, and take half a second each to put their own things in order
            for nanny in cluster.workers.values():
                nanny.auto_restart = False
                with suppress(ProcessLookupError):
                    if pid := nanny.pid:
                        os.kill(pid, signal.SIGKILL)


IDLE = 600.0  # seconds after which a program that nobody speaks to ends: whoever began the run is gone


class Host:
    """The examining program, as the Dask worker that started it has it."""

    def __init__(self, examiner: Examiner) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "assignment.workflow.cluster", str(theirs.fileno())],
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
    """The program on a cluster's machine: examine what its Dask worker hands over."""
    signal.pthread_sigmask(signal.SIG_SETMASK, [])  # whatever its Dask worker blocks: sandboxes are the same everywhere
    pipe = Connection(int(sys.argv[1]))
    with suppress(EOFError, ConnectionError):
        try:
            _serve(pipe)
        except AssignmentError as error:
            pipe.send(error)


if __name__ == "__main__":
    main()
