"""One submission's sandbox as a worker uses it: run its cells, call its functions, learn how it ended."""

import base64
import secrets
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from assignment.sandbox import Limits, protocol
from assignment.sandbox.channel import (
    Channel,
    Codec,
    Ended,
    Handle,
    HungUp,
    Refused,
    RemoteError,
    TooLate,
    remote_error,
)
from assignment.sandbox.protocol import Keywords, Output, Parts, ProtocolError, Unsendable, plain

HEADER = 8 << 20  # bytes of a reply that are not arrays; an honest one keeps well below
BYTES_PER_CHARACTER = 8  # of text in a notebook that is read: UTF-8, and room for what surrounds it
READY_SECONDS = 20.0  # a fork answers within milliseconds, unless the machine is in trouble
WORDS = 10_000  # characters kept of what an error says
HANGUP_SECONDS = 1.0  # between closing its channel and being dead
SIGNIFICANT = 0.25  # of the memory limit: a process this large that is killed was killed for its memory
SHORT = 200  # characters kept of an error's name and of its text when there is no room for more
MAX_ERROR = 1 << 20  # characters of an error's name, text and traceback

CallSpec = tuple[str, Sequence[Any], Keywords, Keywords | None]
StandIn = Callable[[str, tuple[Any, ...], Keywords, Keywords | None], Any]


@dataclass(frozen=True)
class CellRun:
    """A cell that was run."""

    outputs: list[Output]  # as nbformat has them
    ok: bool  # whether it succeeded
    count: int  # its number
    truncated: bool  # whether output was cut


@dataclass(frozen=True)
class Report:
    """How a fork ended, as the zygote saw it."""

    status: int | None  # as os.waitstatus_to_exitcode has it, None if nobody knows
    alone: bool = False  # it ended by itself
    cpu: float = 0.0  # seconds
    resident: int = 0  # bytes, at most


