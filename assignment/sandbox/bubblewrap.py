"""The command that starts the warm process: bubblewrap around the interpreter, as an ordinary user in any case."""

from __future__ import annotations

import csv
import grp
import os
import pwd
import re
import shutil
import sys
import sysconfig
from dataclasses import dataclass, replace
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement

from assignment.errors import AssignmentError
from assignment.sandbox import ONE_THREAD

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
ARGUMENTS = ["-S", "-s", "-P", "-m", "sandbox.inside.zygote"]


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


DISTRIBUTIONS = ("numpy", "ipython", "msgpack")
PYTHON, PACKAGES, GUEST = Path("/python"), Path("/packages"), Path("/guest")  # the same on every machine
DEVICES = ("null", "zero", "full", "random", "urandom")


@dataclass(frozen=True)
class View:
    """Files and folders to show, as source -> target, links as target -> what they point to, and folders to hide."""

    shown: dict[Path, Path]
    links: dict[Path, str]
    hidden: tuple[Path, ...]
    interpreter: Path
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

    def from_inside(self) -> View:
        """The same view for a bubblewrap that runs inside this one."""
        return replace(self, shown={target: target for target in self.shown.values()})


def make_view() -> View:
    """The view for the interpreter that runs now. Raises AssignmentError."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    library = PYTHON / sys.platlibdir / version
    stdlib = Path(sysconfig.get_path("stdlib")).resolve()
    interpreter = Path(getattr(sys, "_base_executable", sys.executable)).resolve()
    shown = {interpreter: PYTHON / "bin" / version, stdlib: library}
    links: dict[Path, str] = {}
    hidden = [library / name for name in ("site-packages", "dist-packages") if (stdlib / name).is_dir()]
    for folder in _library_folders():
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
    return View(shown, links, tuple(hidden), PYTHON / "bin" / version, "" if system else str(PYTHON / "lib"))


def _library_folders() -> list[Path]:
    """Where the dynamic loader finds system libraries on Debian and its like, or elsewhere."""
    triplet = sysconfig.get_config_var("MULTIARCH") or "none"
    folders = [Path("/usr/lib", triplet), Path("/usr/lib64"), Path("/lib64"), Path("/lib")]
    if not folders[0].is_dir():
        folders[0] = Path("/usr/lib")
    elif not folders[-1].is_symlink():
        folders[-1] = Path("/lib", triplet)
    return [folder for folder in folders if folder.is_dir()]


def guest_files() -> dict[str, Path]:
    """The guest's modules by their place below its folder: separate files, so that nothing else comes along."""
    here = Path(__file__).resolve().parent
    return {
        **{f"sandbox/{name}": here / name for name in ("protocol.py",)},
        **{f"sandbox/inside/{path.name}": path for path in sorted((here / "inside").glob("*.py"))},
    }


def packages() -> list[Path]:
    """The folders and modules of NumPy, IPython, msgpack and what these need. Raises AssignmentError."""
    found: dict[Path, None] = {}
    for part in _closure():
        record = part.read_text("RECORD")  # part.files would make an object of each of ten thousand
        if record is None:
            raise AssignmentError(f"{part.name}: its list of files is missing; install it with pip (make setup)")
        tops = {row[0].partition("/")[0] for row in csv.reader(record.splitlines())}
        for top in sorted(tops - {"..", "__pycache__"}):
            found[Path(str(part.locate_file(top))).resolve()] = None
    return list(found)


def _closure() -> list[Distribution]:
    """The distributions that are shown, each once."""
    known: dict[str, Distribution] = {}
    waiting = list(DISTRIBUTIONS)
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
    return list(known.values())
