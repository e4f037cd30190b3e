"""Put a submission back in order: which of its cells is which, and what had to be put right."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from assignment.homework.master import Cell, Master
from assignment.submission.recognise import Student, other_choice, solve_choice, students
from assignment.syntax import bare, plain, segment


@dataclass(frozen=True)
class Placed:
    """A cell in its place.

    role: solve, given, check or prose, a cell of the homework with its id; extra, one more cell of the student's; copy,
    another copy of a cell that is placed already, which must not run. origin: its position in the submission, None
    where the submission has no such cell and the release's own stands in.
    """

    role: str
    id: str
    cell_type: str
    source: str
    origin: int | None


class Repaired(NamedTuple):
    """The cells, each of the homework's exactly once, and in English what was put right."""

    cells: list[Placed]
    repairs: list[str]


def repair(submission: dict[str, Any], master: Master, release: Master | None = None) -> Repaired:
    """Match a submission (its normalised notebook) to the homework; `release` is the one it was made from, if known."""
    cells = students(submission, master)
    stubs = {cell.id: cell for cell in (master.released.cells if release is None else release.cells)}
    chosen: dict[str, Student] = {}
    exercises = {cell.name for cell in master.solves}
    for cell in master.released.solves:
        choice = solve_choice(cells, stubs.get(cell.id, cell), exercises)
        if choice is not None:
            chosen[cell.id] = choice
    for cell in [cell for cell in master.released.cells if cell.kind != "solve"]:
        taken = {choice.position for choice in chosen.values()}
        free = [student for student in cells if student.position not in taken]
        choice = other_choice(free, stubs.get(cell.id, cell))
        if choice is not None:
            chosen[cell.id] = choice
    chosen = {cell.id: chosen[cell.id] for cell in master.cells if cell.id in chosen}
    return Repaired(_ordered(cells, master.released, chosen, stubs), _words(submission, cells, master.released, chosen))


def _ordered(cells: list[Student], master: Master, chosen: dict[str, Student], stubs: dict[str, Cell]) -> list[Placed]:
    """Return the homework's cells in order, the student's other ones after the cell that they followed."""
    home = _homes(master, chosen)
    followers: dict[str, list[Placed]] = {"": []}
    anchor = ""
    for student in cells:
        if student.position in home:
            anchor = home[student.position]
        else:
            followers.setdefault(anchor, []).append(_spare(student, master, stubs))
    placed = followers[""]
    for cell in master.cells:
        placed.append(_placed(cell, chosen.get(cell.id), home))
        placed += followers.get(cell.id, [])
    return placed


def _homes(master: Master, chosen: dict[str, Student]) -> dict[int, str]:
    """Return whose cell each chosen position is; of several exercises in it that of its own id, or the first."""
    home: dict[int, str] = {}
    for cell in master.cells:
        student = chosen.get(cell.id)
        if student is not None and (student.position not in home or student.claim == cell.id):
            home[student.position] = cell.id
    return home


def _placed(cell: Cell, student: Student | None, home: dict[int, str]) -> Placed:
    """Return the cell of the homework with what the student has for it."""
    if student is None:
        return Placed(cell.kind, cell.id, cell.cell_type, cell.source, None)
    cell_type = "code" if cell.kind == "solve" else student.cell_type
    source = plain(student.source)
    if home[student.position] != cell.id:
        source = _excerpt(student, cell.name)
    return Placed(cell.kind, cell.id, cell_type, source, student.position)


def _excerpt(student: Student, name: str) -> str:
    """Return the part of a cell that defines an exercise: of a broken cell what is indented under its def."""
    top = name.partition(".")[0]
    node = student.defined.get(top)
    if node is not None:
        return segment(student.source, node)
    text = plain(student.source)
    body = r"(?:[ \t].*\n|[ \t]*\n|[)\]}].*\n)*"  # indented or blank lines, or the end of a long signature
    match = re.search(rf"^(def|class)[ \t]+{re.escape(top)}\b.*\n{body}", text + "\n", re.MULTILINE)
    return match[0].rstrip() if match else text


