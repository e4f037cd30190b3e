"""Outputs that came out of a sandbox, rebuilt from known parts: nothing is passed on as it came."""

from __future__ import annotations

import base64
import binascii
from typing import Any

from assignment.examiner.wire import WireError

SHORT = 200  # characters kept of an error's name and of its text when there is no room for more
MAX_ERROR = 1 << 20  # characters of an error's name, text and traceback
PNG = b"\x89PNG\r\n\x1a\n"


def checked_outputs(outputs: Any, most: int) -> list[dict[str, Any]]:
    """The outputs of a cell in nbformat 4's shape, text and PNG only. Raises WireError."""
    made = [_output(output) for output in _list(outputs)]
    shown = sum(size(output) for output in made if output["output_type"] != "error")
    errors = [output for output in made if output["output_type"] == "error"]
    if shown > 2 * most + 1024 or sum(size(output) for output in errors) > MAX_ERROR:  # twice: a notice, and base64
        raise WireError("more output than a cell may give")
    return made


def shortened(outputs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The outputs with no more of each error than what it is and says, in a line."""
    return [_in_a_line(output) if output["output_type"] == "error" else output for output in outputs]


def _in_a_line(error: dict[str, Any]) -> dict[str, Any]:
    name, value = error["ename"][:SHORT], error["evalue"][:SHORT]
    return error | {"ename": name, "evalue": value, "traceback": [f"{name}: {value}"]}


def _output(output: Any) -> dict[str, Any]:
    kind = output.get("output_type") if type(output) is dict else None
    if kind == "stream" and output.get("name") in ("stdout", "stderr"):
        return {"output_type": kind, "name": output["name"], "text": _text(output.get("text"))}
    if kind == "execute_result":
        count = output.get("execution_count")
        if type(count) is not int:
            raise WireError("an output without a number")
        return {"output_type": kind, "execution_count": count, "metadata": {}, "data": _data(output)}
    if kind == "display_data":
        return {"output_type": kind, "metadata": {}, "data": _data(output)}
    if kind == "error":
        traceback = [_text(line) for line in _list(output.get("traceback"))]
        return {
            "output_type": kind,
            "ename": _text(output.get("ename")),
            "evalue": _text(output.get("evalue")),
            "traceback": traceback,
        }
    raise WireError("an output of another form")


def _data(output: dict[str, Any]) -> dict[str, str]:
    data = output.get("data")
    if type(data) is not dict:
        raise WireError("an output without data")
    kept = {}
    if "text/plain" in data:
        kept["text/plain"] = _text(data["text/plain"])
    if "image/png" in data and _is_png(_text(data["image/png"])):
        kept["image/png"] = data["image/png"]
    return kept


def _is_png(text: str) -> bool:
    try:
        return base64.b64decode("".join(text.split()), validate=True).startswith(PNG)
    except (binascii.Error, ValueError):
        return False


def _text(value: Any) -> str:
    if type(value) is not str:
        raise WireError("an output that is no text")
    return value


def _list(value: Any) -> list[Any]:
    if type(value) is not list:
        raise WireError("outputs that are no list")
    return value


def size(value: Any) -> int:
    """Characters in an output, or in several."""
    if isinstance(value, str):
        return len(value)
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 16 + sum(size(part) for part in parts)
