"""The zygote, a process that has NumPy and IPython loaded, and the sandboxes that are forked from it.

Its life: `Zygote.start` runs bubblewrap around a fresh interpreter (sandbox.inside.zygote), while the command goes on
loading its own modules. Every worker gets a zygote of its own by `split`: a fork of the first, which costs
milliseconds where a start costs half a second. `Sandbox.open` asks it for a fork, which confines itself, says whether
that worked, and serves one Session. When the session is closed the fork is killed and its report fetched. A zygote that
dies is replaced by a fresh one; when its worker dies it sees its control socket close, and ends with all its forks.
Below that stands the command that starts it: bubblewrap around the interpreter, as an ordinary user in any case.
"""

from __future__ import annotations

import csv
import grp
import json
import os
import pwd
import re
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import sysconfig
import tempfile
import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from itertools import count
from pathlib import Path
from typing import IO

from packaging.requirements import Requirement

from assignment.errors import AssignmentError
from assignment.sandbox import DEFENCES, ONE_THREAD, Limits
from assignment.sandbox.channel import Channel, Ended
from assignment.sandbox.protocol import Message
from assignment.sandbox.session import Report, Session

ANSWER_SECONDS = 20.0  # the zygote answers in milliseconds, and frees a killed fork's memory before it does
START_SECONDS = 60.0  # importing NumPy and IPython from a cold disk
END_SECONDS = 2.0  # to end by itself, when nobody listens to it any more
MESSAGE = 1 << 16
CREDENTIALS = struct.Struct("3i")  # process, user, group
REMEDY = (
    "user namespaces are needed: as root, `sysctl -w kernel.apparmor_restrict_unprivileged_userns=0` (Ubuntu) or "
    "`sysctl -w kernel.unprivileged_userns_clone=1` (Debian); a container must be started with --cap-add SYS_ADMIN and "
    "--security-opt seccomp=unconfined, apparmor=unconfined, systempaths=unconfined; "
    "or type --no-sandbox to go on without"
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
        deadline = time.monotonic() + self.limits.submission_seconds if deadline is None else deadline
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


@dataclass(eq=False)
class Zygote:
    """One zygote, as long as it lives; a context manager. Made by start() and split()."""

    _control: socket.socket
    _errors: IO[bytes]  # what it says on stderr
    contain: bool
    off: frozenset[str]
    _process: subprocess.Popen[bytes] | None = None  # None of one that was split off
    _belongings: ExitStack = field(default_factory=ExitStack)  # what is closed when it has ended
    _handle: int | None = None  # of the process itself, known when it is ready

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
                command, free = free_command(theirs.fileno(), Path(folder))
                environment |= free
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
        return not _readable(self._control, 0.0)  # it says nothing that it was not asked

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
        if not _readable(self._control, seconds):
            return {}
        try:
            data, about, _, _ = self._control.recvmsg(MESSAGE, socket.CMSG_SPACE(CREDENTIALS.size))
            if not data:
                return {}
            if self._handle is None:  # it says that it is ready: take hold of the process
                handle = os.pidfd_open(CREDENTIALS.unpack(about[0][2])[0])
                if _readable(self._control, 0.0):  # it can only have hung up since, and its number may be another's
                    os.close(handle)
                    return {}
                self._handle = handle
        except OSError:
            return {}
        return dict(json.loads(data))

    def close(self) -> None:
        """End the process and everything that it started."""
        self._control.close()
        if self._process is not None:
            try:
                self._process.wait(END_SECONDS)
            except subprocess.TimeoutExpired:
                self.kill()
                self._process.wait()
            self._process = None
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None
        self._belongings.close()

    def kill(self) -> None:
        """End the process, and all that stands between it and this one; its forks die with it."""
        with suppress(ProcessLookupError):
            if self._process is not None:
                os.killpg(self._process.pid, signal.SIGKILL)
            elif self._handle is not None:
                signal.pidfd_send_signal(self._handle, signal.SIGKILL)


def _readable(descriptor: socket.socket, seconds: float) -> bool:
    """Wait until there is a message or the end of all messages; whether there is."""
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(seconds * 1000))