class Session:
    """One fork of the zygote; a context manager. Made by Sandbox.open().

    deadline: a time.monotonic() after which nothing is waited for.
    """

    def __init__(self, channel: Channel, end: Callable[[float], Report], limits: Limits, deadline: float) -> None:
        self._channel = channel
        self._end = end
        self._limits = limits
        self._deadline = deadline
        self._codec = Codec()
        self._room = limits.session_bytes
        self._stand_in: StandIn | None = None
        self._ended: Ended | None = None
        self._closed = False
        self._number = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def wait_ready(self) -> None:
        """Wait until the fork serves. Raises Ended."""
        with self._guarded("starting the sandbox", READY_SECONDS) as deadline:
            self._reply(deadline, 0)

    def run_cell(self, source: str | bytes, most: int | None = None) -> CellRun:
        """Run a cell as Jupyter would; of its output at most `most` bytes are kept. Raises Ended.

        source: Python as a notebook has it, or marshalled code, which displays nothing.
        """
        limits = self._limits
        room = limits.output_bytes if most is None else min(most, limits.output_bytes)
        request = self._request("cell", [source, room])
        what = "a given cell"
        if isinstance(source, str):
            first = next((line.strip() for line in source.splitlines() if line.strip()), "")
            what = f"the cell that starts with {first[:60]!r}"
        with self._guarded(what, limits.cell_seconds) as deadline:
            self._ask(request, deadline)
            match self._reply(deadline, 0, header=2 * room + HEADER):
                case ["ran", outputs, bool(ok), int(count), bool(truncated)]:
                    return CellRun(checked_outputs(outputs, room), ok, count, truncated)
            raise ProtocolError("malformed result of a cell")

    def stand_in(self, names: Sequence[str], givers: dict[str, str], answer: StandIn) -> None:
        """Put functions that ask this process in the place of the student's; a method as "Class.method".

        answer(name, args, kwargs, state of the object or None) gives what they return; what it raises they raise.
        givers: of a replaced function the one whose cache it takes; a cache that the student's own made arrives as
        {CALL: [function, args, kwargs]}. Raises Ended.
        """
        self._stand_in = answer
        request = self._request("stand_in", [list(names), givers])
        with self._guarded("putting stand-ins in place", self._limits.cell_seconds) as deadline:
            self._ask(request, deadline)
            if self._reply(deadline, 0) != ["replaced"]:
                raise ProtocolError("malformed reply")

    def patched(self, cache: Handle, wrong: Any, right: Any) -> Any:
        """A copy of what stayed inside, with right in the place of wrong and of its slices. Raises as `call` does."""
        return self._results(self._request("patch", [cache, wrong, right]), "patch", 1)[0]

    def call(self, name: str, args: Sequence[Any], kwargs: Keywords, state: Keywords | None = None) -> Any:
        """Call a function, or `Class.method` on an object with that state; a returned list or tuple comes as a tuple.

        Raises RemoteError (what the function raised), Refused, Ended.
        """
        request = self._request("call", [[name, list(args), kwargs, state], self._limits.reply_bytes])
        return self._results(request, name, 1)[0]

    def sweep(self, call: CallSpec, x: np.ndarray, h: float, entries: range, pick: int | None = None) -> list[Any]:
        """Make two calls for each of these entries of x: with the entry moved up by h, then with it moved down.

        The moved x takes the place of Moving in the arguments; each call gets copies of its own, and the time limit
        holds for each. pick: the one element of each returned tuple that is wanted. Raises as `call` does, for the
        first call that fails.
        """
        name, args, kwargs, state = call
        moves = [x, h, entries.start, entries.stop]
        payload = [[name, list(args), kwargs, state], moves, pick, self._limits.reply_bytes]
        return self._results(self._request("sweep", payload), name, 2 * len(entries))

    def parse(self, data: bytes, max_cells: int, max_text: int) -> tuple[str, Any]:
        """What inside.notebook makes of a file: (what is wrong, notebook or None). Raises Ended."""
        request = self._request("parse", [data, max_cells, max_text])
        with self._guarded("reading the notebook", self._limits.cell_seconds) as deadline:
            self._ask(request, deadline)
            match self._reply(deadline, 0, header=BYTES_PER_CHARACTER * max_text + HEADER):
                case ["parsed", str(wrong), notebook]:
                    return wrong, notebook
            raise ProtocolError("malformed notebook")

    def renew(self) -> None:
        """What came back so far is not needed any more: as much may come again."""
        self._room = self._limits.session_bytes

    def close(self) -> None:
        """Kill everything in the sandbox and wait until it is gone."""
        if not self._closed:
            self._closed = True
            self._channel.close()
            self._end(0.0)

    def _results(self, request: Parts, name: str, count: int) -> list[Any]:
        """What so many calls of a function returned."""
        values: list[Any] = []
        room, asked = self._limits.reply_bytes, False
        while len(values) < count:
            with self._guarded(f"a call of {name}", self._limits.call_seconds) as deadline:
                if not asked:
                    self._ask(request, deadline)
                    asked = True
                while (reply := self._reply(deadline, len(values), room))[0] == "ask":
                    self._answer_ask(reply, deadline)
                answer = self._answer(reply, count - len(values))
            if isinstance(answer, RemoteError):
                raise answer
            values += answer
            room -= self._codec.blob_size
        return values

    def _answer(self, reply: list[Any], most: int) -> list[Any] | RemoteError:
        """The values in a reply to calls, or the error that is to be raised. Raises ProtocolError."""
        match reply:
            case ["returned", list(values)] if 0 < len(values) <= most:
                return [self._codec.checked(value) for value in values]
            case ["stacked", np.ndarray() as values] if values.ndim and 0 < len(values) <= most:
                return list(values)
            case ["refused", str(text)]:
                return Refused(text[:WORDS])
            case ["raised", list(kinds), str(text), str(traceback), str(function), int(line)] if kinds and all(
                type(kind) is str for kind in kinds
            ):
                error = remote_error(kinds[:WORDS], text[:WORDS], traceback[:WORDS])
                error.inside, error.line = function[:SHORT], line
                return error
        raise ProtocolError("malformed reply")

    def _answer_ask(self, reply: list[Any], deadline: float) -> None:
        """Do what a stand-in asks for. Raises HungUp, TooLate, ProtocolError."""
        match reply:
            case ["ask", str(name), tuple(args), dict(kwargs), state] if self._stand_in is not None:
                try:
                    about = [plain(value) for value in (args, kwargs, state)]
                except Unsendable as error:
                    raise ProtocolError(str(error)) from error
            case _:
                raise ProtocolError("malformed question")
        try:
            answer = ["answer", self._stand_in(name, *about)]
        except Exception as error:  # the arguments are the student's: anything can be wrong with them
            answer = ["raise", type(error).__name__, str(error)[:WORDS]]
        try:
            parts = self._codec.encode([self._number, *answer])
        except TypeError as error:
            parts = self._codec.encode([self._number, "raise", "TypeError", str(error)])
        self._channel.send(parts, deadline)

    def _request(self, verb: str, payload: list[Any]) -> Parts:
        """The frame of a new request. Raises Ended, Refused."""
        if self._ended is not None:
            raise Ended(self._ended.how, self._ended.reason)
        if self._closed:
            raise Ended("crashed", "this sandbox was closed")
        self._number = secrets.randbits(62) | 1  # cannot be guessed, so cannot be answered before it is asked
        return self._codec.encode([self._number, verb, payload])

    def _ask(self, request: Parts, deadline: float) -> None:
        if not self._channel.is_silent():
            raise ProtocolError("unsolicited message")
        self._channel.send(request, deadline)

    def _reply(self, deadline: float, sequence: int, room: int = 0, header: int = HEADER) -> list[Any]:
        """Kind and fields of the reply that is due now. Raises HungUp, TooLate, ProtocolError."""
        most = max(room, self._limits.ask_bytes) if self._stand_in else room
        head, size = self._channel.receive(header, most, deadline)
        self._room -= size
        if self._room < 0:
            raise ProtocolError(f"more than {self._limits.session_bytes >> 20} MiB returned in all")
        match self._codec.decode(head, size, lambda view: self._channel.take(view, deadline)):
            case [int(number), int(place), str(kind), *fields]:
                asks = kind == "ask" and place == protocol.ASK and size <= self._limits.ask_bytes
                if number != self._number or not (asks or (place == sequence and kind != "ask" and size <= room)):
                    raise ProtocolError("reply to another request, or an oversized one")
                return [kind, *fields]
        raise ProtocolError("malformed reply")

    @contextmanager
    def _guarded(self, what: str, seconds: float) -> Iterator[float]:
        """Waiting for the sandbox until a deadline; a broken wait ends the session. Raises Ended."""
        own = time.monotonic() + seconds
        try:
            yield min(own, self._deadline)
        except (HungUp, TooLate, ProtocolError) as error:
            report = self._end(HANGUP_SECONDS if isinstance(error, HungUp) else 0.0)
            self._closed = True
            self._channel.close()
            if isinstance(error, TooLate):
                whose, limit = (
                    (what, seconds) if own <= self._deadline else ("the submission", self._limits.submission_seconds)
                )
                self._ended = Ended("timeout", f"{whose} took longer than {limit:g} s")
            elif isinstance(error, ProtocolError):
                self._ended = Ended("crashed", f"{what}: the process broke the protocol ({error})")
            else:
                how, reason = describe(report, self._limits)
                self._ended = Ended(how, f"{what}: {reason}")
            raise self._ended from error


