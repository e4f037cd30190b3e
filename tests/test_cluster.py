"""The same class here and by a Dask cluster; workers that die or are not fit, and a scheduler that dies.

Whatever has a Dask client has threads, so it runs in a process of its own: others fork.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from typing import Any

import pytest

from assignment.course import Course
from assignment.errors import AssignmentError
from assignment.marking import earlier
from assignment.plugins import examiner_for
from assignment.workflow import cluster
from assignment.workflow.cluster import Host
from assignment.workflow.grade import grade
from tests import ROOT
from tests.support import tiny
from tests.test_docs import commands
from tests.test_grade import scores

pytestmark = pytest.mark.slow
SIZE = 8
Progress = Callable[[int, int, str], None]


def apart(function: Callable[[], Any]) -> Any:
    """Return what a function returns in a process of its own, or its AssignmentError as text."""
    ours, theirs = multiprocessing.Pipe()

    def run() -> None:
        try:
            theirs.send(function())
        except AssignmentError as error:
            theirs.send(f"{error}\n{error.details}")

    process = multiprocessing.get_context("fork").Process(target=run)
    process.start()
    theirs.close()
    assert ours.poll(120)
    answer = ours.recv()
    process.join()
    return answer


def graded(course: Course, on: str, progress: Progress | None = None) -> Any:
    """Grade on a cluster -> who was left out, or the error."""
    return apart(lambda: grade(course, "tiny", on=on, progress=progress).left_out)


def everything(course: Course) -> dict[str, Any]:
    """The gradebook, number by number, and every result, without the time it took."""
    results = {student: earlier(course, "tiny", student) for student in course.students("tiny")}
    kept = {student: result.as_dict() | {"seconds": 0} for student, result in results.items() if result}
    return {"gradebook": scores(course), "results": kept}


@pytest.fixture(scope="module")
def handed_in(tmp_path_factory: pytest.TempPathFactory) -> Course:
    """A class that nobody has graded; tests take copies."""
    course = tiny.klass(tmp_path_factory.mktemp("cluster") / "course", SIZE)
    for student in ("7", "8"):  # what is handed out last takes longest, so that both kills of workers hit
        notebook = course.submitted(student, "tiny")
        notebook.write_text(notebook.read_text().replace("two = 2", "two = 2 + 0 * sum(range(5_000_000))"))
    return course


def kill_workers(at: set[int]) -> Progress:
    """Kill one of the worker processes that this process has started, whenever so many submissions are graded."""

    def step(done: int, total: int, who: str) -> None:
        if done in at and not who:
            at.discard(done)
            worker = next(child for child in multiprocessing.active_children() if child.pid)
            os.kill(worker.pid or 0, signal.SIGKILL)

    return step


def test_any_number_of_processes_anywhere_gives_the_same_gradebook(handed_in: Course, tmp_path: Path) -> None:
    alone, *others = (tiny.copy_of(handed_in, tmp_path / name) for name in ("alone", "two", "cluster"))
    grade(alone, "tiny", jobs=1)
    assert len(scores(alone)) == 2 * SIZE
    grade(others[0], "tiny", jobs=2)
    with socket.socket() as another_cluster:
        with suppress(OSError):  # somebody has that port already
            another_cluster.bind(("", 8787))
            another_cluster.listen()
        assert graded(others[1], "local:2", kill_workers({2, 6})) == []
    assert everything(others[0]) == everything(others[1]) == everything(alone)


def test_what_examines_keeps_its_memory_whatever_dask_sets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MALLOC_TRIM_THRESHOLD_", "65536")  # as Dask does for its workers
    with closing(Host(examiner_for(Course(ROOT), "rnn"))) as host:
        environment = Path(f"/proc/{host._process.pid}/environ").read_bytes()
    assert b"PATH=" in environment
    assert b"MALLOC_" not in environment


@pytest.fixture
def dask(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Start a program of Dask's as on a machine of its own: its words, and what is other in its environment."""
    with ExitStack() as stack:

        def start(*words: str, **environment: str) -> subprocess.Popen[bytes]:
            command = [str(Path(sys.executable).with_name("dask")), *words, *tls_words(tmp_path)]
            log = stack.enter_context((tmp_path / "log").open("ab"))
            process = subprocess.Popen(command, cwd=tmp_path, env=os.environ | environment, stdout=log, stderr=log)
            stack.callback(process.wait)
            stack.callback(process.kill)
            return process

        yield start


