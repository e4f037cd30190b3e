"""Messages between worker and sandbox: msgpack headers, arrays as raw bytes beside them, nothing that is executed.

A frame is two lengths, a header and a blob. The header is msgpack; an array in it is an extension that names dtype,
place in the blob and shape. Both ends use this module; `decode` believes a message from the sandbox in nothing and
accepts no extension that is not listed here. An array's bytes go from its memory into the socket and from the socket
into the memory of the array that is made of them: copies between cost more than what students compute.

A request is [number, verb, payload]. Replies are [number, place, kind, ...]: while a call is under way, a function that
stands in for a failed exercise may send "ask", and the worker answers with a message of the same number.
"""

import math
import struct
import sys
from collections.abc import Callable
from typing import Any

import msgpack
import numpy as np

PREFIX = struct.Struct(">IQ")  # bytes of header, bytes of blob
PLACE = struct.Struct(">BQ")  # of an array: dtype code, place in the blob; dimensions follow, 8 bytes each
ARRAY, SCALAR, INTEGER, COMPLEX, TUPLE, TYPE, HANDLE, DICT, MOVING = range(1, 10)
DTYPES = {ord(code): np.dtype(code) for code in "?bBhHiIlLqQefdgFDG"}
CODES = {dtype: code for code, dtype in reversed(DTYPES.items())}  # only native byte order: others are not equal
TYPES: dict[str, type] = {kind.__name__: kind for kind in (bool, int, float, complex, str)}
TYPES |= {f"numpy.{dtype.type.__name__}": dtype.type for dtype in DTYPES.values()}
TYPE_NAMES = {kind: name for name, kind in TYPES.items()}
SETUP_FAILED, BROKEN, OUT_OF_MEMORY = 120, 121, 122  # exit statuses of a fork, beside those of a student's making
MAX_INTEGER_BYTES = 512  # more digits than any score needs, fewer than int() refuses to print
MAX_DIMENSIONS = 16
MAX_LENGTH = 1 << 48  # of one dimension: products of sixteen such are still plain integers
MAX_DEPTH = 16  # messages within messages
MAX_NESTED = 8  # lists, tuples and dictionaries within one another
ASK = -1  # in the place of a reply's number: a question in the middle of a call
CALL = "cache of"  # the key of a dictionary that stands for the cache of a call: function, arguments, keywords
LARGE = 1 << 14  # bytes of an array that are sent by themselves
MAX_ITEMS = 100_000  # entries of one list
MAX_KEYS = 4000  # entries of one mapping
MAX_KEY = 500  # characters of a key
OBJECT = "<object>"  # in the state of an object: a number that tells it from others that are equal; no attribute

Number = bool | int | float | complex | np.generic
Parts = list[bytes | memoryview]
Keywords = dict[str, Any]  # keyword arguments of a call, or the state of the object whose method it is
Message = dict[str, Any]  # between a worker and its zygote, as JSON
Output = dict[str, Any]  # of a cell, as nbformat 4 has it


class ProtocolError(Exception):
    """The other end broke the protocol."""


class Unsendable(Exception):
    """A value that cannot be sent; the message says what it is and why."""


class Blob:
    """The bytes of a message's arrays, one after the other."""

    def __init__(self) -> None:
        self.parts: Parts = []
        self.size = 0

    def extension(self, array: np.ndarray) -> msgpack.ExtType:
        """Store a plain array; the extension that stands for it."""
        data = raw(array) if array.nbytes >= LARGE else array.tobytes()  # a small one is copied in any case
        place = PLACE.pack(CODES[array.dtype], self.size)
        self.parts.append(data)
        self.size += len(data)
        return msgpack.ExtType(ARRAY, place + struct.pack(f">{array.ndim}Q", *array.shape))


def raw(array: np.ndarray) -> memoryview:
    """The bytes of a plain array, in C order: its own memory if it lies so."""
    return np.ascontiguousarray(array).reshape(-1).view(np.uint8).data


