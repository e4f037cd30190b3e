"""A submission's bytes made into plain cells, inside the sandbox: the examiner never sees the file itself."""

from __future__ import annotations

import json
import math
from typing import Any

MAX_OUTPUT_TEXT = 20_000  # characters kept of one output
MAX_OUTPUTS = 100  # outputs kept of one cell
MAX_SMALL = 1000  # characters of an id, a tag or a metadata value
MAX_ENTRIES = 50  # entries kept of a metadata mapping
MAX_INTEGER = 1 << 53
METADATA = ("assignment", "kernelspec", "language_info", "colab")  # what is kept of a notebook's own
Json = dict[str, Any]
OLD_CODE, OLD_OUTPUTS = "input", {"pyout": "execute_result", "pyerr": "error"}  # nbformat 3 and before


class NotANotebook(Exception):
    """Why these bytes are no notebook, in words for a TA."""


def normalise(data: bytes, max_cells: int, max_text: int) -> tuple[str, Json | None]:
    """(what is wrong, None) or ("", notebook); the notebook has metadata and cells."""
    try:
        return "", _notebook(_load(data), max_cells, max_text)
    except NotANotebook as error:
        return str(error), None
    except RecursionError:
        return "it is nested too deeply to be a notebook", None
    except MemoryError:
        return "it is too large to be read within the memory limit", None


def _load(data: bytes) -> Json:
    if not data.strip():
        raise NotANotebook("it is empty")
    try:
        content = json.loads(data)
    except (ValueError, UnicodeError) as error:
        raise NotANotebook(f"it is not JSON ({type(error).__name__})") from error
    if not isinstance(content, dict):
        raise NotANotebook("it is JSON, but not a notebook")
    return content


def _notebook(content: Json, max_cells: int, max_text: int) -> Json:
    cells = content.get("cells")
    if not isinstance(cells, list):
        sheets = content.get("worksheets")
        if not isinstance(sheets, list):
            raise NotANotebook("it is JSON, but has no cells")
        cells = [cell for sheet in sheets if isinstance(sheet, dict) for cell in _list(sheet.get("cells"))]
    if len(cells) > max_cells:
        raise NotANotebook(f"it has {len(cells)} cells; {max_cells} are read at most")
    metadata = content.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    budget = Budget(max_text)
    return {
        "metadata": {key: _small(metadata.get(key)) for key in METADATA},
        "cells": [_cell(cell, number, budget) for number, cell in enumerate(cells, 1)],
    }


class Budget:
    """The characters that a notebook may still hand over."""

    def __init__(self, size: int) -> None:
        self._left = size

    def source(self, text: str) -> str:
        """Source is kept whole or the notebook is refused."""
        self._left -= len(text)
        if self._left < 0:
            raise NotANotebook("its source is too long for a homework")
        return text

    def output(self, text: str) -> str:
        """Outputs are cut; nothing is decided by them alone."""
        kept = text[: max(0, min(MAX_OUTPUT_TEXT, self._left // 2))]
        self._left -= len(kept)
        return kept


def _cell(cell: Any, number: int, budget: Budget) -> Json:
    if not isinstance(cell, dict):
        raise NotANotebook(f"its cell {number} is no cell")
    kind = cell.get("cell_type")
    source = _text(cell.get("source", cell.get(OLD_CODE, "")))
    if source is None:
        raise NotANotebook(f"its cell {number} has a source that is no text")
    if kind == "heading":
        kind, source = "markdown", "#" * min(6, max(1, _integer(cell.get("level")) or 1)) + " " + source
    is_code = kind == "code"
    metadata = cell.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    outputs = _list(cell.get("outputs"))[:MAX_OUTPUTS] if is_code else []
    return {
        "cell_type": kind if kind in ("code", "markdown") else "raw",
        "id": _word(cell.get("id")),
        "source": budget.source(source.replace("\r\n", "\n").replace("\r", "\n")),
        "metadata": {
            "nbgrader": _small(metadata.get("nbgrader")),
            "assignment": _small(metadata.get("assignment")),
        },
        "outputs": [_output(output, budget) for output in outputs if isinstance(output, dict)],
    }


def _output(output: Json, budget: Budget) -> Json:
    """What is looked at of an output, in nbformat 4's shape: its text, and of a picture only that there is one."""
    kind = _word(output.get("output_type"))
    kind = OLD_OUTPUTS.get(kind, kind)
    if kind == "stream":
        return {"output_type": kind, "text": budget.output(_text(output.get("text")) or "")}
    if kind == "error":
        words = {key: budget.output(_word(output.get(key))) for key in ("ename", "evalue")}
        return {"output_type": kind, **words}
    data = output.get("data", output)
    data = data if isinstance(data, dict) else {}
    kept = {}
    if (text := _text(data.get("text/plain", data.get("text")))) is not None:
        kept["text/plain"] = budget.output(text)
    if data.get("image/png", data.get("png")):
        kept["image/png"] = ""
    return {"output_type": kind if kind == "execute_result" else "display_data", "data": kept}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(value: Any) -> str | None:
    """A multiline text as notebooks keep it, a string or a list of them; None if it is neither."""
    if isinstance(value, list) and all(isinstance(line, str) for line in value):
        value = "".join(value)
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else None


def _word(value: Any) -> str:
    return value[:MAX_SMALL].encode("utf-8", "replace").decode() if isinstance(value, str) else ""


def _integer(value: Any) -> int | None:
    return value if type(value) is int and -MAX_INTEGER < value < MAX_INTEGER else None


def _small(value: Any) -> Json:
    """Of a metadata mapping what is short and plain."""
    kept: Json = {}
    for key, item in list(value.items())[:MAX_ENTRIES] if isinstance(value, dict) else []:
        if isinstance(item, str):
            kept[_word(key)] = _word(item)
        elif item is None or isinstance(item, bool) or _integer(item) is not None or _is_finite(item):
            kept[_word(key)] = item
    return kept


def _is_finite(value: Any) -> bool:
    return isinstance(value, float) and math.isfinite(value)
