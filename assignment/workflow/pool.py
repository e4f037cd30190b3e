"""Several examiners at work at once: one process each with a warm sandbox of its own, results as they come."""

from __future__ import annotations

import gc
import multiprocessing
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from assignment.errors import AssignmentError
from assignment.grading.examiner import Examined, Examiner
from assignment.sandbox import heap
from assignment.sandbox.zygote import Warm

Task = tuple[str, Path]  # a key of the caller's, and the submission's file
AHEAD = 3  # tasks given to one process at a time, so that it goes on while the caller is busy


class Worker:
    """One examining process, with a twin of the warm process; it dies with its pipe."""

    def __init__(self, make: Callable[[], Examiner], warm: Warm, others: Iterable[Worker]) -> None:
        # fork: the worker needs nothing that is not loaded already, and the sandbox itself starts from a fresh exec
        context = multiprocessing.get_context("fork")
        self.pipe, theirs = context.Pipe()
        twin = warm.twin()
        ours = [self.pipe, *(worker.pipe for worker in others)]
        self.process = context.Process(target=_work, args=(theirs, ours, make, warm, twin), daemon=True)
        self.process.start()
        theirs.close()
        twin.leave()
        self.tasks: deque[Task] = deque()  # given, and not answered yet

    def give(self, task: Task) -> None:
        self.tasks.append(task)
        with suppress(BrokenPipeError, ConnectionResetError):  # it could not start: what it said is in the pipe
            self.pipe.send(task)

    def stop(self) -> None:
        self.pipe.close()
        self.process.join(timeout=5)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()


def _work(pipe: Connection, others: list[Connection], make: Callable[[], Examiner], warm: Warm, twin: Warm) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle: it closes the pipe
    for other in others:  # while they are open here, nobody's pipe ends
        other.close()
    warm.leave()
    heap.prepare()
    gc.disable()  # between submissions it is collected
    gc.freeze()  # what is loaded stays: no collection need look at it
    with suppress(BrokenPipeError, ConnectionResetError):  # nobody listens any more
        try:
            _serve(pipe, make(), twin)
        except AssignmentError as error:
            pipe.send((None, str(error)))


def _serve(pipe: Connection, examiner: Examiner, twin: Warm) -> None:
    """Examine what is asked for until the caller hangs up. Raises AssignmentError."""
    examiner.sandbox.use(twin)
    with examiner:
        while True:
            try:
                key, path = pipe.recv()
            except EOFError:
                return
            pipe.send((key, examiner.examine_file(path)))
            gc.collect()  # a homework's classes and a student's errors hold on to large arrays in circles
            gc.freeze()


class Pool:
    """A context manager: add tasks early (they are begun while the caller is busy), then ask for results."""

    def __init__(self, jobs: int, make: Callable[[], Examiner], warm: Warm) -> None:
        self._make = make
        self._warm = warm
        self._workers: list[Worker] = []
        for _ in range(jobs):
            self._workers.append(Worker(make, warm, self._workers))
        self._waiting: deque[Task] = deque()

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, *_: Any) -> None:
        for worker in self._workers:
            worker.pipe.close()  # all end at the same time
        for worker in self._workers:
            worker.stop()

    def add(self, tasks: Iterable[Task]) -> None:
        """Have these examined too; the workers begin at once."""
        self._waiting.extend(tasks)
        for _ in range(AHEAD):
            for worker in self._workers:
                self._feed(worker)

    def results(self) -> Iterator[tuple[str, Examined | None]]:
        """Yield (key, result) of every task in the order they finish.

        A process that dies under a submission is replaced, and None stands for that result.
        Raises AssignmentError if the examiners cannot start (no sandbox).
        """
        while busy := [worker for worker in self._workers if worker.tasks]:
            for ready in wait([worker.pipe for worker in busy]):
                index = next(i for i, worker in enumerate(self._workers) if worker.pipe is ready)
                yield self._collect(index)
                self._feed(self._workers[index])

    def _feed(self, worker: Worker) -> None:
        """Give a worker its next task: ahead of its turn only while there is enough for all."""
        if self._waiting and (not worker.tasks or AHEAD * len(self._workers) <= len(self._waiting) + len(worker.tasks)):
            worker.give(self._waiting.popleft())

    def _collect(self, index: int) -> tuple[str, Examined | None]:
        worker = self._workers[index]
        key, _ = worker.tasks.popleft()
        try:
            answer, examined = worker.pipe.recv()
        except (EOFError, ConnectionResetError):
            worker.stop()
            others = [other for other in self._workers if other is not worker]
            self._workers[index] = Worker(self._make, self._warm, others)
            self._waiting.extendleft(reversed(worker.tasks))  # it had not begun them
            return key, None
        if answer is None:
            raise AssignmentError(examined)
        return key, examined
