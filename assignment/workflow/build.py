"""Build the master notebook from its text, and carry what was edited in Jupyter back."""

import difflib
import json
from dataclasses import dataclass
from pathlib import Path

from assignment import words
from assignment.course import Course, replace_file
from assignment.errors import AssignmentError
from assignment.homework import Cell, Master
from assignment.homework.mistakes import with_fingerprints
from assignment.homework.notebook import Content, contents, contents_of, digest, dumps, render, stamp, with_facts
from assignment.homework.percent import FaultError, blocks, carried_back, parse, time_axis, write
from assignment.submission.attachments import best_counts


@dataclass(frozen=True)
class Built:
    """A built master notebook, and whether its file had to be written."""

    path: Path
    master: Master
    changed: bool


def build(course: Course, name: str) -> Built:
    """Write source/NAME/NAME.ipynb from source/NAME.py; AssignmentError if it was edited in Jupyter meanwhile."""
    text_file, path = course.source_text(name), course.source(name)
    text = _read(text_file, course)
    cells = parse(text, course.shown(text_file), text_file.parent)
    axis = time_axis(text, course.shown(text_file))
    if path.exists():
        _refuse_if_edited(course, name, text, cells)
    return _written(course, Master(name, tuple(cells), axis))


def take_back(course: Course, name: str) -> Built:
    """Carry the notebook's edits into the text, cell by cell, and build again; nothing is written if any would be lost.

    Cells that were not edited keep their text to the byte. AssignmentError if the text was edited too.
    """
    text_file, path = course.source_text(name), course.source(name)
    shown, text = course.shown(path), _read(text_file, course)
    folder = text_file.parent
    cells = parse(text, course.shown(text_file), folder)
    axis = time_axis(text, course.shown(text_file))
    edited = json.loads(_read(path, course))
    content = contents_of(edited, shown)
    if stamp(edited) != digest(contents(cells)):
        raise AssignmentError(
            f"{shown}: its text was edited too since the last build; "
            "put one side's edits away (git diff shows the text's), take the other back, then repeat them",
            _diff(text, text_from(content, text, shown, folder)),
        )
    new_text = text_from(content, text, shown, folder)
    new_cells = parse(new_text, shown, folder)
    if contents(new_cells) != content:
        lost = next(old[0] for old, new in zip(content, [*contents(new_cells), None], strict=False) if old != new)
        raise AssignmentError(f"{shown}: cell '{lost}' cannot be written as text without loss; edit it in the text")
    replace_file(text_file, new_text)
    return _written(course, Master(name, tuple(new_cells), axis))


def _written(course: Course, master: Master) -> Built:
    """Write the notebook of a master, with what its named mistakes give."""
    filled = with_fingerprints(master, course.mistakes_text(master.name))
    filled = with_facts(filled, facts(course, master.name))
    path = course.source(master.name)
    changed = replace_file(path, dumps(render(master.name, list(filled.cells), filled.time_axis)))
    return Built(path, filled, changed)


def facts(course: Course, name: str) -> str:
    """Return in Chinese what nbgrader_config.py says of the deadline and the course's pages, "" if nothing."""
    config = course.config()
    told = []
    if config.LatePenalty.get("deadline"):
        from assignment.marking.lateness import LatePenalty  # loads nbgrader

        due = LatePenalty(config=config).due(name)
        told = [words.deadline(due)] if due else []
    told += [f"{words.counts(best=True)}。"] if best_counts(course, name) else []
    return "".join([*told, *(words.link(*link) for link in config.Homework.get("links", {}).items())])


def text_from(content: Content, old: str, shown: str, folder: Path) -> str:
    """Return the percent text of this content; a cell that stands so in the old text keeps its lines as they are.

    What `build` put in is taken out again; AssignmentError if that was edited in the notebook, whose name is shown.
    """
    head, pieces = blocks(old)
    known = dict(zip(contents(parse(old, "", folder)), pieces, strict=True))
    titled = {cell[0]: piece for cell, piece in known.items()}
    new: list[str] = []
    for cell in content:
        piece = known.get(cell)
        if piece is None:
            title, cell_type, source = cell
            before = titled.get(title, "\n\n")
            try:
                source = carried_back(source, before, folder)
            except FaultError as fault:
                raise AssignmentError(f"{shown}: cell '{title}': {fault}") from None
            piece = write(title, cell_type, source) + "\n" * (len(before) - len(before.rstrip("\n")) - 1)
        if new and not new[-1].endswith("\n\n"):
            new[-1] += "\n"
        new.append(piece)
    return (head + "".join(new)).rstrip("\n") + "\n"


def _refuse_if_edited(course: Course, name: str, text: str, cells: list[Cell]) -> None:
    """Raise AssignmentError with a diff if the built notebook holds work that is not in the text."""
    path = course.source(name)
    shown = course.shown(path)
    try:
        existing = json.loads(path.read_text(encoding="utf-8"))
        content = contents_of(existing, shown)
    except (ValueError, KeyError, TypeError) as error:
        raise AssignmentError(f"{shown}: no notebook ({error}); move it away and build again") from None
    if content == contents(cells) or digest(content) == stamp(existing):
        return
    raise AssignmentError(
        f"{shown}: edited in Jupyter since the last build; carry that into {course.shown(course.source_text(name))} "
        "with 'assignment build --take-back', or delete the notebook to drop it",
        _diff(text, text_from(content, text, shown, course.source_text(name).parent)),
    )


def _diff(old: str, new: str) -> str:
    """Return the unified diff from the text to what the notebook says."""
    lines = difflib.unified_diff(old.splitlines(), new.splitlines(), "text", "notebook", lineterm="")
    return "\n".join(lines)


def _read(path: Path, course: Course) -> str:
    """Return a file's text; AssignmentError if it is not there or no UTF-8."""
    try:
        text = course.read(path)
    except FileNotFoundError:
        raise AssignmentError(f"{course.shown(path)}: not there; write it, or choose with --assignment") from None
    if text.startswith("\ufeff"):
        raise AssignmentError(f"{course.shown(path)}:1: begins with a byte order mark; save it as UTF-8 without")
    return text
