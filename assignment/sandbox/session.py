"""One submission's sandbox as the examiner uses it: run its cells, call its functions, learn how it ended."""

from __future__ import annotations

import base64
import binascii
import secrets
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from assignment.sandbox.channel import (
    Ended,
    Exchange,
    Handle,
    HungUp,
    Line,
    Moving,
    Refused,
    RemoteDict,
    RemoteError,
    TooLate,
    remote_error,
)
from assignment.sandbox.limits import Limits
from assignment.sandbox.protocol import BROKEN, OUT_OF_MEMORY, Parts, WireError

__all__ = ["CellRun", "Ended", "Handle", "Moving", "Refused", "RemoteDict", "RemoteError", "Session"]

HEADER = 8 << 20  # bytes of a reply that are not arrays; the guest keeps well below
BYTES_PER_CHARACTER = 8  # of text in a notebook that is read: UTF-8, and room for what surrounds it
READY_SECONDS = 20.0  # a fork answers within milliseconds, unless the machine is in trouble
WORDS = 10_000  # characters kept of what an error says
HANGUP_SECONDS = 1.0  # between closing its channel and being dead

CallSpec = tuple[str, Sequence[Any], dict[str, Any], dict[str, Any] | None]


@dataclass(frozen=True)
class CellRun:
    """A cell that was run: outputs as nbformat has them, whether it succeeded, its number, whether output was cut."""

    outputs: list[dict[str, Any]]
    ok: bool
    count: int
    truncated: bool


