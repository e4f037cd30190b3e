"""Workers: processes that examine submissions side by side, each with a zygote of its own; results as they come.

A worker answers for its own time and memory too. What a stranger wrote could keep it busy outside the sandbox, so the
pool watches: a worker that is past its submission's deadline is ended, and so is one that needs too much memory.
"""

from __future__ import annotations

import ctypes
import gc
import multiprocessing
import os
import resource
import signal
import time
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any, Self

from assignment.errors import AssignmentError
from assignment.grading.checks import GivenError
from assignment.grading.examiner import Examined, Examiner
from assignment.sandbox.zygote import Zygote

Task = tuple[str, Path | bytes]  # a key of the caller's, and the submission: its file, or its bytes
AHEAD = 3  # tasks given to one process at a time, so that it goes on while the caller is busy
GRACE = 3.0  # seconds after a submission's deadline in which a worker may still tell its result
LOOK = 1.0  # seconds between two looks at who is busy
LONG = 5.0  # seconds after which it is said who is being examined
IDLE = 0.1  # a worker that was at work for less of its time was held up by the machine, not by a submission
DIED = "the examining process died under it; grade it again"
PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class Lost:
    """What stands for a submission's result when its worker gave none."""

    verdict: str
    reason: str


class Worker:
    """One examining process; it dies with the process that made it."""

    def __init__(self, examiner: Examiner, zygote: Zygote, others: Iterable[Worker]) -> None:
        # fork: the worker needs nothing that is not loaded already, and the sandbox itself starts from a fresh exec
        context = multiprocessing.get_context("fork")
        self.pipe, theirs = context.Pipe()
        own = zygote.split()
        ours = [self.pipe, *(worker.pipe for worker in others)]
        self.process = context.Process(target=_work, args=(theirs, ours, examiner, zygote, own), daemon=True)
        self.process.start()
        theirs.close()
        own.leave()
        self.tasks: deque[Task] = deque()  # that it was given and has not answered
        self.doing = ""
        self.begun = 0.0  # with the first of them, by time.monotonic(); 0 if it is not
        self._used = 0.0  # of CPU time, when that was begun

    def give(self, task: Task) -> None:
        """Have a submission examined."""
        self.tasks.append(task)
        with suppress(BrokenPipeError, ConnectionResetError):  # it could not start: why is in the pipe
            self.pipe.send(task)

    def busy(self) -> float:
        """For how many seconds the submission at hand has been examined."""
        return time.monotonic() - self.begun if self.begun else 0.0

    def hear(self, what: str) -> None:
        """Note what it is doing."""
        if not self.begun:
            self.begun, self._used = time.monotonic(), self._cpu()
        self.doing = what

    def idle(self) -> bool:
        """Whether it has worked little since it began with the submission at hand."""
        return self._cpu() - self._used < IDLE * self.busy()

    def _cpu(self) -> float:
        """Seconds of CPU time that the process has used."""
        try:
            fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:  # it is gone
            return self._used
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def stop(self, now: bool = False) -> None:
        """End the process: as soon as it is idle, or now."""
        self.pipe.close()
        if not now:
            self.process.join(timeout=1)
        if self.process.is_alive():
            self.process.kill()
        self.process.join()


