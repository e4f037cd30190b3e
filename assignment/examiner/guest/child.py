"""The fork that runs one submission: cells in the shell, calls of the functions they defined, nothing else."""

from __future__ import annotations

import marshal
import random
import socket
import time
import traceback
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..wire import HANDLE, MOVING, PREFIX, TUPLE, TYPE, TYPES, Unsendable, decode, frame
from .notebook import normalise
from .shell import GuestShell
from .values import Sender, Shelf, pack, together

FLUSH_SECONDS = 0.2  # a long batch shows signs of life so often
FLUSH_BYTES = 1 << 18
MOVES = object()  # where an argument is another array in each call
MAX_WORDS = 10_000  # characters of an error's text and of its traceback


class Request(NamedTuple):
    """One message of the examiner's."""

    number: int
    verb: str
    payload: list[Any]


class Channel:
    """The examiner's end of the line, as seen from here."""

    def __init__(self, connection: socket.socket, shelf: Shelf) -> None:
        self._connection = connection
        self._shelf = shelf

    def receive(self) -> Request | None:
        """The next request; None when the examiner is gone."""
        try:
            header_size, blob_size = PREFIX.unpack(self._exactly(PREFIX.size))
            header = self._exactly(header_size)
            return Request(*decode(bytes(header), blob_size, self._read, self._take, trusted=True))
        except EOFError:
            return None

    def _exactly(self, size: int) -> bytearray:
        data = bytearray(size)
        self._take(memoryview(data))
        return data

    def _take(self, view: memoryview) -> None:
        """The next bytes, into this memory. Raises EOFError."""
        while view:
            count = self._connection.recv_into(view)
            if not count:
                raise EOFError
            view = view[count:]

    def _read(self, code: int, data: bytes, unpack: Any) -> Any:
        if code == TUPLE:
            return tuple(unpack(data))
        if code == TYPE:
            name, is_dtype = unpack(data)
            return np.dtype(TYPES[name]) if is_dtype else TYPES[name]
        if code == MOVING:
            return MOVES
        if code == HANDLE:
            return self._shelf.objects[unpack(data)]
        raise ValueError(code)

    def send(self, request: Request, sequence: int, kind: str, *payload: Any) -> None:
        """Send a reply."""
        for part in frame([request.number, sequence, kind, *payload], pack):
            self._connection.sendall(part)


def serve(connection: socket.socket, shell: GuestShell) -> None:
    """Answer requests until the examiner hangs up."""
    random.seed(0)
    np.random.seed(0)
    shelf = Shelf()
    channel = Channel(connection, shelf)
    channel.send(Request(0, "", []), 0, "ready")
    while True:
        request = channel.receive()
        if request is None:
            return
        if request.verb == "cell":
            channel.send(request, 0, "ran", *_run_cell(shell, *request.payload))
        elif request.verb == "parse":
            channel.send(request, 0, "parsed", *normalise(*request.payload))
        elif request.verb == "sweep":
            call, moves, *rest = request.payload
            _run_calls(channel, shell, shelf, request, _swept(call, *moves), *rest)
        else:
            _run_calls(channel, shell, shelf, request, *request.payload)


def _run_cell(shell: GuestShell, source: str, output_bytes: int, compiled: bytes) -> list[Any]:
    """Run a cell as Jupyter would; its outputs, whether it succeeded, its number, whether output was cut.

    compiled: the cell's code if the examiner has compiled it; empty for the student's.
    """
    recorder = shell.recorder
    recorder.start(output_bytes)
    count = shell.execution_count
    if compiled:
        ok = shell.run_compiled(source, marshal.loads(compiled))
    else:
        ok = shell.run_cell(source, store_history=True).success is True
    return [recorder.finished(), ok, count, recorder.truncated]


def _swept(call: list[Any], x: np.ndarray, h: float, start: int, stop: int) -> Iterator[tuple[Any, ...]]:
    """The call with one entry of x moved up by h, then down, for each entry from start to stop."""
    name, args, kwargs, state = call
    for entry in range(start, stop):
        for step in (h, -h):
            moved = x.copy()
            moved.reshape(-1)[entry] += step
            yield name, _copied(args, moved), kwargs and _copied(kwargs, moved), state and _copied(state, moved)


def _copied(value: Any, moved: np.ndarray) -> Any:
    """Arguments of one call of a sweep: every array a copy of its own, the moved one in its place."""
    kind = type(value)
    if kind is dict:
        return {key: item.copy() if type(item) is np.ndarray else _copied(item, moved) for key, item in value.items()}
    if kind is list or kind is tuple:
        return kind([item.copy() if type(item) is np.ndarray else _copied(item, moved) for item in value])
    return moved if value is MOVES else value


def _run_calls(
    channel: Channel,
    shell: GuestShell,
    shelf: Shelf,
    request: Request,
    calls: Iterable[Sequence[Any]],
    pick: int | None,
    reply_bytes: int,
) -> None:
    """Make the calls in order; the first that raises is the last that is made.

    Values go out together, but not later than a while after they were made: the examiner's clock runs for each call.
    """
    sender = Sender(shelf, reply_bytes, copies=not isinstance(calls, list) or len(calls) > 1)
    values: list[Any] = []
    sent, flushed = 0, time.monotonic()
    end: list[Any] = []
    shell.recorder.start(0)  # what a function prints while it is checked is shown to nobody
    for name, args, kwargs, state in calls:
        try:
            returned = _call(shell.user_ns, name, args, kwargs, state)
        except BaseException as error:  # whatever a student's function raises is news for the examiner
            end = ["raised", *_words(error)]
            break
        try:
            values.append(sender.outputs(returned) if pick is None else sender.output(returned, pick))
        except Unsendable as error:
            end = ["refused", str(error)]
            break
        if sender.spent > FLUSH_BYTES or time.monotonic() - flushed > FLUSH_SECONDS:
            channel.send(request, sent, *together(values))
            sent, values, sender.spent, flushed = sent + len(values), [], 0, time.monotonic()
    if values:
        channel.send(request, sent, *together(values))
    if end:
        channel.send(request, sent + len(values), *end)


def _call(names: dict[str, Any], name: str, args: Any, kwargs: dict[str, Any], state: dict[str, Any] | None) -> Any:
    """Call a function by name, or a method of a new object that has the given state."""
    owner, dot, method = name.partition(".")
    if owner not in names:
        raise NameError(f"name {owner!r} is not defined", name=owner)
    if not dot:
        return names[owner](*args, **kwargs)
    this = names[owner].__new__(names[owner])
    this.__dict__.update(state or {})
    return getattr(this, method)(*args, **kwargs)


def _words(error: BaseException) -> list[Any]:
    """An exception as text: the names of its classes, what it says, and its traceback from the student's code on."""
    kinds = [str(kind.__name__)[:100] for kind in type(error).__mro__[:20]]
    try:
        text = str(error)
        frames = "".join(traceback.format_exception(type(error), error, _own_frames(error), limit=-20))
    except Exception:  # a __str__ of the student's that fails
        text = frames = ""
    return [kinds, *(part.encode("utf-8", "replace").decode()[:MAX_WORDS] for part in (text, frames))]


def _own_frames(error: BaseException) -> Any:
    """The traceback without the frames of this module."""
    frames = error.__traceback__
    while frames is not None and frames.tb_frame.f_code.co_filename == __file__:
        frames = frames.tb_next
    return frames