def describe(report: Report, limits: Limits) -> tuple[str, str]:
    """(how, reason) of an end that the examiner did not bring about."""
    status = report.status
    if status is None:
        return "crashed", "the sandbox died with everything in it"
    if not report.alone:
        return "crashed", "the process closed its channel to the examiner"
    if status in (-signal.SIGKILL, -signal.SIGXCPU) and report.cpu >= limits.cpu_seconds - 1:
        return "timeout", f"the submission used more than {limits.cpu_seconds} s of CPU time"
    large = report.resident >= SIGNIFICANT * limits.memory
    if status == protocol.OUT_OF_MEMORY or (status == -signal.SIGKILL and large):
        return "memory", f"the process needed more than the {limits.memory >> 20} MiB it may use"
    if status < 0:
        name = next((known.name for known in signal.Signals if known == -status), f"signal {-status}")
        return "crashed", f"the process was ended by {name}"
    if status == protocol.BROKEN:
        return "crashed", "the process could no longer answer"
    return "crashed", f"the process exited by itself with status {status}"


PNG = b"\x89PNG\r\n\x1a\n"


def checked_outputs(outputs: Any, most: int) -> list[Output]:
    """The outputs of a cell in nbformat 4's shape, text and PNG only. Raises ProtocolError."""
    if type(outputs) is not list:
        raise ProtocolError("outputs that are no list")
    made = list(map(_output, outputs))
    shown = sum(size(output) for output in made if output["output_type"] != "error")
    errors = [output for output in made if output["output_type"] == "error"]
    if shown > 2 * most + 1024 or sum(size(output) for output in errors) > MAX_ERROR:  # twice: a notice, and base64
        raise ProtocolError("more output than a cell may give")
    return made


def shortened(outputs: list[Output]) -> list[Output]:
    """The outputs with no more of each error than what it is and says, in a line."""
    return [_in_a_line(output) if output["output_type"] == "error" else output for output in outputs]


def _in_a_line(error: Keywords) -> Keywords:
    name, value = error["ename"][:SHORT], error["evalue"][:SHORT]
    return error | {"ename": name, "evalue": value, "traceback": [f"{name}: {value}"]}


def _output(output: Any) -> Output:
    match output:
        case {"output_type": "stream", "name": "stdout" | "stderr" as name, "text": str(text)}:
            return {"output_type": "stream", "name": name, "text": text}
        case {"output_type": "execute_result", "execution_count": int(count), "data": dict(data)} if type(count) is int:
            return {"output_type": "execute_result", "execution_count": count, "metadata": {}, "data": _data(data)}
        case {"output_type": "display_data", "data": dict(data)}:
            return {"output_type": "display_data", "metadata": {}, "data": _data(data)}
        case {"output_type": "error", "ename": str(name), "evalue": str(value), "traceback": list(lines)} if all(
            type(line) is str for line in lines
        ):
            return {"output_type": "error", "ename": name, "evalue": value, "traceback": lines}
    raise ProtocolError("malformed output")


def _data(data: Keywords) -> dict[str, str]:
    kept: dict[str, str] = {kind: data[kind] for kind in ("text/plain", "image/png") if kind in data}
    if any(type(text) is not str for text in kept.values()):
        raise ProtocolError("an output that is no text")
    picture = png(kept.pop("image/png", ""))
    return kept | ({"image/png": picture} if picture else {})


def png(text: str) -> str:
    """The base64 text of a PNG, "" if it is anything else."""
    try:
        data = base64.b64decode("".join(text.split()), validate=True)
    except ValueError:
        return ""
    return base64.b64encode(data).decode() if data.startswith(PNG) else ""


def size(value: Any) -> int:
    """Characters in an output, or in several."""
    if isinstance(value, str):
        return len(value)
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 16 + sum(size(part) for part in parts)
