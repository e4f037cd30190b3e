"""A submission's notebook as the project reads it: plain, typed, and checked before anything relies on it."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass

OUTPUTS = ("stream", "error", "execute_result", "display_data")


@dataclass(frozen=True)
class Output:
    """One kept output of a cell."""

    kind: str
    """One of OUTPUTS."""
    text: str = ""
    """What a stream or a result says; of an error its type and message."""
    picture: bool = False
    """Whether it shows a picture."""


@dataclass(frozen=True)
class SubmittedCell:
    """One cell as it was handed in."""

    position: int
    """Its place in the notebook, from 0."""
    cell_type: str
    """code, markdown or raw."""
    id: str
    """The cell's own id, "" if it has none."""
    source: str
    """With LF line ends."""
    execution_count: int | None = None
    """None where it is not kept, which says nothing about whether the cell has run."""
    outputs: tuple[Output, ...] = ()
    grade_id: str = ""
    """What nbgrader's metadata name it."""
    kind: str = ""
    """What our metadata call it: prose, given, solve, check."""
    name: str = ""
    """Its name in our metadata."""


@dataclass(frozen=True)
class Notebook:
    """A notebook as it was handed in."""

    cells: tuple[SubmittedCell, ...]
    assignment: str = ""
    """The homework that its metadata name."""
    release: str = ""
    """The release that its metadata name."""
    kernel: str = "python3"
    """The kernel that it was saved with."""
    python: str = ""
    """The version of Python that ran it last, as it says itself."""
    private_outputs: bool = False
    """Whether Colab was set to leave all outputs out when it saved it."""


def newer_python(notebook: Notebook) -> str:
    """Return the version of Python that ran the notebook, if it is newer than this one, else ""."""
    version = re.match(r"3\.(\d{1,3})(?!\d)", notebook.python)
    return notebook.python[:20] if version and int(version[1]) > sys.version_info.minor else ""
