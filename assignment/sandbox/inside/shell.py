"""An IPython shell without terminal, files or history that records what a notebook would show."""

from __future__ import annotations

import _sitebuiltins
import base64
import builtins
import getpass
import io
import sys
from collections.abc import Mapping
from typing import Any

from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import DisplayPublisher
from IPython.core.error import StdinNotImplementedError
from IPython.core.interactiveshell import InteractiveShell
from traitlets import Instance, Type
from traitlets.config import Config

from ..protocol import Output

CUT = "\n… the output was cut here: a cell may give {limit} bytes\n"
ENVELOPE = 64  # bytes that an output takes beside its text
ERRORS = 10  # kept of one cell even when the output was cut; a cell usually ends with its first


class Recorder:
    """Collects outputs in the order in which they were made, up to a number of bytes."""

    def __init__(self) -> None:
        self.start(0)

    def start(self, limit: int) -> None:
        """Forget everything; a new cell begins."""
        self.outputs: list[Output] = []
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

    def add(self, output: Output, size: int) -> None:
        """An output that is whole or not at all."""
        if self.truncated:
            return
        if size + ENVELOPE > self._left:
            self._cut()
        else:
            self._left -= size + ENVELOPE
            self.outputs.append(output)

    def add_error(self, output: Output) -> None:
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

    def finished(self) -> list[Output]:
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


SHOWN = ("text/plain", "image/png")
TRACEBACK = 20_000  # characters kept of an error's text and of its traceback
LINES = 1000  # lines kept of a traceback

WARM_UP = (  # what is imported when it is first used
    "import numpy as np\nnp.linalg.norm(np.fft.fft(np.random.randn(2)))",
    "def f():\n    print(1)\n    display(2)\n    return np.zeros(3), [4], {5: 6}\nf()",
    "1 / 0",
    "f(",
    "%precision",
    "f?",
)


def _kept(data: Mapping[str, object]) -> tuple[dict[str, str], int]:
    """Of an output's representations the two that are shown, as text, and their size."""
    kept: dict[str, str] = {}
    for kind in SHOWN:
        value = data.get(kind)
        if kind == "image/png" and isinstance(value, bytes):
            value = base64.b64encode(value).decode()
        if isinstance(value, str):
            kept[kind] = value.encode("utf-8", "replace").decode()
    return kept, sum(len(value.encode()) for value in kept.values())


class RecordingHook(DisplayHook):  # type: ignore[misc]
    """The last expression of a cell becomes an execute_result."""

    def write_output_prompt(self) -> None:
        """There is no terminal to write a prompt to."""

    def write_format_data(self, format_dict: Mapping[str, object], md_dict: Any = None) -> None:
        data, size = _kept(format_dict)
        count = self.prompt_count
        self.shell.recorder.add(
            {"output_type": "execute_result", "execution_count": count, "metadata": {}, "data": data}, size
        )

    def finish_displayhook(self) -> None:
        self._is_active = False


class RecordingPublisher(DisplayPublisher):  # type: ignore[misc]
    """display() becomes display_data."""

    def publish(self, data: Mapping[str, object], metadata: Any = None, **_: Any) -> None:
        kept, size = _kept(data)
        if kept:
            self.shell.recorder.add({"output_type": "display_data", "metadata": {}, "data": kept}, size)

    def clear_output(self, wait: bool = False) -> None:
        self.shell.recorder.clear()


class Shell(InteractiveShell):  # type: ignore[misc]
    """The shell that runs a submission's cells."""

    recorder = Instance(Recorder, ())
    displayhook_class = Type(RecordingHook)
    display_pub_class = Type(RecordingPublisher)

    def enable_gui(self, gui: Any = None) -> None:
        """There is no event loop to join."""

    def ask_exit(self) -> None:
        """exit() and quit() end a notebook's kernel; the cells after them are run all the same."""

    def _showtraceback(self, etype: Any, evalue: Any, stb: Any) -> None:
        lines = "\n".join(str(line) for line in stb).encode("utf-8", "replace").decode()[:TRACEBACK].split("\n")[:LINES]
        name = str(getattr(etype, "__name__", etype))[:TRACEBACK]
        try:
            value = str(evalue).encode("utf-8", "replace").decode()[:TRACEBACK]
        except Exception:  # a __str__ of the student's that fails
            value = ""
        self.recorder.add_error({"output_type": "error", "ename": name, "evalue": value, "traceback": lines})


def make_shell() -> Shell:
    """The one shell of this process, warmed up: everything that a cell, a display or an error needs is imported."""
    config = Config()
    config.HistoryManager.enabled = False
    config.InteractiveShell.colors = "nocolor"
    shell: Shell = Shell.instance(config=config)
    shell.display_formatter.active_types = list(SHOWN)
    shell.builtin_trap.activate()  # display and get_ipython also inside functions that are called from outside
    builtins.help = _sitebuiltins._Helper()  # what `site` would have set; the interpreter starts without it
    builtins.input = getpass.getpass = _no_input
    sys.stdout, sys.stderr = Stream("stdout", shell.recorder), Stream("stderr", shell.recorder)
    for source in WARM_UP:
        shell.recorder.start(sys.maxsize)
        shell.run_cell(source, store_history=True)
    shell.reset(new_session=True)
    shell.execution_count = 1
    return shell


def _no_input(prompt: object = "", stream: object = None) -> str:
    """input() in a notebook that nobody sits at."""
    raise StdinNotImplementedError("raw_input was called, but this frontend does not support input requests.")
