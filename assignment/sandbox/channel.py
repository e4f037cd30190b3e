"""The worker's end of a channel into the sandbox: bytes with a deadline, values checked, errors of student code."""

from __future__ import annotations

import builtins
import select
import socket
import time
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

import msgpack
import numpy as np

from assignment.sandbox import protocol
from assignment.sandbox.protocol import Blob, Fill, Keywords, Number, Parts, ProtocolError, Unsendable

CHUNK = 1 << 18
MAX_HANDLE = 1 << 40
MAX_WORDS = 200  # characters that say what a handle stands for
BUILTIN = {
    name: kind
    for name, kind in vars(builtins).items()
    if isinstance(kind, type) and issubclass(kind, Exception) and not issubclass(kind, BaseExceptionGroup)
}


class HungUp(Exception):
    """The other end closed the channel."""


class TooLate(Exception):
    """The deadline passed."""


class Channel:
    """Frames over a stream socket whose other end may do anything."""

    def __init__(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        self._connection = connection
        self._buffer = bytearray()

    def close(self) -> None:
        """Hang up."""
        self._connection.close()

    def is_silent(self) -> bool:
        """Whether nothing has arrived that was not asked for."""
        return not self._buffer and not self._arrived()

    def send(self, parts: Parts, deadline: float) -> None:
        """Send everything. Raises HungUp, TooLate."""
        for part in parts:
            view = memoryview(part)
            while view:
                try:
                    view = view[self._connection.send(view) :]
                except BlockingIOError:
                    self._wait(select.POLLOUT, deadline)
                except OSError as error:
                    raise HungUp from error

    def receive(self, most_header: int, most_blob: int, deadline: float) -> tuple[bytes, int]:
        """The next frame's header, and how large the blob is that comes next. Raises HungUp, TooLate, ProtocolError."""
        self._gather(protocol.PREFIX.size, deadline)
        header_size, blob_size = protocol.PREFIX.unpack_from(self._buffer)
        if header_size > most_header or blob_size > most_blob:
            raise ProtocolError(f"oversized message of {header_size + blob_size} bytes")
        end = protocol.PREFIX.size + header_size
        self._gather(end, deadline)
        header = bytes(memoryview(self._buffer)[protocol.PREFIX.size : end])
        del self._buffer[:end]
        return header, blob_size

    def take(self, view: memoryview, deadline: float) -> None:
        """The next bytes, into this memory. Raises HungUp, TooLate."""
        ready = min(len(self._buffer), len(view))
        view[:ready] = memoryview(self._buffer)[:ready]
        del self._buffer[:ready]
        view = view[ready:]
        while view:
            if time.monotonic() > deadline:  # a slow trickle is no life either
                raise TooLate
            try:
                count = self._connection.recv_into(view)
            except BlockingIOError:
                self._wait(select.POLLIN, deadline)
                continue
            except OSError as error:
                raise HungUp from error
            if not count:
                raise HungUp
            view = view[count:]

    def _gather(self, size: int, deadline: float) -> None:
        """Read until the buffer holds so many bytes; it grows with what arrives, not with what was announced."""
        while len(self._buffer) < size:
            if time.monotonic() > deadline:
                raise TooLate
            if not self._arrived():
                self._wait(select.POLLIN, deadline)

    def _arrived(self) -> bool:
        """Take what is there; whether there was anything. Raises HungUp."""
        try:
            data = self._connection.recv(CHUNK)
        except BlockingIOError:
            return False
        except OSError as error:
            raise HungUp from error
        if not data:
            raise HungUp
        self._buffer += data
        return True

    def _wait(self, event: int, deadline: float) -> None:
        left = deadline - time.monotonic()
        if left <= 0:
            raise TooLate
        poll = select.poll()
        poll.register(self._connection, event)
        poll.poll(left * 1000)


class RemoteError(Exception):
    """An exception that student code raised: the name of its class, its text, its traceback."""

    def __init__(self, name: str, text: str = "", traceback: str = "") -> None:
        Exception.__init__(self, text)
        self.name = name
        self.text = text
        self.traceback = traceback  # read by homework.diagnosis, by this name
        self.function = ""  # whose call raised it
        self.inside = ""  # the student's function that was running, if known
        self.line = 0  # of the cell that defines it, 0 if not known

    def __str__(self) -> str:
        return self.text


class Refused(RemoteError):
    """A value cannot be sent: the text says what it is and why."""

    def __init__(self, text: str) -> None:
        super().__init__("Refused", text)


class Ended(BaseException):
    """The sandbox is dead. `how`: timeout, memory or crashed; `reason`: in words for a TA.

    Not an Exception: it must pass through whatever a check does with the errors of a function.
    """

    def __init__(self, how: str, reason: str) -> None:
        super().__init__(how, reason)
        self.how = how
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.how}: {self.reason}"


def remote_error(kinds: Sequence[str], text: str, traceback: str = "") -> RemoteError:
    """The error to raise for one inside: also an instance of the first of its classes that is built in."""
    name = kinds[0] if kinds[0].isidentifier() else "Exception"
    return _kind(next((kind for kind in kinds if kind in BUILTIN), ""))(name, text, traceback)