def _control() -> tuple[socket.socket, socket.socket]:
    """Both ends of a control channel; at ours every message says which process sent it."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
    return ours, theirs


# --- the command that starts it --------------------------------------------------------------------------------------

UNUSED = range(60600, 61184)  # user ids that systemd, Debian and containers leave to nobody
INSIDE = "1000"  # the user id that student code sees, the same for everybody
ENVIRONMENT = {
    "HOME": "/tmp",
    "IPYTHONDIR": "/tmp/.ipython",
    "LANG": "C.UTF-8",
    "LC_ALL": "C.UTF-8",
    "MALLOC_ARENA_MAX": "2",  # glibc would reserve 64 MiB of the address space for each thread
    "MALLOC_MMAP_THRESHOLD_": str(1 << 26),  # large arrays come and go: keep their memory, pages are dear
    "MALLOC_TRIM_THRESHOLD_": str(1 << 27),
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONHASHSEED": "0",
    "PYTHONUTF8": "1",
    "TERM": "dumb",
    "TZ": "UTC",
} | ONE_THREAD
PYTHON, PACKAGES, GUEST = Path("/python"), Path("/packages"), Path("/guest")  # the same on every machine
VERSION = f"python{sys.version_info.major}.{sys.version_info.minor}"
INTERPRETER = PYTHON / "bin" / VERSION
DEVICES = ("null", "zero", "full", "random", "urandom")
ARGUMENTS = ["-S", "-s", "-P", "-m", "sandbox.inside.zygote"]


def contained_command(control: int, off: frozenset[str]) -> list[str]:
    """Start inside bubblewrap; `control` is the descriptor of the control socket. Raises AssignmentError."""
    bwrap, view = _tool("bwrap", "bubblewrap"), make_view()
    outer: list[str] = []
    if os.geteuid() == 0:
        # A root in a user namespace escapes process limits and cannot have a /proc of its own: become nobody in
        # particular first. The outer view is there because that user may not reach the interpreter by its real path.
        setpriv, user = _tool("setpriv", "util-linux"), str(_unused_user())
        tools = [part for tool in (bwrap, setpriv) for part in ("--ro-bind", tool, tool)]
        outer = [bwrap, *view.arguments(), *tools, "--bind", "/proc", "/proc", "--dir", "/tmp", *_host(off)]
        outer += ["--chdir", "/", "--", setpriv, f"--reuid={user}", f"--regid={user}", "--clear-groups"]
        outer += ["--inh-caps=-all"]
        view = replace(view, shown={target: target for target in view.shown.values()})
    environment = ENVIRONMENT | {"PYTHONPATH": f"{GUEST}:{PACKAGES}"}
    if view.libraries:
        environment["LD_LIBRARY_PATH"] = view.libraries
    command = [bwrap, "--unshare-all", "--die-with-parent", "--uid", INSIDE, "--gid", INSIDE, "--hostname", "sandbox"]
    command += ["--share-net"] if "network" in off else []
    command += [] if "environment" in off else ["--clearenv"]
    command += [part for name, value in environment.items() for part in ("--setenv", name, value)]
    command += [*view.arguments(), "--proc", "/proc", "--tmpfs", "/tmp", *_host(off)]
    command += ["--remount-ro", "/", "--chdir", "/"]
    return [*outer, *command, "--", str(INTERPRETER), *ARGUMENTS, str(control), "contain"]


def _host(off: frozenset[str]) -> list[str]:
    """With the view switched off, for tests: the host's other folders too, writable."""
    if "view" not in off:
        return []
    ours = {"proc", "dev", "sys", "usr", "lib", "lib64", "bin", "sbin", "python", "packages", "guest"}
    folders = [path for path in sorted(Path("/").iterdir()) if path.is_dir() and path.name not in ours]
    return [part for path in folders for part in ("--bind", str(path), str(path))]


def free_command(control: int, folder: Path) -> tuple[list[str], dict[str, str]]:
    """Start without containment, from copies of the guest's files in `folder`; command and environment."""
    for name, source in guest_files().items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
    path = os.pathsep.join([str(folder), *sorted({str(package.parent) for package in packages()})])
    environment = ENVIRONMENT | {"HOME": str(folder), "IPYTHONDIR": str(folder / ".ipython"), "PYTHONPATH": path}
    return [sys.executable, *ARGUMENTS, str(control), "free"], environment


def _tool(name: str, package: str) -> str:
    path = shutil.which(name, path="/usr/bin:/bin:/usr/sbin:/sbin:/usr/local/bin")
    if path is None:
        raise AssignmentError(
            f"{name}: not found, and without it student code cannot be contained; "
            f"install it (apt install {package}) or type --no-sandbox to go on without"
        )
    return str(Path(path).resolve())


def _unused_user() -> int:
    """A user id that belongs to nobody."""
    taken = {entry.pw_uid for entry in pwd.getpwall()} | {entry.gr_gid for entry in grp.getgrall()}
    return next(user for user in UNUSED if user not in taken)


