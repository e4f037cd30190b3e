"""Is this machine fit to grade? Everything an examination needs, looked at in turn, each lack with its remedy."""

import os
import platform
import re
import resource
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution, version
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from assignment.course import Course
from assignment.errors import AssignmentError
from assignment.plugins import examiner_for
from assignment.sandbox import MIB, Limits
from assignment.sandbox.zygote import Sandbox, Zygote
from assignment.text import counted
from assignment.workflow.pool import examine_all
from assignment.workflow.proving import made_of

PINNED = Path(__file__).parents[2] / "constraints.txt"
SYSCTL = Path("/proc/sys")
CGROUP = Path("/sys/fs/cgroup")
SWITCHES = {  # what closes user namespaces to ordinary users: name -> the value that does, the one that does not, where
    "kernel.unprivileged_userns_clone": ("0", "1", "Debian"),
    "kernel.apparmor_restrict_unprivileged_userns": ("1", "0", "AppArmor, Ubuntu"),
    "user.max_user_namespaces": ("0", "15000", "any"),
}
PROCESSES, FILES = 64, 256  # at least: processes for each core, open files of one
SLOW = 20.0  # seconds; an examination of a right solution takes 0.2 to 2
ROOM, LEAST_ROOM = 1024 * MIB, 100 * MIB  # of a disk: below the first it may become full, below the second it will


@dataclass(frozen=True)
class Probe:
    """One thing that an examination needs."""

    name: str
    seen: str
    remedy: str = ""  # "" when all is well
    unfit: bool = False  # nothing can be graded until it is put right

    @property
    def state(self) -> str:
        """In a word."""
        return "unfit" if self.unfit else "doubtful" if self.remedy else "ok"


def probes(course: Course | None) -> Iterator[Probe]:
    """Yield what was seen of this machine; the examination is of the course's first homework, if one is released."""
    limits, examination = _examination(course)
    yield Probe("python", f"{platform.python_version()}, {platform.machine()}")
    yield _packages()
    yield _bubblewrap()
    yield _namespaces(examination.unfit)
    yield _processes(limits)
    yield _memory(limits)
    yield _disk(course.root if course else Path())
    yield examination


def _examination(course: Course | None) -> tuple[Limits, Probe]:
    """Examine a right solution in the sandbox (no homework here: open the sandbox) -> its limits, what was seen."""
    examiner = None
    if course and (names := course.assignments()):
        with suppress(AssignmentError):  # it is not released yet
            examiner = examiner_for(course, names[0])
    limits, start = examiner.limits if examiner else Limits(), time.monotonic()
    try:
        if examiner:
            master = examiner.homework.master
            with Zygote.start() as zygote:
                [(_, examined)] = examine_all([(master.name, made_of(master))], examiner, zygote)
            result = examined.result
            if not result.marked:
                raise AssignmentError(f"{result.verdict}: {result.reason}")
            seen = f"{master.name}'s own solutions {result.score:g} of {counted(result.max, 'point')}"
        else:
            with Sandbox(limits):
                seen = "no homework here; the sandbox opens"
    except AssignmentError as error:
        what, _, remedy = str(error).partition("; ")
        return limits, Probe("examination", what, remedy or "see the lines above, then run this again", unfit=True)
    seconds, peak = time.monotonic() - start, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss >> 10
    slow = "every submission will take as long; end what else runs here, or use fewer --jobs"
    seen = f"{seen} in {seconds:.1f} s, {peak} MiB, with the start of the sandbox"
    return limits, Probe("examination", seen, slow if seconds > SLOW else "")


def _packages() -> Probe:
    """The packages that the program needs, against the pinned versions where it was installed from a checkout."""
    pins = {}
    with suppress(OSError):
        for line in PINNED.read_text(encoding="utf-8").splitlines():
            name, _, pin = line.partition("#")[0].strip().partition("==")
            pins[canonicalize_name(name)] = pin
    needed, wrong = [canonicalize_name("assignment")], []
    for name in needed:  # it grows
        try:
            about = distribution(name)
        except PackageNotFoundError:
            wrong.append(f"{name} is missing")
            continue
        if pins.get(name, about.version) != about.version:
            wrong.append(f"{name} is {about.version}, not {pins[name]}")
        requirements = [Requirement(text) for text in about.requires or ()]
        more = [canonicalize_name(r.name) for r in requirements if r.marker is None or r.marker.evaluate({"extra": ""})]
        needed += [name for name in dict.fromkeys(more) if name not in needed]
    if wrong:
        return Probe("packages", "; ".join(wrong), "run: make setup (marks may differ from another machine's)")
    seen = f"{len(needed)} as pinned" if pins else f"{len(needed)}, no constraints.txt to compare them with"
    return Probe("packages", f"{seen}; numpy {version('numpy')}")


