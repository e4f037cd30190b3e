"""Containment: what student code tries against the machine fails, and would work without the defence that stops it.

An attack is a cell that defines `attack(*facts)` and returns whether it succeeded. Each is run twice: in the sandbox as
it is, and in one whose defences against it are switched off, where it must succeed - or the first run proves nothing.
"""

from __future__ import annotations

import errno
import functools
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from assignment.errors import AssignmentError
from assignment.grading.examiner import Examiner
from assignment.sandbox import DEFENCES, MIB, Limits
from assignment.sandbox import zygote as launch
from assignment.sandbox.channel import Ended
from assignment.sandbox.session import Session
from assignment.sandbox.zygote import Sandbox, Zygote
from assignment.workflow.pool import Pool
from tests import ROOT

LIMITS = Limits(
    memory=768 * MIB,
    cpu_seconds=1,
    processes=12,
    open_files=32,
    file_size=MIB,
    tmp_size=3 * MIB,
    cell_seconds=20,
    call_seconds=20,
)
PRELUDE = """
import ctypes, os, socket, threading, time
import numpy as np
LIBC = ctypes.CDLL(None, use_errno=True)

def works(function, *arguments):
    try:
        function(*arguments)
    except Exception:
        return False
    return True
"""

# name -> (defences that stop it, code); `secret` is a file of the host's, `port` a server on the host's loopback
ATTACKS = {
    "read a file of the host": ({"view"}, "def attack(secret, port): return works(open, secret)"),
    "list the host's folders": ({"view"}, "def attack(secret, port): return 'var' in os.listdir('/')"),
    "write on the host": ({"view"}, "def attack(secret, port): return works(open, secret + '.student', 'w')"),
    "read the environment": ({"environment"}, "def attack(secret, port): return 'EXAMINER_TOKEN' in os.environ"),
    "connect to a server": (
        {"network"},
        "def attack(secret, port): return works(socket.create_connection, ('127.0.0.1', port), 2)",
    ),
    "reach a host over vsock": (
        {"seccomp"},
        "def attack(secret, port): return works(socket.socket, socket.AF_VSOCK, socket.SOCK_STREAM)",
    ),
    "signal the zygote process": (
        {"pid"},
        "def attack(secret, port): return os.getppid() > 0 and works(os.kill, os.getppid(), 0)",
    ),
    "look at processes": (
        {"mount", "pid"},
        "def attack(secret, port): return any(name.isdigit() for name in os.listdir('/proc'))",
    ),
    "learn the host's folder names": (
        {"mount"},
        "def attack(secret, port): return works(open, '/proc/self/mountinfo')",
    ),
    "use inherited descriptors": (
        {"descriptors"},
        "def attack(secret, port): return sum(works(os.fstat, number) for number in range(3, 64)) > 1",
    ),
    "run another process": ({"seccomp"}, "def attack(secret, port): return works(lambda: os.fork() or os._exit(0))"),
    "execute a program": (
        {"seccomp"},
        """
def attack(secret, port):
    import subprocess, sys
    return works(subprocess.run, [f'/python/bin/python3.{sys.version_info.minor}', '-V'])
""",
    ),
    "many threads": (
        {"processes"},
        """
def attack(secret, port):
    threading.stack_size(1 << 16)
    stop, threads = threading.Event(), [threading.Thread(target=lambda: stop.wait(20)) for _ in range(24)]
    started = sum(works(thread.start) for thread in threads)
    stop.set()
    return started == 24
""",
    ),
    "many processes": (
        {"seccomp", "processes"},
        """
def attack(secret, port):
    import signal
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    started = 0
    for _ in range(40):
        try:
            pid = os.fork()
        except OSError:
            break
        if not pid:
            time.sleep(20)
            os._exit(0)
        started += 1
    return started >= 20
""",
    ),
    "much memory": ({"memory"}, "def attack(secret, port): return works(bytes, 2 << 30)"),
    "memory in a file without a name": (
        {"seccomp"},
        "def attack(secret, port): return works(os.memfd_create, 'bomb')",
    ),
    "a large file": (
        {"file_size"},
        "def attack(secret, port): return works(open('/tmp/large', 'wb', 0).truncate, 2 << 20)",
    ),
    "many files": (
        {"mount"},
        """
def attack(secret, port):
    for number in range(8):
        with open(f'/tmp/{number}', 'wb') as file:
            if not works(lambda: (file.write(bytes(1 << 19)), file.flush())):
                return False
    return True
""",
    ),
    "many open files": (
        {"files"},
        "def attack(secret, port):\n    global kept\n    kept = []\n"
        "    return all(works(lambda: kept.append(open('/dev/null'))) for _ in range(64))",
    ),
    "own user namespace": (
        {"seccomp", "namespaces"},
        "def attack(secret, port): return LIBC.unshare(0x10000000) == 0",
    ),
    "a mount": (
        {"seccomp", "capabilities"},
        "def attack(secret, port): return LIBC.mount(b'tmpfs', b'/tmp', b'tmpfs', 0, None) == 0",
    ),
    "taking the covers off": (
        {"seccomp", "capabilities"},
        "def attack(secret, port): return LIBC.umount2(b'/proc', 2) == 0 and bool(os.listdir('/proc'))",
    ),
    "tracing a process": ({"seccomp"}, "def attack(secret, port): return LIBC.ptrace(0, 0, 0, 0) == 0"),
    "a user's keys": ({"seccomp"}, "def attack(secret, port): return LIBC.syscall(250, 0, -3, 1) >= 0"),
    "shared memory across submissions": (
        {"seccomp", "ipc"},
        """
def attack(secret, port):
    LIBC.shmget.restype = ctypes.c_int
    found = LIBC.shmget(42, 4096, 0) >= 0
    LIBC.shmget(42, 4096, 0o1666)
    return found
""",
    ),
    # Two forks share the files that they were started from, and with these one could signal another through them.
    "a lock on a shared file": (
        {"seccomp"},
        "def attack(secret, port):\n    import fcntl\n    return works(fcntl.flock, open(np.__file__), fcntl.LOCK_SH)",
    ),
    "a lock on a part of a shared file": (
        {"seccomp"},
        "def attack(secret, port):\n    import fcntl\n    return works(fcntl.lockf, open(np.__file__), fcntl.LOCK_SH)",
    ),
    "a notice of changes in a shared folder": (
        {"seccomp"},
        """
def attack(secret, port):
    import fcntl
    folder = os.open(os.path.dirname(np.__file__), os.O_RDONLY)
    return works(fcntl.fcntl, folder, fcntl.F_NOTIFY, fcntl.DN_ACCESS)
""",
    ),
    "watching shared files": ({"seccomp"}, "def attack(secret, port): return LIBC.inotify_init() >= 0"),
    "dropping a shared file from the page cache": (
        {"seccomp"},
        "def attack(secret, port): return works(os.posix_fadvise, os.open(np.__file__, os.O_RDONLY), 0, 0, 4)",
    ),
    "asking what the page cache holds": (
        {"seccomp"},
        "def attack(secret, port):\n"
        "    return works(os.preadv, os.open(np.__file__, os.O_RDONLY), [bytearray(8)], 0, os.RWF_NOWAIT)",
    ),
    "memory shared through a file": (
        {"seccomp"},
        """
def attack(secret, port):
    import mmap
    return works(mmap.mmap, os.open(np.__file__, os.O_RDONLY), 0, mmap.MAP_SHARED, mmap.PROT_READ)
""",
    ),
    "a note for the next submission": (
        {"mount"},
        """
def attack(secret, port):
    found = os.path.exists('/tmp/note')
    open('/tmp/note', 'w').close()
    return found
""",
    ),
}


