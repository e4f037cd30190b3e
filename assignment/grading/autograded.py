"""The notebook that a TA and formgrader see: the master's own cells, the student's code, fresh outputs.

formgrader shows it in a page that may write the gradebook, so nothing of the student's can be markup: other outputs
than text and PNG are dropped, text cells of the student's own are shown as source.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from typing import Any

from assignment.homework.master import Cell, Master
from assignment.homework.notebook import CellJson, metadata, notebook_metadata
from assignment.submission.matching import Placed
from assignment.text import plain

Outputs = Mapping[int, Sequence[CellJson]]  # position of a cell -> its outputs
PNG = b"\x89PNG\r\n\x1a\n"
VERDICT = "verdict"  # the kind of the cell that tells a TA why nothing was graded
LONGEST = 400_000  # characters of one shown text; the sandbox cuts a cell's output well before


def autograded_notebook(master: Master, cells: Sequence[Placed], outputs: Outputs, result: CellJson) -> CellJson:
    """Return the notebook of an examined submission, with the result in its metadata."""
    shown = [_cell(master, placed, number, outputs.get(number, ())) for number, placed in enumerate(cells)]
    return _notebook(master, shown, result)


def placeholder_notebook(master: Master, reason: str, result: CellJson) -> CellJson:
    """Return what stands for a submission that could not be read: the release, with the reason on top."""
    about = {"assignment": {"kind": VERDICT, "name": ""}}
    notice = {"cell_type": "markdown", "id": "verdict", "metadata": about, "source": _as_source(reason)}
    released = master.released
    cells = [
        _own(cell, master.cell(cell.id).source if cell.kind == "check" else cell.source) for cell in released.cells
    ]
    return _notebook(master, [notice, *cells], result)


def safe_outputs(outputs: Sequence[CellJson]) -> list[CellJson]:
    """Return the outputs as plain text and PNG pictures; what is neither is dropped."""
    return [safe for output in outputs if (safe := _safe(output)) is not None]


def _notebook(master: Master, cells: list[CellJson], result: CellJson) -> CellJson:
    about = {"name": master.name, "result": result}
    return {"cells": cells, "metadata": notebook_metadata(about), "nbformat": 4, "nbformat_minor": 5}


def _cell(master: Master, placed: Placed, number: int, outputs: Sequence[CellJson]) -> CellJson:
    if placed.role in ("prose", "given", "check", "play"):
        cell = master.cell(placed.id)
        return _own(cell, cell.source, outputs, number)
    if placed.role == "solve":
        return _own(master.cell(placed.id), placed.source, safe_outputs(outputs), number)
    raw: CellJson = {"cell_type": "markdown", "id": f"extra-{number}", "metadata": {}}
    raw["metadata"] = {"assignment": {"kind": "extra", "name": str(number)}}
    if placed.cell_type != "code":
        return raw | {"source": _as_source(placed.source)}
    run = {"cell_type": "code", "execution_count": number + 1, "outputs": safe_outputs(outputs)}
    return raw | run | {"source": placed.source}


def _own(cell: Cell, source: str, outputs: Sequence[CellJson] = (), number: int | None = None) -> CellJson:
    """A cell that the master has too: its id and metadata are the master's."""
    raw: CellJson = {"cell_type": cell.cell_type, "id": cell.id, "metadata": metadata(cell), "source": source}
    if cell.cell_type == "code":
        raw |= {"execution_count": None if number is None else number + 1, "outputs": [dict(o) for o in outputs]}
    return raw


def _as_source(text: str) -> str:
    """Markdown that shows the text as it was typed: a fence longer than any in it."""
    shown = plain(text, LONGEST)  # first: what it drops may have kept two fences apart
    longest = max((len(run) for run in re.findall(r"`+", shown)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}text\n{shown}\n{fence}"


def _safe(output: CellJson) -> CellJson | None:
    kind = output.get("output_type")
    if kind == "stream":
        name = "stderr" if output.get("name") == "stderr" else "stdout"
        return {"output_type": "stream", "name": name, "text": plain(output.get("text"), LONGEST)}
    if kind == "error":
        lines = output.get("traceback")
        return {
            "output_type": "error",
            "ename": plain(output.get("ename"), LONGEST),
            "evalue": plain(output.get("evalue"), LONGEST),
            "traceback": [plain(line, LONGEST) for line in lines] if isinstance(lines, list) else [],
        }
    data = output.get("data")
    if kind not in ("execute_result", "display_data") or not isinstance(data, dict):
        return None
    kept: dict[str, str] = {}
    if isinstance(data.get("text/plain"), str):
        kept["text/plain"] = plain(data["text/plain"], LONGEST)
    if (picture := _picture(data.get("image/png"))) is not None:
        kept["image/png"] = picture
    safe: CellJson = {"output_type": kind, "metadata": {}, "data": kept}
    return (safe | {"execution_count": None} if kind == "execute_result" else safe) if kept else None


def _picture(text: Any) -> str | None:
    """The base64 text of a PNG, or None if it is anything else."""
    if not isinstance(text, str):
        return None
    try:
        data = base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        return None
    return base64.b64encode(data).decode() if data.startswith(PNG) else None
