"""A filter of system calls, by libseccomp where it is at hand: what no homework needs and a way out might."""

from __future__ import annotations

import ctypes
import errno
import os
from typing import Any

from .kernel import LIBC, no_new_privileges

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
}
ALLOW, ERRNO = 0x7FFF0000, 0x00050000
CLONE_THREAD = 0x00010000
PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 22, 2
INSTRUCTION = 8  # bytes
EQUAL, GREATER, MASKED_EQUAL = 4, 6, 7
AF_INET6 = 10  # the highest address family that is let through; of those below only UNIX, INET and INET6


class Comparison(ctypes.Structure):
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
        self._deny("clone", errno.EPERM, Comparison(0, MASKED_EQUAL, CLONE_THREAD, 0))
        # a network namespace does not hold every family: a VM's vsock reaches its host
        self._deny("socket", errno.EAFNOSUPPORT, Comparison(0, GREATER, AF_INET6, 0))
        for family in range(3, AF_INET6):
            self._deny("socket", errno.EAFNOSUPPORT, Comparison(0, EQUAL, family, 0))
        self._program = self._made()

    def _deny(self, name: str, code: int, *conditions: Comparison) -> None:
        number = self._library.seccomp_syscall_resolve_name(name.encode())
        if number < -1:  # not of this architecture; libseccomp counts these down from -10000
            return
        if number >= 0:
            array = (Comparison * len(conditions))(*conditions)
            self._library.seccomp_rule_add_array(
                self._context, ctypes.c_uint32(ERRNO | code), number, len(conditions), array
            )

    def _made(self) -> Program:
        """The filter as Linux takes it: libseccomp's own loading would translate it again in every fork."""
        reading, writing = os.pipe()  # it takes more than any filter's size
        failed = self._library.seccomp_export_bpf(self._context, writing)
        os.close(writing)
        with os.fdopen(reading, "rb") as file:
            self._instructions = ctypes.create_string_buffer(file.read())
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