@pytest.fixture(scope="module")
def facts() -> Iterator[tuple[str, int]]:
    """A file on the host that anybody may read, beside which anybody may write, and the port of a server."""
    folder = Path(tempfile.mkdtemp(dir="/var/tmp"))
    folder.chmod(0o777)
    secret = folder / "secret"
    secret.write_text("marks")
    secret.chmod(0o644)
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield str(secret), server.getsockname()[1]
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def sandboxes() -> Iterator[Callable[[frozenset[str]], Sandbox]]:
    """Sandboxes by the defences that are switched off, each started once."""
    with ExitStack() as stack:
        stack.enter_context(pytest.MonkeyPatch.context()).setenv("EXAMINER_TOKEN", "secret")
        yield cache(lambda off: stack.enter_context(Sandbox(LIMITS, off=off)))


@pytest.fixture(scope="module")
def sandbox(sandboxes: Callable[[frozenset[str]], Sandbox]) -> Sandbox:
    """A sandbox with every defence up."""
    return sandboxes(frozenset())


def succeeds(sandbox: Sandbox, code: str, facts: tuple[str, int]) -> Any:
    """Whether an attack succeeds; it is made twice, so that what the first leaves behind can help the second."""
    for _ in range(2):
        with sandbox.open() as session:
            assert session.run_cell(PRELUDE).ok
            assert session.run_cell(code).ok
            result = session.call("attack", facts, {})
    return result


