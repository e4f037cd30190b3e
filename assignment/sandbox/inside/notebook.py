"""A notebook inside the sandbox: a submission's file made into plain cells, and the shell that runs cells.

The examiner never sees the file itself. The shell is IPython without terminal, files or history; it records what a
notebook would show.
"""

import _sitebuiltins
import base64
import builtins
import getpass
import io
import json
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

MAX_OUTPUT_TEXT = 20_000  # characters kept of one output
MAX_OUTPUTS = 100  # outputs kept of one cell
MAX_WORD = 1000  # characters of an id, a name or a version
Json = dict[str, Any]


class NotANotebook(Exception):
    """Why these bytes are no notebook, in words for a TA."""


def normalise(data: bytes, max_cells: int, max_text: int) -> tuple[str, Json | None]:
    """(what is wrong, None) or ("", notebook); the notebook has metadata and cells."""
    try:
        return "", _notebook(data, max_cells, max_text)
    except NotANotebook as error:
        return str(error), None
    except RecursionError:
        return "it is nested too deeply to be a notebook", None
    except MemoryError:
        return "it is too large to be read within the memory limit", None


def _notebook(data: bytes, max_cells: int, max_text: int) -> Json:
    """What is looked at of a notebook. Raises NotANotebook, RecursionError, MemoryError."""
    if not data.strip():
        raise NotANotebook("it is empty")
    try:
        content = json.loads(data)
    except (ValueError, UnicodeError) as error:
        raise NotANotebook(f"it is not JSON ({type(error).__name__})") from error
    if not isinstance(content, dict):
        raise NotANotebook("it is JSON, but not a notebook")
    cells = content.get("cells")
    if not isinstance(cells, list):
        raise NotANotebook("it is JSON, but has no cells")
    if len(cells) > max_cells:
        raise NotANotebook(f"it has {len(cells)} cells; {max_cells} are read at most")
    about, budget = content.get("metadata"), Budget(max_text)
    return {
        "assignment": _word(about, "assignment", "name"),
        "release": _word(about, "assignment", "release"),
        "kernel": _word(about, "kernelspec", "name"),
        "python": _word(about, "language_info", "version"),
        "private_outputs": _below(about, "colab", "private_outputs") is True,
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
    kind, about, outputs = cell.get("cell_type"), cell.get("metadata"), cell.get("outputs")
    source = _text(cell.get("source", ""))
    if source is None:
        raise NotANotebook(f"its cell {number} has a source that is no text")
    if kind != "code" or not isinstance(outputs, list):
        outputs = []
    return {
        "cell_type": kind if kind in ("code", "markdown") else "raw",
        "id": _word(cell, "id"),
        "source": budget.source(source.replace("\r\n", "\n").replace("\r", "\n")),
        "grade_id": _word(about, "nbgrader", "grade_id"),
        "kind": _word(about, "assignment", "kind"),
        "name": _word(about, "assignment", "name"),
        "outputs": [_output(output, budget) for output in outputs[:MAX_OUTPUTS] if isinstance(output, dict)],
    }


def _output(output: Json, budget: Budget) -> list[Any]:
    """What is looked at of an output: its kind, its text, and of a picture only that there is one."""
    kind, text, picture = _word(output, "output_type"), None, False
    if kind == "stream":
        text = _text(output.get("text"))
    elif kind == "error":
        text = f"{_word(output, 'ename')}: {_word(output, 'evalue')}"
    else:
        kind = kind if kind == "execute_result" else "display_data"
        text, picture = _text(_below(output, "data", "text/plain")), bool(_below(output, "data", "image/png"))
    return [kind, budget.output(text or ""), picture]


def _text(value: Any) -> str | None:
    """A multiline text as notebooks keep it, a string or a list of them; None if it is neither."""
    if isinstance(value, list) and all(isinstance(line, str) for line in value):
        value = "".join(value)
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else None


def _below(value: Any, *keys: str) -> Any:
    """What stands below keys, each in the mapping of the one before; None if there is nothing."""
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _word(value: Any, *keys: str) -> str:
    """The short text below keys, "" if there is none."""
    value = _below(value, *keys)
    return value[:MAX_WORD].encode("utf-8", "replace").decode() if isinstance(value, str) else ""


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

    def run_line_magic(self, magic_name: str, line: str, _stack_depth: int = 1) -> Any:
        """A magic that fails here, for want of what students have installed, does not end the cell it stands in."""
        try:
            return super().run_line_magic(magic_name, line, _stack_depth + 1)
        except Exception as error:
            print(f"%{magic_name}: {error}", file=sys.stderr)
            return None

    def system(self, cmd: str) -> None:
        """There is no other program to run; neither does that end a cell."""
        print(f"{cmd}: not run", file=sys.stderr)

    def getoutput(self, cmd: str, split: bool = True, depth: int = 0) -> Any:
        self.system(cmd)
        return [] if split else ""

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
