"""A submission's bytes -> plain cells, parsed inside the sandbox and checked on arrival."""

from __future__ import annotations

from typing import Any

from assignment.sandbox.channel import Ended
from assignment.sandbox.limits import Limits
from assignment.sandbox.protocol import WireError
from assignment.sandbox.session import Session


class Unreadable(Exception):
    """The submission is no notebook; says why, in words for a TA."""


def read_notebook(session: Session, data: bytes, limits: Limits) -> dict[str, Any]:
    """The notebook in `data`: nbformat, nbformat_minor, metadata, cells. Raises Unreadable.

    Each cell has cell_type, id, source (with LF line ends), execution_count, metadata (nbgrader, assignment, tags) and
    outputs in nbformat 4's shape, their text cut and a picture only marked as being there.
    """
    if len(data) > limits.notebook_bytes:
        raise Unreadable(f"it is {len(data) >> 20} MiB large; {limits.notebook_bytes >> 20} MiB are read at most")
    try:
        wrong, notebook = session.parse(data, limits.notebook_cells, limits.source_bytes)
    except Ended as ended:
        raise Unreadable(f"it could not be read within the limits ({ended.reason})") from ended
    if wrong:
        raise Unreadable(str(wrong))
    return checked_notebook(notebook)


def checked_notebook(notebook: Any) -> dict[str, Any]:
    """The notebook as the guest hands it over, every value of the type it should have. Raises Unreadable."""
    try:
        return {
            "nbformat": _of(int, notebook["nbformat"]),
            "nbformat_minor": _of(int, notebook["nbformat_minor"]),
            "metadata": {_of(str, key): _small(value) for key, value in _of(dict, notebook["metadata"]).items()},
            "cells": [_cell(cell) for cell in _of(list, notebook["cells"])],
        }
    except (KeyError, TypeError, AttributeError, WireError) as error:
        raise Unreadable("it was read by a process that did not keep to the protocol") from error


def _of(kind: type, value: Any) -> Any:
    """The value, if its type is exactly this one. Raises TypeError."""
    if type(value) is not kind:
        raise TypeError(f"{kind.__name__} expected, not {type(value).__name__}")
    return value


def _small(value: Any) -> dict[str, Any]:
    """Metadata: a mapping of plain values."""
    for item in _of(dict, value).values():
        if item is not None and type(item) not in (bool, int, float, str):
            raise TypeError("metadata that are not plain")
    return {_of(str, key): item for key, item in value.items()}


def _cell(cell: dict[str, Any]) -> dict[str, Any]:
    if cell["cell_type"] not in ("code", "markdown", "raw"):
        raise TypeError("a cell of another kind")
    count, metadata = cell["execution_count"], cell["metadata"]
    return {
        "cell_type": cell["cell_type"],
        "id": _of(str, cell["id"]),
        "source": _of(str, cell["source"]),
        "execution_count": None if count is None else _of(int, count),
        "metadata": {
            "nbgrader": _small(metadata["nbgrader"]),
            "assignment": _small(metadata["assignment"]),
            "tags": [_of(str, tag) for tag in _of(list, metadata["tags"])],
        },
        "outputs": [_output(output) for output in _of(list, cell["outputs"])],
    }


def _output(output: dict[str, Any]) -> dict[str, Any]:
    kind = output["output_type"]
    if kind == "stream":
        return {"output_type": kind, "name": _of(str, output["name"]), "text": _of(str, output["text"])}
    if kind == "error":
        words = {key: _of(str, output[key]) for key in ("ename", "evalue")}
        return {"output_type": kind, **words, "traceback": []}
    if kind not in ("execute_result", "display_data"):
        raise TypeError("an output of another kind")
    data = {_of(str, key): _of(str, value) for key, value in _of(dict, output["data"]).items()}
    return {"output_type": kind, "metadata": {}, "data": data}