@pytest.mark.parametrize("name", ATTACKS)
def test_attack_fails(name: str, sandbox: Sandbox, facts: tuple[str, int]) -> None:
    assert succeeds(sandbox, ATTACKS[name][1], facts) is False


@pytest.mark.slow
@pytest.mark.parametrize("name", ATTACKS)
def test_attack_would_succeed(
    name: str, sandboxes: Callable[[frozenset[str]], Sandbox], facts: tuple[str, int]
) -> None:
    off, code = ATTACKS[name]
    assert succeeds(sandboxes(frozenset(off)), code, facts) is True


def test_a_system_call_that_is_newer_than_the_filter_does_not_exist(sandbox: Sandbox) -> None:
    code = "def errors(): return [LIBC.syscall(n, 0, 0, 0, 0) and ctypes.get_errno() for n in (451, 457, 462, 900)]"
    with sandbox.open() as session:
        assert session.run_cell(PRELUDE).ok and session.run_cell(code).ok
        assert session.call("errors", (), {}) == (errno.ENOSYS,) * 4


def test_defences_that_no_attack_above_needs() -> None:
    """The others have tests of their own below, or stand behind these: core dumps, locked memory, queues, the stack."""
    tried = set[str]().union(*(off for off, _ in ATTACKS.values()))
    assert tried - DEFENCES == set()
    assert DEFENCES - tried == {"user", "uts", "privileges", "cpu", "oom", "core", "locked", "queues", "stack"}


def evaluate(session: Session, expression: str) -> Any:
    """The value of an expression inside."""
    assert session.run_cell(f"import os, socket, ctypes\ndef evaluate(): return {expression}").ok
    return session.call("evaluate", (), {})


def test_what_can_be_seen(sandbox: Sandbox) -> None:
    with sandbox.open() as session:
        evaluate_here = functools.partial(evaluate, session)
        folders = set(evaluate_here("' '.join(os.listdir('/'))").split())
        assert folders <= {"dev", "guest", "lib", "lib64", "packages", "proc", "python", "tmp", "usr"}
        assert evaluate_here("' '.join(os.listdir('/proc') + os.listdir('/tmp'))") == ""
        assert evaluate_here("' '.join(sorted(os.listdir('/dev')))") == "full null random urandom zero"
        assert evaluate_here("' '.join(sorted(os.listdir('/guest/sandbox')))") == "inside protocol.py"
        assert evaluate_here("socket.gethostname()") == "sandbox"
        assert evaluate_here("ctypes.CDLL(None).prctl(39, 0, 0, 0, 0)") == 1  # PR_GET_NO_NEW_PRIVS
        names = {name for name in evaluate_here("' '.join(os.environ)").split() if not name.endswith("_NUM_THREADS")}
        assert names <= {*launch.ENVIRONMENT, "PYTHONPATH", "LD_LIBRARY_PATH", "PWD"}