def tls_words(folder: Path) -> list[str]:
    """What names key and certificate to a program of Dask's."""
    key, certificate = folder / "key.pem", folder / "cert.pem"
    if not certificate.exists():
        subject = ["-subj", "/CN=cluster", "-days", "2"]
        new = [
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-keyout",
            str(key),
            "-out",
            str(certificate),
        ]
        subprocess.run([*new, *subject], check=True, capture_output=True)
    return ["--tls-ca-file", str(certificate), "--tls-cert", str(certificate), "--tls-key", str(key)]


@pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl to make a certificate with")
def test_a_cluster_by_hand(
    dask: Callable[..., subprocess.Popen[bytes]], handed_in: Course, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Scheduler and workers are programs of their own that speak TLS; one worker has another nbgrader."""
    klass, alone, broken = (tiny.copy_of(handed_in, tmp_path / name) for name in ("klass", "alone", "broken"))
    grade(alone, "tiny", jobs=2)
    (tmp_path / "other" / "nbgrader-0.1.dist-info").mkdir(parents=True)
    (tmp_path / "other" / "nbgrader-0.1.dist-info" / "METADATA").write_text("Name: nbgrader\nVersion: 0.1\n")
    at = ["--scheduler-file", str(tmp_path / "scheduler.json")]
    _, scheduler_words, worker_words, grade_words = (command.split() for command in commands("docs/cluster.md"))
    assert [scheduler_words[:2], worker_words[:2]] == [["dask", "scheduler"], ["dask", "worker"]]
    assert grade_words[:3] == ["assignment", "grade", "--on"] and worker_words[2] == grade_words[3]  # the address
    scheduler = dask(*scheduler_words[1:], *at, "--protocol", "tls", "--port", "0", "--no-dashboard")
    dask("worker", *at, *worker_words[3:], "--no-dashboard")  # two of them
    dask("worker", *at, "--no-dashboard", PYTHONPATH=str(tmp_path / "other"))
    for name, file in {"CA_FILE": "cert.pem", "CLIENT__CERT": "cert.pem", "CLIENT__KEY": "key.pem"}.items():
        monkeypatch.setenv(f"DASK_DISTRIBUTED__COMM__TLS__{name}", str(tmp_path / file))
    address = apart(lambda: address_of(tmp_path / "scheduler.json", workers=3))
    assert address.startswith("tls://")
    [left_out] = graded(klass, address)
    assert left_out.startswith("tls://") and "nbgrader 0.1 there, 0.9.6 here" in left_out
    assert everything(klass) == everything(alone)

    def kill_scheduler(done: int, total: int, who: str) -> None:
        if done == 3 and not who:
            assert not logging.getLogger("distributed.client").isEnabledFor(logging.ERROR)  # of it all TAs get one line
            os.kill(scheduler.pid, signal.SIGKILL)  # Popen.kill() is for its parent

    assert "the scheduler is gone; what was finished is kept" in graded(broken, address, kill_scheduler)
    assert 3 <= len(list(broken.root.glob("autograded/*/tiny/tiny.ipynb"))) < SIZE
    grade(broken, "tiny", jobs=2)
    assert everything(broken) == everything(alone)


def address_of(file: Path, workers: int) -> str:
    """Return the address of a scheduler when so many workers have come to it."""
    from distributed import Client

    while not file.exists():
        time.sleep(0.1)
    with Client(scheduler_file=str(file)) as client:
        client.wait_for_workers(workers, timeout=60)
        return str(client.scheduler.address)


@pytest.mark.parametrize(
    ("address", "complaint"),
    [
        ("tcp://127.0.0.1:9", "--on tcp://127.0.0.1:9"),
        ("nonsense://x", "--on nonsense://x"),
        ("local:0", "--on local:0"),
    ],
)
def test_an_address_where_nobody_answers(
    address: str, complaint: str, handed_in: Course, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "CONNECT", 1.0)
    assert complaint in graded(handed_in, address)
