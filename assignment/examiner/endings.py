"""How a sandbox's process ended, in words that a TA can pass on."""

from __future__ import annotations

import signal
from dataclasses import dataclass

from assignment.examiner.limits import Limits
from assignment.examiner.wire import BROKEN, OUT_OF_MEMORY

SIGNIFICANT = 0.25  # of the memory limit: a process this large that is killed was killed for its memory


@dataclass(frozen=True)
class Report:
    """What the warm process saw. `status` as os.waitstatus_to_exitcode has it, None if nobody knows."""

    status: int | None
    alone: bool = False  # it ended by itself
    cpu: float = 0.0  # seconds
    resident: int = 0  # bytes, at most


def describe(report: Report, limits: Limits) -> tuple[str, str]:
    """(how, reason) of an end that the examiner did not bring about."""
    status = report.status
    if status is None:
        return "crashed", "the sandbox died with everything in it"
    if not report.alone:
        return "crashed", "the process closed its channel to the examiner"
    if status in (-signal.SIGKILL, -signal.SIGXCPU) and report.cpu >= limits.cpu_seconds - 1:
        return "timeout", f"the submission used more than {limits.cpu_seconds} s of CPU time"
    if status == OUT_OF_MEMORY or (status == -signal.SIGKILL and report.resident >= SIGNIFICANT * limits.memory):
        return "memory", f"the process needed more than the {limits.memory >> 20} MiB it may use"
    if status < 0:
        return "crashed", f"the process was ended by {_signal_name(-status)}"
    if status == BROKEN:
        return "crashed", "the process could no longer answer"
    return "crashed", f"the process exited by itself with status {status}"


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