def test_nothing_can_be_written_but_tmp(sandbox: Sandbox) -> None:
    code = """
def attack():
    written = []
    for folder, folders, files in os.walk('/'):
        if folder != '/tmp' and works(lambda: open(folder + '/x', 'w')):
            written.append(folder)
        for name in files[:3]:
            if folder != '/dev' and works(lambda: open(folder + '/' + name, 'a')):
                written.append(folder + '/' + name)
    return ' '.join(written), works(lambda: open('/tmp/x', 'w')), works(lambda: open('x', 'w'))
"""
    with sandbox.open() as session:
        session.run_cell(PRELUDE)
        session.run_cell(code)
        assert session.call("attack", (), {}) == ("", True, True)


@pytest.mark.parametrize(
    "package", ["assignment", "nbgrader", "scipy", "torch", "pip", "setuptools", "matplotlib", "requests"]
)
def test_other_packages_do_not_exist(package: str, sandbox: Sandbox) -> None:
    with sandbox.open() as session:
        (*_, error) = session.run_cell(f"import {package}").outputs
        assert error["ename"] == "ModuleNotFoundError"


def test_signals_to_everybody_reach_nobody(sandbox: Sandbox) -> None:
    with sandbox.open() as bystander, sandbox.open() as session:
        session.run_cell("import os, signal")
        for signalled in ("os.kill(-1, signal.SIGKILL)", "os.killpg(0, signal.SIGTERM)", "os.kill(os.getppid(), 15)"):
            with suppress(Ended):
                session.run_cell(signalled)
        assert bystander.run_cell("1 + 1").ok


DAEMON = """
import os, time
for _ in range(3):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            while True:
                time.sleep(0.01)
        os._exit(0)
"""


