"""What the warm process asks of Linux for each fork: namespaces, a bare file tree, no privileges, few calls, limits."""

from __future__ import annotations

import ctypes
import os
import platform
import resource
import signal
from collections.abc import Callable, Iterable, Mapping
from typing import Any

CLONE = {"x86_64": 56, "aarch64": 220, "riscv64": 220, "ppc64le": 120}  # its number: glibc's own wants a stack
NAMESPACES = {  # the defences that are namespaces, with clone's flags
    "user": 0x10000000,
    "mount": 0x00020000,
    "pid": 0x20000000,
    "network": 0x40000000,
    "ipc": 0x08000000,
    "uts": 0x04000000,
}
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REC, MS_PRIVATE = 1, 2, 4, 8, 0x4000, 0x40000
PR_SET_PDEATHSIG, PR_CAPBSET_DROP, PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS, PR_CAP_AMBIENT = 1, 24, 36, 38, 47
PR_CAP_AMBIENT_CLEAR_ALL = 4
STACK = 8 << 20  # Linux's usual one: recursion ends here and not in the memory limit
CAPABILITY_VERSION_3 = 0x20080522

# PyDLL keeps the interpreter's lock: a fork through it must not have let go of it
LIBC = ctypes.PyDLL(None, use_errno=True)


def fork(namespaces: int) -> int:
    """os.fork() whose child is born in new namespaces (first in a PID namespace of its own). Raises OSError."""
    if not namespaces:
        return os.fork()
    machine = platform.machine()
    if machine not in CLONE:
        raise OSError(f"no sandbox on {machine} processors; grade with --no-sandbox or on another machine")
    ctypes.pythonapi.PyOS_BeforeFork()
    pid: int = LIBC.syscall(
        ctypes.c_long(CLONE[machine]), ctypes.c_long(namespaces | signal.SIGCHLD), *[ctypes.c_long(0)] * 4
    )
    failed = ctypes.get_errno()
    if pid == 0:
        ctypes.pythonapi.PyOS_AfterFork_Child()
    else:
        ctypes.pythonapi.PyOS_AfterFork_Parent()
    if pid < 0:
        raise OSError(failed, f"new namespaces: {os.strerror(failed)}")
    return pid


def _write(path: str, text: str) -> None:
    """Write to a file of Linux's; a file object would touch, and so copy, sixty pages of memory."""
    file = os.open(path, os.O_WRONLY)
    try:
        os.write(file, text.encode())
    finally:
        os.close(file)


def map_user(uid: int, gid: int) -> None:
    """Be the same user in the new user namespace, and nobody else."""
    _write("/proc/self/setgroups", "deny")
    _write("/proc/self/uid_map", f"{uid} {uid} 1")
    _write("/proc/self/gid_map", f"{gid} {gid} 1")


def forbid_namespaces() -> None:
    """No user namespace, and so no other, can be made below this one."""
    _write("/proc/sys/user/max_user_namespaces", "0")


def first_to_go() -> None:
    """When the machine runs out of memory, end this process before any other."""
    _write("/proc/self/oom_score_adj", "1000")


def mount_private(tmp_size: int) -> None:
    """A file tree where only an empty /tmp of this size can be written, and nothing is told of the machine.

    /proc is covered, not mounted afresh: even an own one would tell the host's folder names (mountinfo) and hardware,
    and nothing that computes needs it.
    """
    _mount(None, "/", None, MS_REC | MS_PRIVATE)
    _mount("tmpfs", "/tmp", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, f"size={tmp_size},nr_inodes=4096,mode=1777")
    _mount("tmpfs", "/proc", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY, "size=4096,mode=555")
    os.chdir("/tmp")


def _mount(source: str | None, target: str, kind: str | None, flags: int, options: str = "") -> None:
    encoded = [text.encode() if text is not None else None for text in (source, target, kind)]
    if LIBC.mount(*encoded, ctypes.c_ulong(flags), options.encode() or None):
        raise OSError(ctypes.get_errno(), f"mount on {target}: {os.strerror(ctypes.get_errno())}")


def drop_capabilities() -> None:
    """Give up every capability of the namespace, and the way back to them."""
    for capability in range(64):
        if LIBC.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0):
            break  # the kernel knows no higher one
    LIBC.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
    if LIBC.capset(header, (ctypes.c_uint32 * 6)()):
        raise OSError(ctypes.get_errno(), f"capset: {os.strerror(ctypes.get_errno())}")


def no_new_privileges() -> None:
    """Nothing that is executed from now on may gain a privilege."""
    if LIBC.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "no_new_privs")


def adopt_orphans() -> None:
    """Become the parent of what descendants leave behind, so that it can be found and ended."""
    LIBC.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def die_with_parent() -> None:
    """Be killed when the warm process ends."""
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def limit(limits: Mapping[str, Any], off: frozenset[str]) -> None:
    """Resource limits, hard ones; `off` names those a test leaves out."""
    for defence, which, soft, hard in (
        ("memory", resource.RLIMIT_AS, limits["memory"], limits["memory"]),
        ("cpu", resource.RLIMIT_CPU, limits["cpu_seconds"], limits["cpu_seconds"] + 1),
        ("processes", resource.RLIMIT_NPROC, limits["processes"], limits["processes"]),
        ("files", resource.RLIMIT_NOFILE, limits["open_files"], limits["open_files"]),
        ("file_size", resource.RLIMIT_FSIZE, limits["file_size"], limits["file_size"]),
        ("stack", resource.RLIMIT_STACK, STACK, STACK),
        ("core", resource.RLIMIT_CORE, 0, 0),
        ("queues", resource.RLIMIT_MSGQUEUE, 0, 0),
        ("locked", resource.RLIMIT_MEMLOCK, 0, 0),
    ):
        if defence not in off:
            _, most = resource.getrlimit(which)
            bounded = [value if most == resource.RLIM_INFINITY else min(value, most) for value in (soft, hard)]
            resource.setrlimit(which, (bounded[0], bounded[1]))


def keep_only(descriptors: Iterable[int]) -> None:
    """Close every file descriptor but these; 0, 1 and 2 become an empty input and a sink."""
    null = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(null, standard)
    first = 3
    for descriptor in sorted(descriptors):
        os.closerange(first, descriptor)
        first = descriptor + 1
    os.closerange(first, os.sysconf("SC_OPEN_MAX"))


Step = tuple[str, Callable[[], None]]


def confine(
    limits: Mapping[str, Any],
    off: frozenset[str],
    contain: bool,
    user: tuple[int, int],
    filtered: Callable[[], None],
) -> None:
    """Everything that stands between the student's code and the machine, in the one order that works. Raises OSError.

    `off`: defences to leave out, for tests. `user`: user and group outside. `filtered`: installs the call filter.
    """
    os.setsid()
    die_with_parent()
    steps: list[Step] = []
    if contain and "user" not in off:
        steps += [
            ("user", lambda: map_user(*user)),
            ("namespaces", forbid_namespaces),
            ("oom", first_to_go),
        ]
        if "mount" not in off:
            steps.append(("mount", lambda: mount_private(limits["tmp_size"])))
        steps.append(("capabilities", drop_capabilities))
    steps += [("privileges", no_new_privileges), ("limits", lambda: limit(limits, off))]
    if contain:
        steps.append(("seccomp", filtered))
    for name, step in steps:
        if name not in off:
            try:
                step()
            except OSError as error:
                raise OSError(error.errno, f"{name}: {error.strerror}") from error
