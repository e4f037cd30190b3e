"""The command that starts the warm process: bubblewrap around the interpreter, as an ordinary user in any case."""

from __future__ import annotations

import grp
import os
import pwd
import shutil
import sys
from pathlib import Path

from assignment.errors import AssignmentError
from assignment.examiner import ONE_THREAD
from assignment.examiner.view import GUEST, PACKAGES, View, guest_files, make_view, packages

UNUSED = range(60600, 61184)  # user ids that systemd, Debian and containers leave to nobody
INSIDE = "1000"  # the user id that student code sees, the same for everybody
ENVIRONMENT = {
    "HOME": "/tmp",
    "IPYTHONDIR": "/tmp/.ipython",
    "LANG": "C.UTF-8",
    "LC_ALL": "C.UTF-8",
    "MALLOC_ARENA_MAX": "2",  # glibc would reserve 64 MiB of the address space for each thread
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONHASHSEED": "0",
    "PYTHONUTF8": "1",
    "TERM": "dumb",
    "TZ": "UTC",
} | ONE_THREAD
ARGUMENTS = ["-S", "-s", "-P", "-m", "examiner.guest.warm"]


def contained_command(control: int, off: frozenset[str]) -> list[str]:
    """Start inside bubblewrap; `control` is the descriptor of the control socket. Raises AssignmentError."""
    bwrap = _tool("bwrap", "bubblewrap")
    view = make_view()
    if os.geteuid() != 0:
        return _inner(bwrap, view, control, off)
    # A root in a user namespace escapes process limits and cannot have a /proc of its own: become nobody in particular
    # first. The outer view is there because that user may not reach the interpreter by its real path.
    setpriv, user = _tool("setpriv", "util-linux"), str(_unused_user())
    tools = [part for tool in (bwrap, setpriv) for part in ("--ro-bind", tool, tool)]
    outer = [bwrap, *view.arguments(), *tools, "--bind", "/proc", "/proc", "--dir", "/tmp", *_host(off), "--chdir", "/"]
    become = [setpriv, f"--reuid={user}", f"--regid={user}", "--clear-groups", "--inh-caps=-all"]
    return [*outer, "--", *become, *_inner(bwrap, view.from_inside(), control, off)]


def _inner(bwrap: str, view: View, control: int, off: frozenset[str]) -> list[str]:
    """What an ordinary user starts."""
    environment = ENVIRONMENT | {"PYTHONPATH": f"{GUEST}:{PACKAGES}"}
    if view.libraries:
        environment["LD_LIBRARY_PATH"] = view.libraries
    command = [bwrap, "--unshare-all", "--die-with-parent", "--uid", INSIDE, "--gid", INSIDE, "--hostname", "sandbox"]
    command += ["--share-net"] if "network" in off else []
    command += [] if "environment" in off else ["--clearenv"]
    command += [part for name, value in environment.items() for part in ("--setenv", name, value)]
    command += [*view.arguments(), "--proc", "/proc", "--tmpfs", "/tmp", *_host(off)]
    command += ["--remount-ro", "/", "--chdir", "/"]
    return [*command, "--", str(view.interpreter), *ARGUMENTS, str(control), "contain"]


def _host(off: frozenset[str]) -> list[str]:
    """With the view switched off, for tests: the host's other folders too, writable."""
    if "view" not in off:
        return []
    ours = {"proc", "dev", "sys", "usr", "lib", "lib64", "bin", "sbin", "python", "packages", "guest"}
    folders = [path for path in sorted(Path("/").iterdir()) if path.is_dir() and path.name not in ours]
    return [part for path in folders for part in ("--bind", str(path), str(path))]


def free_command(control: int, folder: Path) -> list[str]:
    """Start without containment, from copies of the guest's files in `folder`."""
    for name, source in guest_files().items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
    return [sys.executable, *ARGUMENTS, str(control), "free"]


def free_environment(folder: Path) -> dict[str, str]:
    """The environment without containment."""
    path = os.pathsep.join([str(folder), *sorted({str(package.parent) for package in packages()})])
    return ENVIRONMENT | {"HOME": str(folder), "IPYTHONDIR": str(folder / ".ipython"), "PYTHONPATH": path}


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