def descendants(process: int) -> set[int]:
    """Every process below this one."""
    parents = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            parents[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
    found, waiting = set[int](), {process}
    while waiting:
        found |= waiting
        waiting = {child for child, parent in parents.items() if parent in waiting} - found
    return found - {process}


@pytest.mark.parametrize("contain", [True, False], ids=["contained", "without containment"])
def test_nothing_survives(contain: bool) -> None:
    with Sandbox(LIMITS, contain=contain, off=frozenset({"seccomp", "processes"})) as sandbox:
        before = descendants(os.getpid())
        session = sandbox.open()
        with suppress(Ended):  # the copies of the process all answer
            session.run_cell(DAEMON)
        grown = len(descendants(os.getpid()) - before)
        session.close()
        assert descendants(os.getpid()) == before
        assert grown > 1  # the daemons, beside the session itself


HOST = """
from assignment.sandbox.zygote import Sandbox
with Sandbox() as sandbox, sandbox.open() as session:
    print("ready", flush=True)
    session.run_cell("while True: pass")
"""


@pytest.mark.slow
def test_nothing_survives_an_examiner_that_is_killed() -> None:
    with subprocess.Popen([sys.executable, "-c", HOST], cwd=ROOT, stdout=subprocess.PIPE, text=True) as host:
        assert host.stdout is not None
        assert host.stdout.readline() == "ready\n"
        processes = descendants(host.pid)
        assert len(processes) >= 4  # bubblewrap, its init, the zygote process, the fork
        host.kill()
    patience = time.monotonic() + 10
    while any(Path(f"/proc/{process}").exists() for process in processes):
        assert time.monotonic() < patience
        time.sleep(0.05)


def test_a_dead_warm_process_is_replaced() -> None:
    with Sandbox(LIMITS) as fragile:
        session = fragile.open()
        assert fragile.zygote is not None
        fragile.zygote.kill()
        with pytest.raises(Ended, match="crashed"):
            session.run_cell("import time; time.sleep(15)")
        with fragile.open() as session:
            assert session.run_cell("1 + 1").ok


@pytest.mark.parametrize("contain", [True, False], ids=["contained", "without containment"])
def test_split_zygote_of_the_warm_process_live_and_die_by_themselves(contain: bool) -> None:
    before = descendants(os.getpid())
    with Zygote.start(contain) as zygote:
        one, other = Sandbox(LIMITS), Sandbox(LIMITS)
        for sandbox in (one, other):
            sandbox.use(zygote.split())
        with one, other, one.open() as dying, other.open() as living:
            assert one.zygote is not None
            one.zygote.kill()
            with pytest.raises(Ended, match="crashed"):
                dying.run_cell("import time; time.sleep(15)")
            assert living.run_cell("1 + 1").ok
            with one.open() as session:  # in a zygote process that it began itself
                assert session.run_cell("1 + 1").ok
    assert descendants(os.getpid()) == before


@pytest.mark.parametrize("contain", [True, False], ids=["contained", "without containment"])
def test_a_split_zygote_that_died_before_it_was_heard_is_replaced(contain: bool) -> None:
    with Zygote.start(contain) as zygote:
        split = zygote.split()
        assert launch._readable(split._control, 60)
        zygote.kill()
        time.sleep(0.2)
        sandbox = Sandbox(LIMITS)
        sandbox.use(split)
        with sandbox, sandbox.open() as session:
            assert session.run_cell("1 + 1").ok


def test_an_order_for_a_split_zygote_that_cannot_be_made_ends_nothing_else() -> None:
    with Zygote.start() as zygote:
        sandbox = Sandbox(LIMITS)
        sandbox.use(zygote.split())
        with sandbox, sandbox.open() as session:
            zygote._control.send(b'{"verb": "split"}')  # its descriptor was lost
            with zygote.split() as other:
                assert other.lives()
            assert session.run_cell("1 + 1").ok


def test_without_containment_split_zygote_have_folders_of_their_own() -> None:
    with Zygote.start(contain=False) as zygote:
        one, other = Sandbox(LIMITS), Sandbox(LIMITS)
        for sandbox in (one, other):
            sandbox.use(zygote.split())
        with one, other, one.open() as first, other.open() as second:
            first.run_cell("open('weights', 'w').close()")
            for place in (".", "~"):
                listing = f"import os\nos.listdir(os.path.expanduser('{place}'))"
                assert "weights" in first.run_cell(listing).outputs[0]["data"]["text/plain"]
                assert "weights" not in second.run_cell(listing).outputs[0]["data"]["text/plain"]


def test_without_containment_a_stopped_split_zygote_ends_with_the_rest() -> None:
    before = descendants(os.getpid())
    with Zygote.start(contain=False) as zygote:
        split = zygote.split()
        assert split.lives()
        assert split._handle is not None
        signal.pidfd_send_signal(split._handle, signal.SIGSTOP)
        found = descendants(os.getpid()) - before
        split.close()
    assert len(found) == 2
    patience = time.monotonic() + 10
    while any(Path(f"/proc/{process}").exists() for process in found):
        assert time.monotonic() < patience
        time.sleep(0.05)


def test_a_split_zygote_of_a_dead_process_is_replaced() -> None:
    with Zygote.start() as zygote:
        assert zygote.lives()
        zygote.kill()
        sandbox = Sandbox(LIMITS)
        sandbox.use(zygote.split())
        with sandbox, sandbox.open() as session:
            assert session.run_cell("1 + 1").ok


def test_a_process_whose_end_nobody_is_told_of_is_closed_like_any() -> None:
    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # as under a job runner that did not put it back
    try:
        with Zygote.start() as zygote:
            assert zygote.lives() and zygote._process is not None
            zygote.kill()
            patience = time.monotonic() + 10
            while Path(f"/proc/{zygote._process.pid}").exists():
                assert time.monotonic() < patience
                time.sleep(0.05)
    finally:
        signal.signal(signal.SIGCHLD, before)


def test_state_does_not_pass_from_one_submission_to_the_next(sandbox: Sandbox) -> None:
    with sandbox.open() as first:
        first.run_cell("import numpy as np\nnp.sum = None\nleft = 1\nimport builtins; builtins.left = 2")
    with sandbox.open() as second:
        assert second.run_cell("import numpy as np\nnp.sum([1])").ok
        assert second.run_cell("left").outputs[-1]["ename"] == "NameError"


def test_the_same_submission_gets_the_same_numbers(sandbox: Sandbox) -> None:
    code = "import numpy as np, random\nnp.random.randn(), random.random(), hash('x'), list({'a', 'b', 'c'}), In"
    texts = []
    for _ in range(2):
        with sandbox.open() as session:
            texts.append(session.run_cell(code).outputs)
    assert texts[0] == texts[1]


# --- without a sandbox there is no grading ----------------------------------------------------------------------------


def test_missing_bubblewrap_is_said_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)
    with pytest.raises(AssignmentError, match=r"bwrap: not found.*apt install bubblewrap.*--no-sandbox"):
        Sandbox().__enter__()