def _spare(student: Student, master: Master, stubs: dict[str, Cell]) -> Placed:
    """Return a cell that is no cell of the homework: a further copy that must not run, or an extra one."""
    copied = stubs.get(student.claim)
    untouched = copied is not None and (
        not student.edited(copied.name, copied) if copied.kind == "solve" else student.bare == bare(copied.source)
    )
    return Placed("copy" if untouched else "extra", "", student.cell_type, plain(student.source), student.position)


def _words(submission: dict[str, Any], cells: list[Student], master: Master, chosen: dict[str, Student]) -> list[str]:
    """Return what was put right, one sentence each."""
    words = _kernel(submission)
    by_id = [
        id for id, student in chosen.items() if student.claim == id and not student.metadata and id[:6] != "prose-"
    ]
    by_look = [id for id, student in chosen.items() if student.claim != id]
    home = _homes(master, chosen)
    lodgers = [id for id in by_look if home[chosen[id].position] != id]
    if by_id:
        words.append(f"cells without nbgrader metadata, recognised by their ids: {_listed(by_id)}")
    if strangers := [id for id in by_look if id not in lodgers]:
        words.append(f"cells without metadata and id, recognised by what they define and say: {_listed(strangers)}")
    words += [f"{id}: its function was found in the cell of {home[chosen[id].position]}" for id in lodgers]
    words += _doubled(cells, chosen)
    for cell in master.cells:
        student = chosen.get(cell.id)
        if cell.kind == "solve" and student is None:
            words.append(f"{cell.id}: missing; taken as not written")
        elif student is not None and student.cell_type != cell.cell_type:
            words.append(f"{cell.id}: was turned into {student.cell_type}; read as {cell.cell_type}")
    if missing := [cell.id for cell in master.cells if cell.kind in ("given", "check") and cell.id not in chosen]:
        words.append(f"missing; the homework's own are used: {_listed(missing)}")
    at_home = [cell.id for cell in master.cells if cell.id in home.values()]
    if moved := _moved([(id, chosen[id].position) for id in at_home]):
        words.append(f"moved; put back in order: {_listed(moved)}")
    return words


def _kernel(submission: dict[str, Any]) -> list[str]:
    """Return a word on a kernel that is not the homework's."""
    kernel = (submission.get("metadata") or {}).get("kernelspec") or {}
    name = str(kernel.get("name") or "python3")
    return [] if name == "python3" else [f"kernel {name[:60]!r} replaced by python3"]


def _doubled(cells: list[Student], chosen: dict[str, Student]) -> list[str]:
    """Return a word on every cell that stands there more than once."""
    words = []
    for id, student in chosen.items():
        others = [cell.position for cell in cells if cell.claim == id and cell.position != student.position]
        if others and not id.startswith("prose-"):
            why = "the last that was edited" if id.startswith("solve-") else "the unchanged one if there is one"
            also = ", ".join(str(position + 1) for position in others)
            words.append(f"{id}: stands there again as cell {also}; cell {student.position + 1} is taken ({why})")
    return words


def _moved(placed: Sequence[tuple[str, int]]) -> list[str]:
    """Return the fewest ids that must be moved to bring these (id, position) pairs into order."""
    tails: list[int] = []
    lengths: list[int] = []
    for _, position in placed:
        length = bisect_left(tails, position)
        tails[length : length + 1] = [position]
        lengths.append(length)
    stay, length = set(), len(tails) - 1
    below = float("inf")
    for (id, position), reached in reversed(list(zip(placed, lengths, strict=True))):
        if reached == length and position < below:
            stay.add(id)
            length, below = length - 1, position
    return [id for id, _ in placed if id not in stay]


def _listed(ids: Sequence[str]) -> str:
    """Return ids for a sentence: all of a few, the first of many."""
    return ", ".join(ids[:4]) + (f" and {len(ids) - 4} more" if len(ids) > 4 else "")
