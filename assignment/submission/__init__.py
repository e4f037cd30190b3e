"""What was handed in, as a notebook: parsed inside the sandbox, checked on arrival, then plain and typed."""

import re
import sys
from dataclasses import dataclass
from typing import Any, TypeVar

from assignment.sandbox import Limits
from assignment.sandbox.channel import Ended
from assignment.sandbox.protocol import ProtocolError
from assignment.sandbox.session import Session

OUTPUTS = ("stream", "error", "execute_result", "display_data")
T = TypeVar("T")


@dataclass(frozen=True)
class Output:
    """One kept output of a cell."""

    kind: str  # one of OUTPUTS
    text: str = ""  # what a stream or a result says; of an error its type and message
    picture: bool = False  # whether it shows a picture


@dataclass(frozen=True)
class SubmittedCell:
    """One cell as it was handed in."""

    position: int  # its place in the notebook, from 0
    cell_type: str  # code, markdown or raw
    id: str  # the cell's own id, "" if it has none
    source: str  # with LF line ends
    outputs: tuple[Output, ...] = ()
    grade_id: str = ""  # what nbgrader's metadata name it
    kind: str = ""  # what our metadata call it: prose, given, solve, check
    name: str = ""  # its name in our metadata


@dataclass(frozen=True)
class Notebook:
    """A notebook as it was handed in."""

    cells: tuple[SubmittedCell, ...]
    assignment: str = ""  # the homework that its metadata name
    release: str = ""  # the release that its metadata name
    kernel: str = "python3"  # the kernel that it was saved with
    python: str = ""  # the version of Python that ran it last, as it says itself
    private_outputs: bool = False  # whether Colab was set to leave all outputs out when it saved it


def newer_python(notebook: Notebook) -> str:
    """Return the version of Python that ran the notebook, if it is newer than this one, else ""."""
    version = re.match(r"3\.(\d{1,3})(?!\d)", notebook.python)
    return notebook.python[:20] if version and int(version[1]) > sys.version_info.minor else ""


class Unreadable(Exception):
    """The submission is no notebook; says why, in English for a TA."""


def read_notebook(session: Session, data: bytes, limits: Limits) -> Notebook:
    """Return the notebook in `data`, its outputs cut to what is needed. Raises Unreadable."""
    if len(data) > limits.notebook_bytes:
        raise Unreadable(f"it is {len(data) >> 20} MiB large; {limits.notebook_bytes >> 20} MiB are read at most")
    try:
        wrong, notebook = session.parse(data, limits.notebook_cells, limits.source_bytes)
    except Ended as ended:
        raise Unreadable(f"it could not be read within the limits ({ended.reason})") from ended
    if wrong:
        raise Unreadable(str(wrong))
    return checked_notebook(notebook)


def checked_notebook(raw: Any) -> Notebook:
    """Return the notebook that the sandbox hands over, every value of the type it should have. Raises Unreadable."""
    try:
        return _notebook(raw)
    except (KeyError, TypeError, ValueError, ProtocolError) as error:
        raise Unreadable("it was read by a process that did not keep to the protocol") from error


def _notebook(raw: Any) -> Notebook:
    texts = {key: _of(str, raw[key]) for key in ("assignment", "release", "kernel", "python")}
    texts["kernel"] = texts["kernel"] or "python3"
    cells = tuple(_cell(position, cell) for position, cell in enumerate(_of(list, raw["cells"])))
    return Notebook(cells, private_outputs=_of(bool, raw["private_outputs"]), **texts)


def _of(kind: type[T], value: Any) -> T:
    """The value, if its type is exactly this one. Raises TypeError."""
    if type(value) is not kind:
        raise TypeError(f"{kind.__name__} expected, not {type(value).__name__}")
    return value


def _cell(position: int, cell: Any) -> SubmittedCell:
    texts = {key: _of(str, cell[key]) for key in ("cell_type", "id", "source", "grade_id", "kind", "name")}
    if texts["cell_type"] not in ("code", "markdown", "raw"):
        raise TypeError("a cell of an unknown type")
    return SubmittedCell(position, outputs=tuple(map(_output, _of(list, cell["outputs"]))), **texts)


def _output(output: Any) -> Output:
    kind, text, picture = _of(list, output)
    if _of(str, kind) not in OUTPUTS:
        raise TypeError("an output of an unknown type")
    return Output(kind, _of(str, text), _of(bool, picture))
