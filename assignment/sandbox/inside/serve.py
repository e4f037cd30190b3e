"""The fork that runs one submission: cells in the shell, calls of the functions they defined, nothing else."""

from __future__ import annotations

import marshal
import math
import random
import socket
import time
import traceback
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import msgpack
import numpy as np

from ..protocol import (
    CODES,
    DICT,
    HANDLE,
    MAX_INTEGER_BYTES,
    MOVING,
    PREFIX,
    TUPLE,
    TYPE,
    TYPES,
    Blob,
    Unsendable,
    decode,
    frame,
    pack_number,
    plain_array,
)
from .notebook import normalise
from .shell import GuestShell

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


MAX_TEXT = 100_000  # characters of all strings in one reply that are sent by value
MAX_KEYS = 4000  # entries of all dictionaries in one reply that are sent by value
MAX_OUTPUTS = 256  # values that one call may return
NODE = 100  # bytes that a value takes beside its numbers
BYTES_PER_CHARACTER = 4  # of UTF-8, at most
WORDS = 200  # characters that say what a handle stands for
MAX_DEPTH = 8  # dictionaries within dictionaries


@dataclass
class Shelf:
    """Objects that stay in the sandbox, by the numbers that go out for them."""

    objects: list[Any] = field(default_factory=list)

    def keep(self, thing: Any) -> int:
        self.objects.append(thing)
        return len(self.objects) - 1


@dataclass(frozen=True)
class Kept:
    """An object that stays here: its number, and what it is in words."""

    number: int
    what: str


@dataclass(frozen=True)
class KeptDict:
    """A dictionary sent by value that can also be asked for again."""

    number: int
    items: dict[Any, Any]


class Sender:
    """Turns returned objects into trees that the wire can pack, within one budget of bytes for all arrays.

    copies: whether arrays are copied, for their function runs again before they are sent and may fill them anew.
    """

    def __init__(self, shelf: Shelf, budget: int, copies: bool = False) -> None:
        self._shelf = shelf
        self._budget = budget
        self._copies = copies
        self._keys = self._letters = 0  # what one call may still send
        self.spent = 0  # bytes of arrays, and roughly of everything else

    def outputs(self, returned: Any) -> Any:
        """A returned tuple or list as the list of its elements, anything else as itself."""
        self._keys, self._letters = MAX_KEYS, MAX_TEXT
        kind = type(returned)
        for sequence in (tuple, list):
            if issubclass(kind, sequence):
                if sequence.__len__(returned) > MAX_OUTPUTS:
                    return self._kept(returned, f"{_name(returned)} of more than {MAX_OUTPUTS} values")
                return [self.value(item) for item in sequence.__iter__(returned)]
        return self.value(returned)

    def output(self, returned: Any, index: int) -> Any:
        """One element of a returned tuple or list. Raises Unsendable if there is no such element."""
        self._keys, self._letters = MAX_KEYS, MAX_TEXT
        kind = type(returned)
        for sequence in (tuple, list):
            if issubclass(kind, sequence) and sequence.__len__(returned) > index:
                return self.value(sequence.__getitem__(returned, index))
        raise Unsendable(f"{_name(returned)} where a tuple of at least {index + 1} values was expected")

    def value(self, thing: Any, depth: int = 0) -> Any:
        """A number, text, None, an array, a dictionary of these; or the handle of anything else."""
        self.spent += NODE
        try:
            return self._plain(thing, depth)
        except Unsendable as error:
            return self._kept(thing, str(error))
        except Exception as error:  # an object that lies about itself
            return self._kept(thing, f"{_name(thing)}, which cannot be read ({type(error).__name__})")

    def _kept(self, thing: Any, what: str) -> Kept:
        return Kept(self._shelf.keep(thing), what[:WORDS].encode("utf-8", "replace").decode())

    def _spend(self, size: int, what: str) -> None:
        if size > self._budget:
            raise Unsendable(f"{what} of {size} bytes, more than a reply may hold")
        self._budget -= size
        self.spent += size

    def _plain(self, thing: Any, depth: int) -> Any:
        kind = type(thing)
        if thing is None or kind is bool or kind is float:
            return thing
        if issubclass(kind, str):
            return self._text(str.__str__(thing))
        if issubclass(kind, np.ndarray):
            shape, dtype = np.ndarray.shape.__get__(thing), np.ndarray.dtype.__get__(thing)
            self._spend(math.prod(shape) * dtype.itemsize, f"an array of shape {shape}")
            return plain_array(thing).copy() if self._copies else plain_array(thing)
        if issubclass(kind, np.generic):
            if np.generic.dtype.__get__(thing) not in CODES:
                raise Unsendable(f"a NumPy scalar ({kind.__name__}) that is no number")
            return thing
        if issubclass(kind, int):
            exact = int.__int__(thing)
            if exact.bit_length() >= 8 * MAX_INTEGER_BYTES - 8:
                raise Unsendable(f"an integer of {exact.bit_length()} bits")
            return exact
        if issubclass(kind, float):
            return float.__float__(thing)
        if issubclass(kind, complex):
            return complex.__complex__(thing)
        if issubclass(kind, dict):
            return self._dictionary(thing, depth)
        raise Unsendable(_name(thing))

    def _text(self, text: str) -> str:
        if len(text) > self._letters:
            raise Unsendable(f"a text of {len(text)} characters")
        self._letters -= len(text)
        self.spent += BYTES_PER_CHARACTER * len(text)
        try:
            text.encode()
        except UnicodeEncodeError:
            raise Unsendable("a text that is no Unicode (lone surrogates)") from None
        return text

    def _dictionary(self, thing: dict[Any, Any], depth: int) -> KeptDict:
        if depth >= MAX_DEPTH or dict.__len__(thing) > self._keys:
            raise Unsendable("a dictionary too deep or too large to be sent")
        self._keys -= dict.__len__(thing)
        items: dict[Any, Any] = {}
        for key, value in list(dict.items(thing)):
            if type(key) is not str and (type(key) is not int or key.bit_length() > 63):
                raise Unsendable(f"a dictionary with a key that is {_name(key)}")
            items[self._plain(key, depth)] = self.value(value, depth + 1)
        return KeptDict(self._shelf.keep(thing), items)


def _name(thing: Any) -> str:
    kind = str(type.__dict__["__name__"].__get__(type(thing)))
    return f"{'an' if kind[:1] in 'aeiou' else 'a'} {kind}"


def together(values: list[Any]) -> tuple[str, Any]:
    """How values are sent: those of one dtype and shape as one array, which costs less than many, others as a list."""
    first = values[0]
    if type(first) is np.ndarray and first.ndim:
        alike = all(type(v) is np.ndarray and v.dtype == first.dtype and v.shape == first.shape for v in values)
    else:
        alike = type(first) is np.float64 and all(type(v) is np.float64 for v in values)
    return ("stacked", np.array(values)) if alike and len(values) > 1 else ("returned", values)


def pack(value: Any, blob: Blob) -> msgpack.ExtType:
    """The extension of a value that is no plain msgpack."""
    if isinstance(value, Kept):
        return msgpack.ExtType(HANDLE, msgpack.packb((value.number, value.what)))
    if isinstance(value, KeptDict):
        inner = msgpack.packb([value.number, value.items], default=lambda item: pack(item, blob), strict_types=True)
        return msgpack.ExtType(DICT, inner)
    packed = pack_number(value, blob)
    if packed is None:
        raise Unsendable(_name(value))
    return packed