@pytest.mark.parametrize("script", ["echo 'bwrap: No permissions to create a new namespace' >&2; exit 1", "exit 0"])
def test_failing_bubblewrap_is_said_with_the_remedy(
    script: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = tmp_path / "bwrap"
    fake.write_text(f"#!/bin/sh\n{script}\n")
    fake.chmod(0o755)
    monkeypatch.setattr(launch, "_tool", lambda *_: str(fake))
    with pytest.raises(AssignmentError, match=r"did not start.*user namespaces are needed.*--no-sandbox"):
        Sandbox().__enter__()


def test_examiners_that_fail_one_after_another_are_one_error(
    examiner: Examiner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    fake = tmp_path / "bwrap"
    fake.write_text('#!/bin/sh\ncd "${0%/*}"\ntouch began-$$\nsleep 0.$(ls | grep -c began)\nexit 1\n')
    fake.chmod(0o755)
    monkeypatch.setattr(launch, "_tool", lambda *_: str(fake))

    fresh = Examiner(examiner.homework, examiner.releases)
    with (
        Zygote.start() as zygote,
        pytest.raises(AssignmentError, match="did not start"),
        Pool(3, fresh, zygote) as pool,
    ):
        pool.add((str(number), tmp_path) for number in range(3))
        list(pool.results())
    assert len(list(tmp_path.glob("began-*"))) == 4
    assert capfd.readouterr().err == ""


def test_a_fork_that_cannot_be_confined_is_an_error() -> None:
    with pytest.raises(AssignmentError, match="could not be closed off"), Sandbox(replace(LIMITS, tmp_size=-1)):
        raise AssertionError("a sandbox without a working /tmp was opened")


def test_an_unknown_defence_is_an_error() -> None:
    with pytest.raises(ValueError, match="no such defence: luck"):
        Sandbox(off=frozenset({"luck"}))


AS_ORDINARY_USER = """
import os
from assignment.sandbox.zygote import Sandbox
assert os.geteuid() != 0
with Sandbox() as sandbox, sandbox.open() as session:
    print(session.run_cell("import os\\nprint(os.getuid(), os.listdir('/proc'))").outputs[0]["text"])
"""


def test_works_as_an_ordinary_user() -> None:
    command = [sys.executable, "-B", "-c", AS_ORDINARY_USER]
    if os.geteuid() == 0:
        command = [*ordinary_user(), *command]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=120)
    assert done.stdout.strip() == "1000 []", done.stderr


def ordinary_user() -> list[str]:
    """As root: a command that runs another as an unused user, to whom interpreter and checkout are shown."""
    needed = {Path(sys.base_prefix), Path(sys.prefix), ROOT}
    closed = {folder for path in needed for folder in path.parents if not folder.stat().st_mode & stat.S_IXOTH}
    tops = {folder for folder in closed if not closed & set(folder.parents)}
    shown = [part for folder in sorted(tops) for part in ("--perms", "0755", "--tmpfs", str(folder))]
    for path in sorted(needed):
        if set(path.parents) & tops:
            parents = [folder for folder in reversed(path.parents) if set(folder.parents) & tops]
            shown += [part for folder in parents for part in ("--perms", "0755", "--dir", str(folder))]
            shown += ["--ro-bind", str(path), str(path)]
    user = str(launch._unused_user())
    bwrap = [shutil.which("bwrap") or "", "--dev-bind", "/", "/", *shown, "--", shutil.which("setpriv") or ""]
    return [*bwrap, f"--reuid={user}", f"--regid={user}", "--clear-groups"]
