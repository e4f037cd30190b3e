"""Arguments on their way into a sandbox, values on their way out: what may pass, and in which form."""

from __future__ import annotations

from typing import Any

import msgpack
import numpy as np

from assignment.examiner.remote import Refused
from assignment.examiner.wire import (
    DICT,
    HANDLE,
    MOVING,
    TUPLE,
    TYPE,
    TYPE_NAMES,
    Blob,
    Fill,
    Parts,
    Unsendable,
    WireError,
    decode,
    frame,
    pack_number,
)

Number = bool | int | float | complex | np.generic
MAX_HANDLE = 1 << 40
MAX_WORDS = 200  # characters that say what a handle stands for


class Handle:
    """Something that stayed in the sandbox; all one can do with it is hand it back as an argument."""

    def __init__(self, owner: Exchange, number: int, what: str) -> None:
        self._owner = owner
        self._number = number
        self.what = what  # in words, for messages: "a tuple"

    def __repr__(self) -> str:
        return f"<{self.what}, kept in the sandbox>"

    def belongs(self, owner: Exchange) -> bool:
        """Whether it is a handle of this session."""
        return owner is self._owner

    def number(self, owner: Exchange) -> int:
        """The number it has in its own session. Raises Refused."""
        if not self.belongs(owner):
            raise Refused(f"{self.what} of another session, which cannot be handed to this one")
        return self._number


class RemoteDict(dict[Any, Any]):
    """A dictionary that came by value; handed back to its session, it is the very dictionary that was returned."""

    def __init__(self, items: dict[Any, Any], handle: Handle) -> None:
        super().__init__(items)
        self.handle = handle


class Moving:
    """Stands in a call for the array that is another one in each call of a sweep."""


class Exchange:
    """Encodes and decodes one session's messages; handles belong to it."""

    def __init__(self) -> None:
        self.blob_size = 0  # bytes of arrays in the last reply

    def request(self, message: list[Any]) -> Parts:
        """The frame of a request. Raises Refused for a handle of another session, TypeError for what cannot be sent."""
        try:
            return frame(message, self._pack, share=True)
        except Unsendable as error:
            raise TypeError(f"cannot be sent into the sandbox: {error}") from error

    def _pack(self, value: Any, blob: Blob) -> Any:
        if isinstance(value, np.ndarray):  # first, for most are
            return pack_number(value, blob)
        if isinstance(value, Handle):
            return msgpack.ExtType(HANDLE, msgpack.packb(value.number(self)))
        if isinstance(value, Moving):
            return msgpack.ExtType(MOVING, b"")
        if isinstance(value, RemoteDict):
            return self._pack(value.handle, blob) if value.handle.belongs(self) else dict(value)
        if isinstance(value, tuple):
            inner = msgpack.packb(list(value), default=lambda item: self._pack(item, blob), strict_types=True)
            return msgpack.ExtType(TUPLE, inner)
        if isinstance(value, type | np.dtype):
            is_dtype = isinstance(value, np.dtype)
            name = TYPE_NAMES.get(value.type if isinstance(value, np.dtype) else value)
            if name is None:
                raise Unsendable(f"the type {value}")
            return msgpack.ExtType(TYPE, msgpack.packb([name, is_dtype]))
        packed = pack_number(value, blob)
        if packed is not None:
            return packed
        if isinstance(value, dict):
            return dict(value)
        if isinstance(value, list):
            return list(value)
        if isinstance(value, str | float):
            return str(value) if isinstance(value, str) else float(value)
        raise Unsendable(f"an object of type {type(value).__name__}")

    def reply(self, header: bytes, size: int, fill: Fill) -> Any:
        """The message of a frame from the sandbox, its blob of `size` bytes by fill. Raises WireError."""
        self.blob_size = size
        return decode(header, size, self._read, fill)

    def _read(self, code: int, data: bytes, unpack: Any) -> Any:
        if code == HANDLE:
            number, what = unpack(data)
            return self._handle(number, what)
        if code == DICT:
            number, items = unpack(data)
            if type(items) is not dict:
                raise WireError("a dictionary that is none")
            return RemoteDict(items, self._handle(number, "a dict"))
        raise WireError("an extension that is not known")

    def _handle(self, number: Any, what: Any) -> Handle:
        if type(number) is not int or not 0 <= number < MAX_HANDLE or type(what) is not str:
            raise WireError("a handle of another form")
        return Handle(self, number, what[:MAX_WORDS])

    def checked(self, value: Any) -> Any:
        """A returned value, all of it of known types; a list of outputs as a tuple. Raises WireError."""
        if type(value) is list:
            return tuple(self._checked(item) for item in value)
        return self._checked(value)

    def _checked(self, value: Any) -> Any:
        if type(value) is RemoteDict:
            for key, item in value.items():
                if type(key) is not str and type(key) is not int:
                    raise WireError("a dictionary with a key of another type")
                self._checked(item)
        elif value is not None and not isinstance(value, Number | str | np.ndarray | Handle):
            raise WireError(f"a value of type {type(value).__name__}")
        return value