@dataclass(frozen=True)
class View:
    """Files and folders to show, as source -> target, links as target -> what they point to, and folders to hide."""

    shown: dict[Path, Path]
    links: dict[Path, str]
    hidden: tuple[Path, ...]
    libraries: str  # for LD_LIBRARY_PATH

    def arguments(self) -> list[str]:
        """The view as bubblewrap's arguments."""
        made = [part for target, source in self.links.items() for part in ("--symlink", source, str(target))]
        parents = {parent for target in [*self.shown.values(), Path("/dev/null")] for parent in target.parents}
        for folder in sorted(parents - {Path("/")}):  # bubblewrap itself would make them for the owner only
            made += ["--perms", "0755", "--dir", str(folder)]
        for source, target in self.shown.items():
            made += ["--ro-bind", str(source), str(target)]
        for folder in self.hidden:
            made += ["--perms", "0555", "--tmpfs", str(folder), "--remount-ro", str(folder)]
        for device in DEVICES:
            made += ["--dev-bind", f"/dev/{device}", f"/dev/{device}"]
        return made


def make_view() -> View:
    """The view for the interpreter that runs now. Raises AssignmentError."""
    library = PYTHON / sys.platlibdir / VERSION
    stdlib = Path(sysconfig.get_path("stdlib")).resolve()
    interpreter = Path(getattr(sys, "_base_executable", sys.executable)).resolve()
    shown = {interpreter: INTERPRETER, stdlib: library}
    links: dict[Path, str] = {}
    hidden = [library / name for name in ("site-packages", "dist-packages") if (stdlib / name).is_dir()]
    triplet = sysconfig.get_config_var("MULTIARCH") or "none"
    # Where the dynamic loader finds system libraries on Debian and its like, or elsewhere.
    folders = [Path("/usr/lib", triplet), Path("/usr/lib64"), Path("/lib64"), Path("/lib")]
    if not folders[0].is_dir():
        folders[0] = Path("/usr/lib")
    elif not folders[-1].is_symlink():
        folders[-1] = Path("/lib", triplet)
    for folder in (folder for folder in folders if folder.is_dir()):
        if folder.is_symlink():
            links[folder] = str(folder.readlink())
        else:
            shown[folder] = folder
            hidden += [path for path in folder.glob("python*") if path.is_dir()]  # the system's own packages
    shown |= {path.resolve(): path for path in Path("/usr/lib").glob("ld-linux*")}
    own = Path(sys.base_prefix).resolve() / "lib"
    system = own == Path("/usr/lib")
    if not system:
        shown |= {path: PYTHON / "lib" / path.name for path in own.glob("*.so*") if path.is_file()}
    shown |= {path: PACKAGES / path.name for path in packages()}
    shown |= {path: GUEST / name for name, path in guest_files().items()}
    return View(shown, links, tuple(hidden), "" if system else str(PYTHON / "lib"))


def guest_files() -> dict[str, Path]:
    """The guest's modules by their place below its folder: separate files, so that nothing else comes along."""
    here = Path(__file__).resolve().parent
    files = [here / "protocol.py", *sorted((here / "inside").glob("*.py"))]
    return {f"sandbox/{path.relative_to(here)}": path for path in files}


def packages() -> list[Path]:
    """The folders and modules of NumPy, IPython, msgpack and what these need. Raises AssignmentError."""
    known: dict[str, Distribution] = {}
    waiting = ["numpy", "ipython", "msgpack"]
    while waiting:
        name = re.sub(r"[-_.]+", "-", waiting.pop()).lower()
        if name in known:
            continue
        try:
            known[name] = distribution(name)
        except PackageNotFoundError:
            raise AssignmentError(f"{name}: not installed, but the sandbox needs it; run make setup") from None
        needed = [Requirement(text) for text in known[name].requires or []]
        waiting += [part.name for part in needed if part.marker is None or part.marker.evaluate({"extra": ""})]
    found: dict[Path, None] = {}
    for part in known.values():
        record = part.read_text("RECORD")  # part.files would make an object of each of ten thousand
        if record is None:
            raise AssignmentError(f"{part.name}: its list of files is missing; install it with pip (make setup)")
        tops = {row[0].partition("/")[0] for row in csv.reader(record.splitlines())}
        for top in sorted(tops - {"..", "__pycache__"}):
            found[Path(str(part.locate_file(top))).resolve()] = None
    return list(found)