@cache
def _kind(name: str) -> type[RemoteError]:
    if name in ("", "Exception"):
        return RemoteError
    members: Keywords = {"__init__": RemoteError.__init__, "__str__": RemoteError.__str__}
    return type(name, (RemoteError, BUILTIN[name]), members)


class Handle:
    """Something that stayed in the sandbox, to be handed back as an argument; unpacked like a tuple if it has items."""

    def __init__(self, owner: Codec, number: int, what: str, items: list[Any] | None = None) -> None:
        self._owner = owner
        self._number = number
        self._items = items
        self.what = what  # in words, for messages: "a tuple"

    def __iter__(self) -> Iterator[Any]:
        if self._items is None:
            raise TypeError(f"cannot unpack non-iterable {self.what.partition(' ')[2]} object")
        return iter(self._items)

    def __repr__(self) -> str:
        return f"<{self.what}, kept in the sandbox>"

    def belongs(self, owner: Codec) -> bool:
        """Whether it is a handle of this session."""
        return owner is self._owner

    def number(self, owner: Codec) -> int:
        """The number it has in its own session. Raises Refused."""
        if not self.belongs(owner):
            raise Refused(f"{self.what} of another session, which cannot be handed to this one")
        return self._number


class RemoteDict(dict[Any, Any]):
    """A dictionary that came by value; handed back to its session, it is the very dictionary that was returned."""

    def __init__(self, items: Keywords, handle: Handle) -> None:
        super().__init__(items)
        self.handle = handle


class Moving:
    """Stands in a call for the array that is another one in each call of a sweep."""


class Codec:
    """Encodes and decodes one session's messages; handles belong to it."""

    def __init__(self) -> None:
        self.blob_size = 0  # bytes of arrays in the last reply

    def encode(self, message: list[Any]) -> Parts:
        """The frame of a message. Raises Refused for a handle of another session, TypeError for what cannot be sent."""
        try:
            return protocol.frame(message, self._pack)
        except Unsendable as error:
            raise TypeError(f"cannot be sent into the sandbox: {error}") from error

    def _pack(self, value: Any, blob: Blob) -> Any:
        if isinstance(value, np.ndarray):  # first, for most are
            return protocol.pack_number(value, blob)
        if isinstance(value, Handle):
            return msgpack.ExtType(protocol.HANDLE, msgpack.packb(value.number(self)))
        if isinstance(value, Moving):
            return msgpack.ExtType(protocol.MOVING, b"")
        if isinstance(value, RemoteDict):
            return self._pack(value.handle, blob) if value.handle.belongs(self) else dict(value)
        if isinstance(value, tuple):
            inner = msgpack.packb(list(value), default=lambda item: self._pack(item, blob), strict_types=True)
            return msgpack.ExtType(protocol.TUPLE, inner)
        if isinstance(value, type | np.dtype):
            is_dtype = isinstance(value, np.dtype)
            name = protocol.TYPE_NAMES.get(value.type if isinstance(value, np.dtype) else value)
            if name is None:
                raise Unsendable(f"the type {value}")
            return msgpack.ExtType(protocol.TYPE, msgpack.packb([name, is_dtype]))
        packed = protocol.pack_number(value, blob)
        if packed is not None:
            return packed
        if isinstance(value, dict):
            return dict(value)
        if isinstance(value, list):
            return list(value)
        if isinstance(value, str | float):
            return str(value) if isinstance(value, str) else float(value)
        raise Unsendable(f"an object of type {type(value).__name__}")

    def decode(self, header: bytes, size: int, fill: Fill) -> Any:
        """The message of a frame from the sandbox, its blob of `size` bytes by fill. Raises ProtocolError."""
        self.blob_size = size
        return protocol.decode(header, size, self._read, fill)

    def _read(self, code: int, data: bytes, unpack: Any) -> Any:
        if code == protocol.HANDLE:
            number, what, items = unpack(data)
            if type(items) is list:
                items = [self._checked(item) for item in items]
            elif items is not None:
                raise ProtocolError("malformed handle")
            return self._handle(number, what, items)
        if code == protocol.DICT:
            number, pairs = unpack(data)
            if type(pairs) is not list or any(type(pair) is not list or len(pair) != 2 for pair in pairs):
                raise ProtocolError("malformed dictionary")
            return RemoteDict(protocol.mapping([(key, item) for key, item in pairs]), self._handle(number, "a dict"))
        if code == protocol.TUPLE:
            items = unpack(data)
            if type(items) is not list:
                raise ProtocolError("malformed tuple")
            return tuple(items)
        raise ProtocolError("unknown extension")

    def _handle(self, number: Any, what: Any, items: list[Any] | None = None) -> Handle:
        if type(number) is not int or not 0 <= number < MAX_HANDLE or type(what) is not str:
            raise ProtocolError("malformed handle")
        return Handle(self, number, what[:MAX_WORDS], items)

    def checked(self, value: Any) -> Any:
        """A returned value, all of it of known types; a list of outputs as a tuple. Raises ProtocolError."""
        if type(value) is list:
            return tuple(self._checked(item) for item in value)
        return self._checked(value)

    def _checked(self, value: Any) -> Any:
        if type(value) is RemoteDict:
            for item in value.values():
                self._checked(item)
        elif value is not None and not isinstance(value, Number | str | np.ndarray | Handle):
            raise ProtocolError(f"value of type {type(value).__name__}")
        return value
