"""What a cell prints, displays and raises, as the outputs of a notebook."""

from __future__ import annotations

import io
from typing import Any

CUT = "\n… the output was cut here: a cell may give {limit} bytes\n"
ENVELOPE = 64  # bytes that an output takes beside its text
ERRORS = 10  # kept of one cell even when the output was cut; a cell usually ends with its first


class Recorder:
    """Collects outputs in the order in which they were made, up to a number of bytes."""

    def __init__(self) -> None:
        self.start(0)

    def start(self, limit: int) -> None:
        """Forget everything; a new cell begins."""
        self.outputs: list[dict[str, Any]] = []
        self.truncated = False
        self._errors = 0
        self._limit = self._left = limit

    def clear(self) -> None:
        """What `clear_output()` asks for; the bytes stay spent."""
        self.outputs = []

    def write(self, name: str, text: str) -> None:
        """Text to stdout or stderr; runs of the same stream become one output."""
        if self.truncated:
            return
        data = text.encode("utf-8", "replace")
        if not self._continues(name):
            self._left = max(0, self._left - ENVELOPE)
        if len(data) > self._left:
            data = data[: self._left]
            self._append(name, data.decode("utf-8", "ignore"))
            self._cut()
            return
        self._left -= len(data)
        self._append(name, data.decode())

    def add(self, output: dict[str, Any], size: int) -> None:
        """An output that is whole or not at all."""
        if self.truncated:
            return
        if size + ENVELOPE > self._left:
            self._cut()
        else:
            self._left -= size + ENVELOPE
            self.outputs.append(output)

    def add_error(self, output: dict[str, Any]) -> None:
        """The error that ends a cell: kept even when the output was cut."""
        if self._errors < ERRORS:
            self._errors += 1
            self.outputs.append(output)

    def _continues(self, name: str) -> bool:
        """Whether text to this stream goes on where the last output stopped."""
        last = self.outputs[-1] if self.outputs else {}
        return last.get("output_type") == "stream" and last.get("name") == name

    def _append(self, name: str, text: str) -> None:
        if self._continues(name):
            self.outputs[-1]["parts"].append(text)
        elif text:
            self.outputs.append({"output_type": "stream", "name": name, "parts": [text]})

    def _cut(self) -> None:
        self._left = 0
        self.truncated = True
        self._append("stderr", CUT.format(limit=self._limit))

    def finished(self) -> list[dict[str, Any]]:
        """The outputs as nbformat has them; what comes later belongs to nobody."""
        outputs, self.outputs, self._left = self.outputs, [], 0
        for output in outputs:
            if "parts" in output:
                output["text"] = "".join(output.pop("parts"))
        return outputs


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