def frame(message: Any, special: Callable[[Any, Blob], Any]) -> Parts:
    """A message in parts to be sent one after the other, few of them small.

    `special` gives every value that is no plain msgpack its extension, or a plain value.
    """
    blob = Blob()
    header = msgpack.packb(message, default=lambda value: special(value, blob), strict_types=True)
    parts: Parts = []
    small: Parts = [PREFIX.pack(len(header), blob.size), header]
    for part in blob.parts:
        if len(part) < LARGE:
            small.append(part)
        else:
            parts += [b"".join(small), part]
            small = []
    return [*parts, b"".join(small)]


def pack_number(value: Any, blob: Blob) -> msgpack.ExtType | None:
    """Arrays, NumPy scalars, complex and big integers as extensions; None for any other value. Raises Unsendable."""
    kind = type(value)
    if issubclass(kind, np.ndarray):
        return blob.extension(plain_array(value))
    if issubclass(kind, np.generic):
        dtype = np.generic.dtype.__get__(value)
        if dtype not in CODES:
            raise Unsendable(f"a NumPy scalar of dtype {dtype}, which is no number")
        return msgpack.ExtType(SCALAR, bytes([CODES[dtype]]) + np.generic.tobytes(value))
    if issubclass(kind, complex):
        plain = complex.__complex__(value)
        return msgpack.ExtType(COMPLEX, struct.pack(">dd", plain.real, plain.imag))
    if issubclass(kind, int):
        exact = int.__int__(value)
        length = (exact.bit_length() + 8) // 8
        if length > MAX_INTEGER_BYTES:
            raise Unsendable(f"an integer of {exact.bit_length()} bits")
        return msgpack.ExtType(INTEGER, exact.to_bytes(length, "big", signed=True))
    return None


def named(thing: Any) -> str:
    """What an object is in words, whatever it says of itself."""
    kind = str(type.__dict__["__name__"].__get__(type(thing)))
    return f"{'an' if kind[:1] in 'aeiou' else 'a'} {kind}"


def plain(value: Any, depth: int = 0) -> Any:
    """What student code hands to a stand-in: numbers, text, arrays, and lists of these. Raises Unsendable."""
    kind = type(value)
    if depth > MAX_NESTED:
        raise Unsendable("lists nested too deeply")
    if kind is tuple or kind is list:
        return kind([plain(item, depth + 1) for item in value])
    if kind is dict:
        if any(type(key) is not str for key in value):
            raise Unsendable("a dictionary whose keys are not text")
        return {key: plain(item, depth + 1) for key, item in value.items()}
    if value is None or kind is str or isinstance(value, Number | np.ndarray):
        return value
    raise Unsendable(named(value))


def plain_array(value: np.ndarray) -> np.ndarray:
    """The array itself if it is plain, else its numbers as a plain one in native byte order. Raises Unsendable."""
    dtype, dimensions = np.ndarray.dtype.__get__(value), np.ndarray.ndim.__get__(value)
    if dimensions > MAX_DIMENSIONS:
        raise Unsendable(f"an array of {dimensions} dimensions")
    if type(value) is np.ndarray and dtype in CODES:
        return value
    native = dtype.newbyteorder("=")
    if native not in CODES:
        raise Unsendable(f"an array of dtype {dtype}, which holds no numbers"[:200])
    return np.array(value, dtype=native, copy=True, subok=False)


Hook = Callable[[int, bytes, Callable[[bytes], Any]], Any]


Fill = Callable[[memoryview], None]


def decode(header: bytes, size: int, hook: Hook, fill: Fill, trusted: bool = False) -> Any:
    """The message of a frame whose blob of `size` bytes is still to come. Raises ProtocolError, and what fill raises.

    `hook(code, data, unpack)` reads the extensions that are no numbers; `fill` takes the next bytes of the blob. The
    arrays must fill it exactly, one after the other: overlaps would let a small message unfold into a huge one.
    """
    reader = Decoder(size, hook, trusted)
    try:
        message = reader.unpack(header)
    except ProtocolError:
        raise
    except Exception as error:  # msgpack, struct, Unicode and NumPy each have their own: all of them mean the same
        raise ProtocolError(f"unreadable message ({type(error).__name__})") from error
    reader.arrays.fill(fill)
    return message