class Session:
    """One fork of the warm process; a context manager. Made by Sandbox.open()."""

    def __init__(self, line: Line, end: Callable[[float], Report], limits: Limits, seconds: float) -> None:
        self._line = line
        self._end = end
        self._limits = limits
        self._exchange = Exchange()
        self._left = seconds
        self._ended: Ended | None = None
        self._closed = False
        self._number = 0

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def remaining(self) -> float:
        """Seconds that are left of the submission's time; only waiting for the sandbox uses them up."""
        return max(0.0, self._left)

    def wait_ready(self) -> None:
        """Wait for the fork's first word. Raises Ended."""
        with self._guarded("starting the sandbox", READY_SECONDS) as deadline:
            self._reply(deadline, 0)

    def run_cell(self, source: str, most: int | None = None, compiled: bytes = b"") -> CellRun:
        """Run a cell as Jupyter would; of its output at most `most` bytes are kept. Raises Ended.

        compiled: its code (homework.compiled_cell), which saves compiling it again; none for what comes from a student.
        """
        limits = self._limits
        room = limits.output_bytes if most is None else min(most, limits.output_bytes)
        request = self._request("cell", [source, room, compiled])
        with self._guarded(f"the cell that starts with {_first_line(source)!r}", limits.cell_seconds) as deadline:
            self._ask(request, deadline)
            match self._reply(deadline, 0, header=2 * room + HEADER):
                case ["ran", outputs, bool(ok), int(count), bool(truncated)]:
                    return CellRun(checked_outputs(outputs, room), ok, count, truncated)
            raise WireError("a cell's result of another form")

    def call(self, name: str, args: Sequence[Any], kwargs: dict[str, Any], state: dict[str, Any] | None = None) -> Any:
        """Call a function, or `Class.method` on an object with that state; a returned list or tuple comes as a tuple.

        Raises RemoteError (what the function raised), Refused, Ended.
        """
        return self.call_many([(name, args, kwargs, state)])[0]

    def call_many(self, calls: Sequence[CallSpec], pick: int | None = None) -> list[Any]:
        """Make calls in order in one round trip; `pick`: the one element of each returned tuple that is wanted.

        An array that is an argument of several calls is sent once; each call gets a copy of its own. The time limit
        holds for each call. Raises as `call` does, for the first call that fails.
        """
        plain = [[name, list(args), kwargs, state] for name, args, kwargs, state in calls]
        request = self._request("call", [plain, pick, self._limits.reply_bytes])
        return self._results(request, [name for name, *_ in calls])

    def _results(self, request: Parts, names: Sequence[str]) -> list[Any]:
        """What the calls of a request returned; names: the function of each."""
        values: list[Any] = []
        room, asked = self._limits.reply_bytes, False
        while len(values) < len(names):
            with self._guarded(f"a call of {names[len(values)]}", self._limits.call_seconds) as deadline:
                if not asked:
                    self._ask(request, deadline)
                    asked = True
                answer = self._answer(self._reply(deadline, len(values), room), len(names) - len(values))
            if isinstance(answer, RemoteError):
                raise answer
            values += answer
            room -= self._exchange.blob_size
        return values

    def sweep(self, call: CallSpec, x: np.ndarray, h: float, entries: range, pick: int | None = None) -> list[Any]:
        """Make two calls for each of these entries of x: with the entry moved up by h, then with it moved down.

        The moved x takes the place of Moving in the arguments. Every array is sent once; each call gets copies of its
        own. Otherwise as `call_many`.
        """
        name, args, kwargs, state = call
        moves = [x, h, entries.start, entries.stop]
        payload = [[name, list(args), kwargs, state], moves, pick, self._limits.reply_bytes]
        return self._results(self._request("sweep", payload), [name] * (2 * len(entries)))

    def parse(self, data: bytes, max_cells: int, max_text: int) -> tuple[str, Any]:
        """What the guest's notebook module makes of a file: (what is wrong, notebook or None). Raises Ended."""
        request = self._request("parse", [data, max_cells, max_text])
        with self._guarded("reading the notebook", self._limits.cell_seconds) as deadline:
            self._ask(request, deadline)
            match self._reply(deadline, 0, header=BYTES_PER_CHARACTER * max_text + HEADER):
                case ["parsed", str(wrong), notebook]:
                    return wrong, notebook
            raise WireError("a notebook of another form")

    def close(self) -> None:
        """Kill everything in the sandbox and wait until it is gone."""
        if not self._closed:
            self._closed = True
            self._line.close()
            self._end(0.0)

    def _answer(self, reply: list[Any], most: int) -> list[Any] | RemoteError:
        """The values in a reply to calls, or the error that is to be raised. Raises WireError."""
        match reply:
            case ["returned", list(values)] if 0 < len(values) <= most:
                return [self._exchange.checked(value) for value in values]
            case ["stacked", np.ndarray() as values] if values.ndim and 0 < len(values) <= most:
                return list(values)
            case ["refused", str(text)]:
                return Refused(text[:WORDS])
            case ["raised", list(kinds), str(text), str(traceback)] if kinds and all(type(k) is str for k in kinds):
                return remote_error(kinds[:WORDS], text[:WORDS], traceback[:WORDS])
        raise WireError("a reply of another form")

    def _request(self, verb: str, payload: list[Any]) -> Parts:
        """The frame of a new request. Raises Ended, Refused."""
        if self._ended is not None:
            raise Ended(self._ended.how, self._ended.reason)
        if self._closed:
            raise Ended("crashed", "this sandbox was closed")
        self._number = secrets.randbits(62) | 1  # cannot be guessed, so cannot be answered before it is asked
        return self._exchange.request([self._number, verb, payload])

    def _ask(self, request: Parts, deadline: float) -> None:
        if not self._line.is_silent():
            raise WireError("it spoke without being asked")
        self._line.send(request, deadline)

    def _reply(self, deadline: float, sequence: int, room: int = 0, header: int = HEADER) -> list[Any]:
        """Kind and fields of the reply that is due now. Raises HungUp, TooLate, WireError."""
        head, size = self._line.receive(header, room, deadline)
        match self._exchange.reply(head, size, lambda view: self._line.take(view, deadline)):
            case [int(number), int(place), str(kind), *fields]:
                if number != self._number or place != sequence:
                    raise WireError("a reply to another request")
                return [kind, *fields]
        raise WireError("a reply of another form")

    @contextmanager
    def _guarded(self, what: str, seconds: float) -> Iterator[float]:
        """Waiting for the sandbox until a deadline; a broken wait ends the session. Raises Ended."""
        started = time.monotonic()
        allowed = min(seconds, self.remaining)
        try:
            yield started + allowed
        except (HungUp, TooLate, WireError) as error:
            report = self._end(HANGUP_SECONDS if isinstance(error, HungUp) else 0.0)
            self._closed = True
            self._line.close()
            if isinstance(error, TooLate):
                whose = f"{what} took" if allowed == seconds else "the submission took"
                limit = seconds if allowed == seconds else self._limits.submission_seconds
                self._ended = Ended("timeout", f"{whose} longer than {limit:g} s")
            elif isinstance(error, WireError):
                self._ended = Ended("crashed", f"{what}: the process broke the protocol ({error})")
            else:
                how, reason = describe(report, self._limits)
                self._ended = Ended(how, f"{what}: {reason}")
            raise self._ended from error
        finally:
            self._left -= time.monotonic() - started


def _first_line(source: str) -> str:
    return next((line.strip() for line in source.splitlines() if line.strip()), "")[:60]


SIGNIFICANT = 0.25  # of the memory limit: a process this large that is killed was killed for its memory


@dataclass(frozen=True)
class Report:
    """What the warm process saw. `status` as os.waitstatus_to_exitcode has it, None if nobody knows."""

    status: int | None
    alone: bool = False  # it ended by itself
    cpu: float = 0.0  # seconds
    resident: int = 0  # bytes, at most


def describe(report: Report, limits: Limits) -> tuple[str, str]:
    """(how, reason) of an end that the examiner did not bring about."""
    status = report.status
    if status is None:
        return "crashed", "the sandbox died with everything in it"
    if not report.alone:
        return "crashed", "the process closed its channel to the examiner"
    if status in (-signal.SIGKILL, -signal.SIGXCPU) and report.cpu >= limits.cpu_seconds - 1:
        return "timeout", f"the submission used more than {limits.cpu_seconds} s of CPU time"
    if status == OUT_OF_MEMORY or (status == -signal.SIGKILL and report.resident >= SIGNIFICANT * limits.memory):
        return "memory", f"the process needed more than the {limits.memory >> 20} MiB it may use"
    if status < 0:
        return "crashed", f"the process was ended by {_signal_name(-status)}"
    if status == BROKEN:
        return "crashed", "the process could no longer answer"
    return "crashed", f"the process exited by itself with status {status}"


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


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
