"""The zygote: NumPy and IPython imported once, forked for every submission, never running student code itself.

It is single-threaded and knows nothing but what its worker sends over the control socket: `open` with a channel to hand
on, `close` to end a fork and learn how it ended, `split` for another zygote with a control socket of its own. Below it
stands what is asked of Linux for each fork: namespaces, a bare file tree, no privileges, few calls, limits.
"""

import ctypes
import errno
import gc
import json
import os
import platform
import resource
import select
import signal
import socket
import struct
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from ..protocol import BROKEN, OUT_OF_MEMORY, SETUP_FAILED, Message
from .notebook import Shell, make_shell
from .serve import serve

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
        die_with_parent()
        self._control.close()
        self._control = socket.socket(fileno=descriptor)
        self._forks, self._split_off = {}, set()
        if not self._contain:
            adopt_orphans()
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
            flags = sum(flag for name, flag in NAMESPACES.items() if name not in off)
        report, reported = os.pipe()
        try:
            pid = fork(flags)
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
                keep_only((descriptor, reported))
            confine(limits, off, self._contain, self._user, self._filter.load)
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


def limit(limits: Mapping[str, int], off: frozenset[str]) -> None:
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


def confine(
    limits: Mapping[str, int], off: frozenset[str], contain: bool, user: tuple[int, int], filtered: Callable[[], None]
) -> None:
    """Everything that stands between the student's code and the machine, in the one order that works. Raises OSError.

    `off`: defences to leave out, for tests. `user`: user and group outside. `filtered`: installs the call filter.
    """
    os.setsid()
    die_with_parent()
    steps: list[tuple[str, Callable[[], None]]] = []
    if contain and "user" not in off:
        steps += [
            ("user", lambda: map_user(*user)),
            # No user namespace, and so no other, can be made below this one.
            ("namespaces", lambda: _write("/proc/sys/user/max_user_namespaces", "0")),
            ("oom", lambda: _write("/proc/self/oom_score_adj", "1000")),  # the first to go when memory runs out
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


DENIED = {
    "files": "mount umount umount2 pivot_root chroot fsopen fsconfig fsmount fspick move_mount open_tree mount_setattr",
    "handles": "open_by_handle_at name_to_handle_at fanotify_init quotactl quotactl_fd lookup_dcookie swapon swapoff",
    "namespaces": "setns unshare",
    "processes": "fork vfork ptrace process_vm_readv process_vm_writev process_madvise kcmp pidfd_open pidfd_getfd",
    "kernel": "bpf perf_event_open userfaultfd kexec_load kexec_file_load init_module finit_module delete_module",
    "keys": "keyctl add_key request_key",
    "rings": "io_uring_setup io_uring_enter io_uring_register io_setup vmsplice",
    "memory that no limit counts": "memfd_create memfd_secret shmget shmat msgget semget mq_open",
    "placement": "move_pages mbind migrate_pages set_mempolicy",
    "machine": "syslog reboot acct settimeofday clock_settime adjtimex clock_adjtime sethostname setdomainname vhangup",
    "old": "iopl ioperm personality uselib nfsservctl modify_ldt",
    # Forks share the files that they were started from: with these, one could signal another, or see what it has read.
    "shared files": "flock inotify_init inotify_init1 inotify_add_watch fadvise64 readahead mincore preadv2 pwritev2",
}
LOCKS = (5, 6, 7, 36, 37, 38, 1024, 1025, 1026)  # of fcntl: record locks, open file description locks, leases, notices
NEWEST = 450  # number of the newest system call that is known here, the same on every architecture since 424
ALLOW, ERRNO = 0x7FFF0000, 0x00050000
CLONE_THREAD = 0x00010000
PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 22, 2
INSTRUCTION = 8  # bytes
EQUAL, GREATER, MASKED_EQUAL = 4, 6, 7
MAP_SHARED, MAP_ANONYMOUS = 0x01, 0x20
LOAD, IF_GREATER, RETURN = 0x20, 0x25, 0x06  # of classic BPF: a word of the call's description, a jump, the end
AF_INET6 = 10  # the highest address family that is let through; of those below only UNIX, INET and INET6


class ArgumentTest(ctypes.Structure):
    """libseccomp's struct scmp_arg_cmp."""

    _fields_ = [("arg", ctypes.c_uint), ("op", ctypes.c_int), ("a", ctypes.c_uint64), ("b", ctypes.c_uint64)]


class Program(ctypes.Structure):
    """Linux's struct sock_fprog."""

    _fields_ = [("length", ctypes.c_ushort), ("instructions", ctypes.c_void_p)]


class Filter:
    """The filter, made once in the warm process and loaded by each fork. Without libseccomp it does nothing."""

    def __init__(self) -> None:
        self._program: Program | None = None
        try:
            self._library: Any = ctypes.PyDLL("libseccomp.so.2")
        except OSError:
            return
        self._library.seccomp_init.restype = ctypes.c_void_p
        self._context = ctypes.c_void_p(self._library.seccomp_init(ctypes.c_uint32(ALLOW)))
        for name in " ".join(DENIED.values()).split():
            self._deny(name, errno.EPERM)
        # clone3's flags lie in memory, out of a filter's sight: glibc falls back to clone, which may only start threads
        self._deny("clone3", errno.ENOSYS)
        self._deny("clone", errno.EPERM, ArgumentTest(0, MASKED_EQUAL, CLONE_THREAD, 0))
        # a network namespace does not hold every family: a VM's vsock reaches its host
        self._deny("socket", errno.EAFNOSUPPORT, ArgumentTest(0, GREATER, AF_INET6, 0))
        for family in range(3, AF_INET6):
            self._deny("socket", errno.EAFNOSUPPORT, ArgumentTest(0, EQUAL, family, 0))
        for command in LOCKS:
            self._deny("fcntl", errno.EPERM, ArgumentTest(1, MASKED_EQUAL, 0xFFFFFFFF, command))
        # a shared mapping of a file would be memory that two forks have in common
        self._deny("mmap", errno.EPERM, ArgumentTest(3, MASKED_EQUAL, MAP_SHARED | MAP_ANONYMOUS, MAP_SHARED))
        self._program = self._made()

    def _deny(self, name: str, code: int, *conditions: ArgumentTest) -> None:
        number = self._library.seccomp_syscall_resolve_name(name.encode())
        if number < -1:  # not of this architecture; libseccomp counts these down from -10000
            return
        if number >= 0:
            array = (ArgumentTest * len(conditions))(*conditions)
            self._library.seccomp_rule_add_array(
                self._context, ctypes.c_uint32(ERRNO | code), number, len(conditions), array
            )

    def _made(self) -> Program:
        """The filter as Linux takes it: libseccomp's own loading would translate it again in every fork."""
        reading, writing = os.pipe()  # it takes more than any filter's size
        failed = self._library.seccomp_export_bpf(self._context, writing)
        os.close(writing)
        with os.fdopen(reading, "rb") as file:
            rules = file.read()
        # First of all, which libseccomp cannot say: whatever is newer than this program knows does not exist.
        head = [(LOAD, 0, 0, 0), (IF_GREATER, 0, 1, NEWEST), (RETURN, 0, 0, ERRNO | errno.ENOSYS)]
        newest = b"".join(struct.pack("HBBI", *instruction) for instruction in head)
        self._instructions = ctypes.create_string_buffer(newest + rules)
        if failed:
            raise OSError(-failed, "seccomp_export_bpf")
        length = (len(self._instructions) - 1) // INSTRUCTION
        return Program(length, ctypes.addressof(self._instructions))

    def load(self) -> None:
        """Live under the filter from now on, without a way to new privileges, as Linux demands. Raises OSError."""
        if self._program is not None:
            no_new_privileges()
            if LIBC.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(self._program), 0, 0):
                raise OSError(ctypes.get_errno(), "seccomp")


def main() -> None:
    """`python -m sandbox.inside.zygote CONTROL-DESCRIPTOR contain|free`"""
    control = socket.socket(fileno=int(sys.argv[1]))
    contain = sys.argv[2] == "contain"
    if not contain:
        adopt_orphans()
    gc.disable()
    server = ForkServer(control, contain)
    gc.enable()
    server.run()
    os._exit(0)  # nothing to put in order: what is left dies with this process


if __name__ == "__main__":
    main()