def mapping(pairs: list[tuple[Any, Any]]) -> Keywords:
    """A dictionary of an untrusted message; its keys are looked at before they are hashed. Raises ProtocolError.

    Numbers can be chosen so that all have one hash, and a dictionary of them takes for ever to be made.
    """
    if len(pairs) > MAX_KEYS or any(type(key) is not str or len(key) > MAX_KEY for key, _ in pairs):
        raise ProtocolError("a dictionary with too many keys, or keys that are not short text")
    return dict(pairs)


def interned(value: Any) -> Any:
    """A text as the interpreter keeps those in code, so that `cell_type is 'rnn'` is what it is in a notebook."""
    return sys.intern(value) if type(value) is str else value


class Decoder:
    """Unpacks one message. A class: functions that call each other keep their arrays until garbage is collected."""

    def __init__(self, size: int, hook: Hook, trusted: bool) -> None:
        self.arrays = Arrays(size)
        self._hook = hook
        self._trusted = trusted
        self._depth = 0

    def unpack(self, data: bytes) -> Any:
        """A message, or one within it. Raises ProtocolError, and what msgpack raises."""
        self._depth += 1
        if self._depth > MAX_DEPTH and not self._trusted:  # msgpack takes 50 kB of the C stack for each
            raise ProtocolError("message nested too deeply")
        if self._trusted:
            limits: Keywords = {"max_array_len": len(data), "max_map_len": len(data), "strict_map_key": False}
            limits["object_hook"] = lambda items: {interned(key): interned(value) for key, value in items.items()}
        else:
            limits = {"max_array_len": MAX_ITEMS, "max_map_len": MAX_KEYS, "object_pairs_hook": mapping}
        value = msgpack.unpackb(data, ext_hook=self._read, **limits)
        self._depth -= 1
        return value

    def _read(self, code: int, data: bytes) -> Any:
        if code == ARRAY:
            return self.arrays.make(data)
        number = _read_number(code, data)
        return self._hook(code, data, self.unpack) if number is None else number


class Arrays:
    """The arrays of one message: made as its header names them, then filled from the blob."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._end = 0
        self._made: list[np.ndarray] = []  # in the order of the blob

    def make(self, data: bytes) -> np.ndarray:
        """The array that an extension describes, without its numbers yet. Raises ProtocolError."""
        code, place = PLACE.unpack_from(data)
        dimensions = (len(data) - PLACE.size) // 8
        if code not in DTYPES or dimensions > MAX_DIMENSIONS:
            raise ProtocolError("array of an unknown type")
        shape = struct.unpack_from(f">{dimensions}Q", data, PLACE.size)
        size = math.prod(shape) * DTYPES[code].itemsize
        if place + size > self._size or max(shape, default=0) > MAX_LENGTH:
            raise ProtocolError("array larger than its message")
        array = np.empty(shape, DTYPES[code])
        if place != self._end:
            raise ProtocolError("misplaced array")
        self._made.append(array)
        self._end += size
        return array

    def fill(self, fill: Fill) -> None:
        """Take all of the blob. Raises ProtocolError, and what fill raises."""
        if self._end != self._size:
            raise ProtocolError("message with bytes left over")
        for array in self._made:
            data = raw(array)
            if data:
                fill(data)
            if array.dtype == np.bool_:  # a byte other than 0 and 1 is no bool, and NumPy does not check
                np.not_equal(array.view(np.uint8), 0, out=array)


def _read_number(code: int, data: bytes) -> Any:
    """A number from its extension; None if the extension is no number."""
    if code == SCALAR:
        dtype = DTYPES.get(data[0])
        if dtype is None or len(data) != 1 + dtype.itemsize:
            raise ProtocolError("scalar of an unknown type")
        return np.bool_(data[1:] != b"\0") if dtype == np.bool_ else np.frombuffer(data, dtype, 1, 1)[0]
    if code == COMPLEX:
        return complex(*struct.unpack(">dd", data))
    if code == INTEGER:
        if len(data) > MAX_INTEGER_BYTES:
            raise ProtocolError("oversized integer")
        return int.from_bytes(data, "big", signed=True)
    return None