def end_with_parent() -> None:
    """Have this process killed when the one that made it ends, however that ends."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def _work(pipe: Connection, others: list[Connection], examiner: Examiner, zygote: Zygote, own: Zygote) -> None:
    end_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle: it ends this process
    if os.getppid() != multiprocessing.parent_process().pid:  # type: ignore[union-attr]  # gone before that was set
        return
    for other in others:  # while they are open here, nobody's pipe ends
        other.close()
    zygote.leave()
    most = examiner.limits.worker_memory
    resource.setrlimit(resource.RLIMIT_AS, (most, resource.getrlimit(resource.RLIMIT_AS)[1]))
    gc.disable()  # between submissions it is collected
    gc.freeze()  # what is loaded stays: no collection need look at it
    with suppress(BrokenPipeError, ConnectionResetError):  # nobody listens any more
        try:
            _serve(pipe, examiner, own)
        except AssignmentError as error:
            pipe.send(("failed", str(error)))


def _serve(pipe: Connection, examiner: Examiner, own: Zygote) -> None:
    """Examine what is asked for until the caller hangs up. Raises AssignmentError."""
    examiner.sandbox.use(own)
    examiner.doing = lambda what: pipe.send(("doing", what))
    with examiner:
        while True:
            try:
                _, submission = pipe.recv()
            except EOFError:
                return
            pipe.send(("doing", "reading the file"))
            pipe.send(("done", _examined(examiner, submission)))
            gc.collect()  # a homework's classes and a student's errors hold on to large arrays in circles
            gc.freeze()


def _examined(examiner: Examiner, submission: Path | bytes) -> Examined | Lost:
    try:
        return examiner.examine(submission) if isinstance(submission, bytes) else examiner.examine_file(submission)
    except AssignmentError:
        raise
    except MemoryError:
        return Lost("memory", f"examining it took more than {examiner.limits.worker_memory >> 20} MiB")
    except GivenError as error:
        return Lost("crashed", str(error)[:300])
    except Exception as error:  # a submission must not stop the class, whatever fault of ours it finds
        return Lost("crashed", f"a fault of this program: {type(error).__name__}: {error}"[:300])


class Dispatcher:
    """A context manager; add tasks early (they are begun while the caller is busy), then ask for results.

    watch: told from time to time who has been under examination for long, "" when nobody has.
    """

    def __init__(self, examiner: Examiner, watch: Callable[[str], None] | None = None) -> None:
        self._examiner = examiner
        self._watch = watch or (lambda who: None)
        self._seconds = examiner.limits.submission_seconds
        self.left_out: list[str] = []  # machines that are not fit to examine, and why

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: Any) -> None:
        raise NotImplementedError

    def add(self, tasks: Iterable[Task]) -> None:
        """Have these examined too; they are begun at once."""
        raise NotImplementedError

    def results(self) -> Iterator[tuple[str, Examined]]:
        """Yield (key, what was found) of every task in the order they finish. Raises AssignmentError."""
        raise NotImplementedError

    def _tell_slowest(self, busy: Iterable[tuple[float, str]]) -> None:
        """Say who has been under examination for longest; busy: seconds and key of each that is."""
        seconds, key = max(busy, default=(0.0, ""))
        self._watch(key if seconds > LONG else "")

    def _found(self, submission: Path | bytes, content: Examined | Lost) -> Examined:
        if isinstance(content, Examined):
            return content
        data = submission if isinstance(submission, bytes) else self._examiner.read(submission)[0]
        return self._examiner.unexamined(data, content.verdict, content.reason)


class Pool(Dispatcher):
    """Examining processes of this machine."""

    def __init__(
        self, jobs: int, examiner: Examiner, zygote: Zygote, watch: Callable[[str], None] | None = None
    ) -> None:
        super().__init__(examiner, watch)
        self._zygote = zygote
        self._waiting: deque[Task] = deque()
        self._held_up: set[str] = set()  # tasks whose worker stood still: once more, then it is a verdict
        self._workers: list[Worker] = []
        for _ in range(jobs):
            self._workers.append(Worker(examiner, zygote, self._workers))

    def __exit__(self, kind: type[BaseException] | None, *_: Any) -> None:
        for worker in self._workers:
            worker.pipe.close()  # all end at the same time
        for worker in self._workers:
            worker.stop(now=kind is not None)

    def results(self) -> Iterator[tuple[str, Examined]]:
        """As Dispatcher.results.

        A worker that dies, or is ended because its submission's time is up, is replaced, and the verdict says so. One
        that stood still for that time (a busy machine, a lock) has another try first.
        AssignmentError if the workers cannot start (no sandbox).
        """
        while busy := [worker for worker in self._workers if worker.tasks]:
            ready = wait([worker.pipe for worker in busy], LOOK)
            for worker in busy:
                if worker.pipe in ready:
                    yield from self._heard(worker)
                elif worker.busy() > self._seconds + GRACE:
                    yield from self._overdue(worker)
            self._tell_slowest((worker.busy(), worker.tasks[0][0]) for worker in self._workers if worker.tasks)

    def add(self, tasks: Iterable[Task]) -> None:
        """As Dispatcher.add."""
        self._waiting.extend(tasks)
        for _ in range(AHEAD):
            for worker in self._workers:
                self._feed(worker)

    def _feed(self, worker: Worker) -> None:
        """Give one its next task: ahead of its turn only while there is enough for all."""
        enough = AHEAD * len(self._workers) <= len(self._waiting) + len(worker.tasks)
        if self._waiting and (enough or not worker.tasks):
            worker.give(self._waiting.popleft())

    def _heard(self, worker: Worker) -> Iterator[tuple[str, Examined]]:
        """Take a worker's message; yield the result if it is one."""
        try:
            kind, content = worker.pipe.recv()
        except (EOFError, ConnectionResetError):
            yield self._replace(worker, Lost("crashed", DIED))
            return
        if kind == "failed":
            raise AssignmentError(content)
        if kind == "doing":
            worker.hear(content)
            return
        key, submission = worker.tasks.popleft()
        worker.begun = 0.0
        self._feed(worker)
        yield key, self._found(submission, content)

    def _overdue(self, worker: Worker) -> Iterator[tuple[str, Examined]]:
        """End a worker that is past its time; yield the verdict, unless it stood still and may try once more."""
        key, _ = worker.tasks[0]
        if worker.idle() and key not in self._held_up:
            self._held_up.add(key)
            self._restart(worker)
            return
        reason = f"examining it took longer than {self._seconds:g} s, the last while {worker.doing}"
        yield self._replace(worker, Lost("timeout", reason))

    def _replace(self, worker: Worker, lost: Lost) -> tuple[str, Examined]:
        """End a worker and start another; what stands for the result that it owes."""
        key, submission = worker.tasks.popleft()
        self._restart(worker)
        return key, self._found(submission, lost)

    def _restart(self, worker: Worker) -> None:
        """End a worker and start another, for the tasks that it has not answered."""
        worker.stop(now=True)
        others = [other for other in self._workers if other is not worker]
        self._waiting.extendleft(reversed(worker.tasks))
        fresh = Worker(self._examiner, self._zygote, others)
        self._workers[self._workers.index(worker)] = fresh
        self._feed(fresh)


def examine_all(
    tasks: Collection[Task],
    examiner: Examiner,
    zygote: Zygote,
    jobs: int | None = None,
    watch: Callable[[str], None] | None = None,
) -> Iterator[tuple[str, Examined]]:
    """Have all these examined, by so many processes (one a core) but no more than there are tasks; as Pool.results."""
    with Pool(min(jobs or os.cpu_count() or 1, len(tasks)), examiner, zygote, watch) as pool:
        pool.add(tasks)
        yield from pool.results()
