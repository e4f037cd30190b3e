"""Runs a submission: student code in a sandbox, the tests outside it; and what one submission may use there.

Linear algebra has one thread on both sides: sums are formed in one order, whatever the number of cores or jobs.
"""

import os
from dataclasses import asdict, dataclass

ONE_THREAD = {
    f"{library}_NUM_THREADS": "1" for library in ("OPENBLAS", "OMP", "MKL", "BLIS", "VECLIB_MAXIMUM", "NUMEXPR")
}
os.environ.update(ONE_THREAD)  # read when NumPy is imported, which is later than this
MIB = 1 << 20
DEFENCES = frozenset(  # that a test may leave out
    {
        *("user", "mount", "pid", "network", "ipc", "uts", "namespaces", "capabilities", "privileges", "seccomp"),
        *("memory", "cpu", "processes", "files", "file_size", "stack", "core", "queues", "locked", "oom"),
        *("view", "environment", "descriptors"),
    }
)


@dataclass(frozen=True)
class Limits:
    """Bounds on a submission and on what it may say. Sizes in bytes, times in seconds.

    The defaults fit a laptop that grades one submission per core.
    """

    memory: int = 1024 * MIB  # address space of the submission's process, interpreter included
    cpu_seconds: int = 60  # CPU time of the whole submission
    processes: int = 16  # threads and processes at one time
    open_files: int = 64
    file_size: int = 16 * MIB  # each file it writes
    tmp_size: int = 32 * MIB  # all files it writes together
    cell_seconds: float = 30.0  # wall clock, one cell
    call_seconds: float = 5.0  # wall clock, one call of a function
    submission_seconds: float = 60.0  # wall clock, from the first byte of the file to the result
    output_bytes: int = 256 * 1024  # what one cell prints and displays
    submission_output_bytes: int = 4 * MIB  # what all cells together show
    reply_bytes: int = 64 * MIB  # what one call, or one batch of calls, returns
    session_bytes: int = 256 * MIB  # what all calls of one check return
    ask_bytes: int = 16 * MIB  # arguments of one call of a function that stands in for a failed exercise
    notebook_bytes: int = 100 * MIB  # a submission's file
    notebook_cells: int = 2000  # cells kept of a submission; one with more is refused
    source_bytes: int = 4 * MIB  # all source and kept output text of a submission together
    worker_memory: int = 4096 * MIB  # address space of the process that examines

    def as_dict(self) -> dict[str, float]:
        """The limits by name, as a result records them."""
        return asdict(self)
