"""What a cell prints, displays and raises, as the outputs of a notebook."""

from __future__ import annotations

import io
from typing import Any

CUT = "\n… the output was cut here: a cell may give {limit} bytes\n"
CODE_POINT = 4  # a character takes at most so many bytes of UTF-8


class Recorder:
    """Collects outputs in the order in which they were made, up to a number of bytes."""

    def __init__(self) -> None:
        self.start(0)

    def start(self, limit: int) -> None:
        """Forget everything; a new cell begins."""
        self.outputs: list[dict[str, Any]] = []
        self.truncated = False
        self._limit = self._left = limit

    def clear(self) -> None:
        """What `clear_output()` asks for; the bytes stay spent."""
        self.outputs = []

    def write(self, name: str, text: str) -> None:
        """Text to stdout or stderr; runs of the same stream become one output."""
        data = text.encode("utf-8", "replace")
        if len(data) > self._left:
            data = data[: self._left]
            self._append(name, data.decode("utf-8", "ignore"))
            self._cut()
            return
        self._left -= len(data)
        self._append(name, data.decode())

    def add(self, output: dict[str, Any], size: int) -> None:
        """An output that is whole or not at all."""
        if size > self._left:
            self._cut()
        else:
            self._left -= size
            self.outputs.append(output)

    def add_last(self, output: dict[str, Any]) -> None:
        """The error that ends a cell: kept even when the output was cut."""
        self.outputs.append(output)

    def _append(self, name: str, text: str) -> None:
        last = self.outputs[-1] if self.outputs else {}
        if last.get("output_type") == "stream" and last.get("name") == name:
            last["parts"].append(text)
        elif text:
            self.outputs.append({"output_type": "stream", "name": name, "parts": [text]})

    def _cut(self) -> None:
        self._left = 0
        if not self.truncated:
            self.truncated = True
            self._append("stderr", CUT.format(limit=self._limit))

    def finished(self) -> list[dict[str, Any]]:
        """The outputs as nbformat has them."""
        for output in self.outputs:
            if "parts" in output:
                output["text"] = "".join(output.pop("parts"))
        return self.outputs


class Stream(io.TextIOBase):
    """sys.stdout or sys.stderr while a cell runs."""

    encoding = "utf-8"
    errors = "replace"

    def __init__(self, name: str, recorder: Recorder) -> None:
        super().__init__()
        self.name = name
        self._recorder = recorder

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        if text:
            self._recorder.write(self.name, text)
        return len(text)
