"""Make the release through nbgrader, keep every release ever made, and tell which one a submission comes from."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assignment.build import build
from assignment.course import Course, tools_in_path
from assignment.errors import AssignmentError
from assignment.files import replace_file
from assignment.homework.master import Master, load_master


@dataclass(frozen=True)
class Released:
    """A release: its file, the kept copy, its hash and the points it is worth."""

    path: Path
    published: Path
    release: str
    points: float


def release(course: Course, name: str) -> Released:
    """Build the master and generate its release with nbgrader; AssignmentError on a leak, and no release is left."""
    from nbgrader.converters import GenerateAssignment
    from nbgrader.coursedir import CourseDirectory
    from nbgrader.utils import capture_log

    build(course, name)
    config = course.config()
    folder = CourseDirectory(config=config, root=str(course.root), assignment_id=name)
    with tools_in_path():
        result = capture_log(GenerateAssignment(coursedir=folder, config=config, force=True))
    if not result["success"]:
        raise AssignmentError(_reason(name, result["log"]))
    path = course.release(name)
    if sorted(file.name for file in path.parent.iterdir()) != [path.name]:
        raise AssignmentError(f"release/{name}: holds more than the notebook; see source/{name}")
    master = load_master(path)
    return Released(path, keep(course, name), master.release, master.max)


def keep(course: Course, name: str) -> Path:
    """Copy the release to published/NAME/HASH.ipynb and return that path; older releases stay."""
    master = load_master(course.release(name))
    path = course.published(name) / f"{master.release}.ipynb"
    replace_file(path, course.release(name).read_text(encoding="utf-8"))
    return path


def releases(course: Course, name: str) -> dict[str, Master]:
    """Return every release a submission may be made from, by hash; the current one is the last."""
    files = sorted(course.published(name).glob("*.ipynb"))
    current = course.release(name)
    masters = [load_master(file) for file in [*files, *([current] if current.exists() else [])]]
    known: dict[str, Master] = {}
    for master in masters:
        known.pop(master.release, None)
        known[master.release] = master
    if not known:
        raise AssignmentError(f"published/{name}: no release yet; make one with: assignment release")
    return known


def made_from(submission: dict[str, Any], known: dict[str, Master]) -> tuple[Master, str]:
    """Return the release a submission was made from, and a word if that had to be found by its content."""
    ours = submission.get("metadata", {}).get("assignment")
    named = str(ours.get("release", "")) if isinstance(ours, dict) else ""
    if named in known:
        return known[named], ""
    sources = {_bare(cell["source"]) for cell in submission["cells"]}
    newest_first = list(reversed(known.values()))
    found = max(newest_first, key=lambda master: sum(_bare(cell.source) in sources for cell in master.cells))
    said = f"names the unknown release {named[:16]!r}" if named else "names no release"
    if len(known) == 1:
        return found, f"the notebook {said}: taken for {found.release}, the only one"
    return found, f"the notebook {said}: taken for {found.release}, which it is most like"


def _bare(source: str) -> str:
    """Return the source without what editors and file systems change."""
    return re.sub(r"\s+", " ", source.replace("\ufeff", "")).strip()


def _reason(name: str, log: str) -> str:
    """Return what went wrong from nbgrader's log: our own word, or its last error."""
    ours = re.findall(r"AssignmentError: (.*)", log)
    if ours:
        return str(ours[-1])
    if "there are submissions associated with" in log:
        return (
            f"release of {name}: nbgrader keeps the set of cells once submissions are graded; "
            "correct cells in place, without adding, removing or renaming any"
        )
    errors = re.findall(r"^(\w[\w.]*(?:Error|Exception): .*)", log, re.MULTILINE)
    return f"release of {name}: nbgrader failed: {errors[-1] if errors else log.strip()[-300:]}"
