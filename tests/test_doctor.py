"""`assignment doctor`: what is wrong with a machine -> what is said, and the remedy; scripts/need asks before sudo."""

from __future__ import annotations

import os
import pty
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from typer.testing import CliRunner

from assignment.cli.app import app
from assignment.course import Course
from assignment.errors import AssignmentError
from assignment.sandbox import MIB
from assignment.sandbox.zygote import Sandbox
from assignment.workflow import doctor
from tests import ROOT

Change = Callable[[pytest.MonkeyPatch, Path], object]
NEED = ROOT / "scripts" / "need"


def no_bubblewrap(patch: pytest.MonkeyPatch, _: Path) -> None:
    which = shutil.which
    patch.setattr(shutil, "which", lambda name, *rest, **more: None if name == "bwrap" else which(name, *rest, **more))


def no_sandbox(patch: pytest.MonkeyPatch, _: Path) -> None:
    def refuses(_: object) -> None:
        raise AssignmentError("the sandbox did not start (bwrap: No permissions); user namespaces are needed")

    patch.setattr(Sandbox, "__enter__", refuses)


def closed(name: str, value: str) -> Change:
    def change(patch: pytest.MonkeyPatch, folder: Path) -> None:
        no_sandbox(patch, folder)
        (folder / name).parent.mkdir(parents=True)
        (folder / name).write_text(f"{value}\n")
        patch.setattr(doctor, "SYSCTL", folder)

    return change


def control_group(file: str, value: str) -> Change:
    def change(patch: pytest.MonkeyPatch, folder: Path) -> None:
        (folder / file).write_text(f"{value}\n")
        patch.setattr(doctor, "CGROUP", folder)

    return change


def pinned(text: str) -> Change:
    def change(patch: pytest.MonkeyPatch, folder: Path) -> None:
        (folder / "constraints.txt").write_text(text)
        patch.setattr(doctor, "PINNED", folder / "constraints.txt")

    return change


def disk(free: int) -> Change:
    def change(patch: pytest.MonkeyPatch, _: Path) -> None:
        patch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(1 << 40, 1 << 39, free))

    return change


class Lack(NamedTuple):
    """A machine that lacks something, and what the doctor should say of it."""

    change: Change
    name: str
    state: str
    seen: str
    remedy: str


LACKS = {
    "no bubblewrap": Lack(no_bubblewrap, "bubblewrap", "unfit", "not found", "apt-get install bubblewrap"),
    "no sandbox": Lack(no_sandbox, "examination", "unfit", "No permissions", "user namespaces are needed"),
    "Debian": Lack(
        closed("kernel/unprivileged_userns_clone", "0"),
        "user namespaces",
        "unfit",
        "(Debian)",
        "sysctl -w kernel.unprivileged_userns_clone=1",
    ),
    "Ubuntu": Lack(
        closed("kernel/apparmor_restrict_unprivileged_userns", "1"),
        "user namespaces",
        "unfit",
        "(AppArmor, Ubuntu)",
        "sysctl -w kernel.apparmor_restrict_unprivileged_userns=0",
    ),
    "no namespaces": Lack(
        closed("user/max_user_namespaces", "0"), "user namespaces", "unfit", "= 0", "user.max_user_namespaces=15000"
    ),
    "other numpy": Lack(pinned("NumPy==1.0  # old\n"), "packages", "doubtful", "not 1.0", "make setup"),
    "few processes": Lack(control_group("pids.max", "20"), "limits", "doubtful", "20 processes", "--pids-limit"),
    "little memory": Lack(control_group("memory.max", str(900 * MIB)), "memory", "doubtful", "0.9 GiB", "--jobs 1"),
    "disk nearly full": Lack(disk(500 * MIB), "disk", "doubtful", "0.5 GiB", "free some space"),
    "disk full": Lack(disk(50 * MIB), "disk", "unfit", "0.0 GiB", "free some space"),
}


@pytest.mark.parametrize("lack", LACKS.values(), ids=LACKS.keys())
def test_a_lack_is_named_with_its_remedy(lack: Lack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lack.change(monkeypatch, tmp_path)
    [probe] = [probe for probe in doctor.probes(None) if probe.name == lack.name]
    assert probe.state == lack.state
    assert lack.seen in probe.seen and lack.remedy in probe.remedy


def test_a_fit_machine_takes_a_line_for_each_thing(checkout: Course) -> None:
    done = CliRunner().invoke(app, ["doctor", "--course", str(checkout.root)])
    assert done.exit_code == 0, done.output
    assert "100 of 100 points" in done.output and "unfit" not in done.output
    assert len(done.output.splitlines()) <= 12


def test_an_unfit_machine_is_told_by_the_exit_status(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    no_bubblewrap(monkeypatch, tmp_path)
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, ["doctor"])
    assert done.exit_code == 1 and "unfit: not found" in done.output


def need(tools: Path, user: int, answer: str | None) -> tuple[int, str, list[str]]:
    """Run scripts/need for a package that is missing -> status, what it said, the commands that it ran.

    answer: what a person types at the terminal, None where there is no terminal.
    """
    ran = tools / "ran"
    for name, does in {
        "id": f"echo {user}",
        "sudo": f'echo sudo >> {ran}; exec "$@"',
        "apt-get": f"echo $1 >> {ran}; touch {tools}/installed",
    }.items():
        (tools / name).write_text(f"#!/bin/sh\n{does}\n")
        (tools / name).chmod(0o755)
    ours, theirs = pty.openpty() if answer is not None else (-1, subprocess.DEVNULL)
    if answer is not None:
        os.write(ours, f"{answer}\n".encode())
    words = [str(NEED), "bubblewrap", "test", "-e", str(tools / "installed")]
    environment = {"PATH": f"{tools}:/usr/bin:/bin"}
    done = subprocess.run(words, stdin=theirs, capture_output=True, text=True, env=environment, timeout=60)
    if answer is not None:
        os.close(ours)
        os.close(theirs)
    return done.returncode, done.stderr, ran.read_text().split() if ran.exists() else []


@pytest.mark.parametrize(
    ("user", "answer", "status", "said", "ran"),
    [
        (0, None, 0, "installing", ["install"]),  # as CI runs it: root, no terminal
        (1000, None, 1, "run: sudo apt-get install bubblewrap", []),
        (1000, "y", 0, "install it with sudo apt-get? [y/N]", ["sudo", "install"]),
        (1000, "", 1, "run: sudo apt-get install bubblewrap", []),
    ],
)
def test_sudo_is_never_used_unasked(
    user: int, answer: str | None, status: int, said: str, ran: list[str], tmp_path: Path
) -> None:
    assert need(tmp_path, user, answer)[::2] == (status, ran)
    (tmp_path / "installed").unlink(missing_ok=True)
    assert said in need(tmp_path, user, answer)[1]
