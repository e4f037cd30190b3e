"""Every release of a homework that was ever given out, and which of them a submission was made from."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from assignment.course import Course, replace_file
from assignment.errors import AssignmentError
from assignment.homework.master import Master, load_master


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


def made_from(named: str, sources: Iterable[str], known: dict[str, Master]) -> tuple[Master, str]:
    """Return the release a submission was made from, and a sentence if that had to be found by its content.

    named: the release that its metadata name; sources: those of its cells.
    """
    if named in known:
        return known[named], ""
    bare = {_bare(source) for source in sources}
    newest_first = list(reversed(known.values()))
    found = max(newest_first, key=lambda master: sum(_bare(cell.source) in bare for cell in master.cells))
    said = f"names the unknown release {named[:16]!r}" if named else "names no release"
    if len(known) == 1:
        return found, f"the notebook {said}: taken for {found.release}, the only one"
    return found, f"the notebook {said}: taken for {found.release}, which it is most like"


def _bare(source: str) -> str:
    """Return the source without what editors and file systems change."""
    return re.sub(r"\s+", " ", source.replace("\ufeff", "")).strip()