def _bubblewrap() -> Probe:
    path = shutil.which("bwrap", path="/usr/bin:/bin:/usr/sbin:/sbin:/usr/local/bin")
    if path is None:
        return Probe("bubblewrap", "not found", "as root: apt-get install bubblewrap", unfit=True)
    said = subprocess.run([path, "--version"], capture_output=True, text=True, check=False)
    return Probe("bubblewrap", said.stdout.strip().removeprefix("bubblewrap ") or "it does not run")


def _namespaces(closed: bool) -> Probe:
    """What keeps the sandbox from user namespaces, if it does not start."""
    if not closed:
        return Probe("user namespaces", "usable")
    shut = []
    for name, (value, free, system) in SWITCHES.items():
        with suppress(OSError):
            if (SYSCTL / name.replace(".", "/")).read_text().strip() == value:
                shut.append((f"{name} = {value} ({system})", f"sysctl -w {name}={free}"))
    if shut:
        remedy = f"as root: {'; '.join(command for _, command in shut)}; a file in /etc/sysctl.d makes it last"
        return Probe("user namespaces", "closed: " + ", ".join(what for what, _ in shut), remedy, unfit=True)
    return Probe("user namespaces", "no switch of this system closes them; in a container its own rules may")


def _processes(limits: Limits) -> Probe:
    """Processes, open files and address space that this user may have."""
    processes = _least(resource.RLIMIT_NPROC, CGROUP / "pids.max")
    files, space = _least(resource.RLIMIT_NOFILE), resource.getrlimit(resource.RLIMIT_AS)[1]
    wanted = PROCESSES * (os.cpu_count() or 1)
    seen = f"{processes:g} processes, {files:g} open files".replace("inf", "unlimited")
    if space != resource.RLIM_INFINITY and space < limits.worker_memory:
        remedy = "run: ulimit -v unlimited; where that is refused set c.Examine.worker_memory lower"
        return Probe("limits", f"{seen}, {space >> 20} MiB of address space", remedy, unfit=True)
    if processes < wanted or files < FILES:
        return Probe("limits", seen, f"run: ulimit -u {wanted}; ulimit -n {FILES} (a container: --pids-limit {wanted})")
    return Probe("limits", seen)


def _least(limit: int, file: Path | None = None) -> float:
    """What a limit of this process, and one of its control group, leave."""
    soft = resource.getrlimit(limit)[0]
    least = float("inf") if soft == resource.RLIM_INFINITY else float(soft)
    return min(least, _number(file)) if file else least


def _number(file: Path) -> float:
    """The number in a file of a control group; without end if it says max, or is not there."""
    try:
        return float(file.read_text().replace("max", "inf"))
    except (OSError, ValueError):
        return float("inf")


def _memory(limits: Limits) -> Probe:
    """Memory that is free, for as many submissions at a time as there are cores."""
    found = re.search(r"MemAvailable: +(\d+) kB", Path("/proc/meminfo").read_text())
    free = min(float(int(found[1]) << 10 if found else 0), _number(CGROUP / "memory.max"))
    cores = os.cpu_count() or 1
    jobs = int(free // limits.memory)
    seen = f"{free / (1 << 30):.1f} GiB free, {cores} cores, {limits.memory >> 20} MiB for a submission at most"
    if jobs >= cores:
        return Probe("memory", seen)
    return Probe("memory", seen, f"grade with --jobs {max(jobs, 1)}, or end what else runs here")


def _disk(root: Path) -> Probe:
    """Room where the course lies, and for temporary files."""
    free = {folder: shutil.disk_usage(folder).free for folder in (root.resolve(), Path(tempfile.gettempdir()))}
    folder = min(free, key=lambda folder: free[folder])
    remedy = "free some space there: a full disk stops grading" if free[folder] < ROOM else ""
    return Probe("disk", f"{free[folder] / (1 << 30):.1f} GiB free in {folder}", remedy, free[folder] < LEAST_ROOM)
