"""Messages between examiner and sandbox: msgpack headers, arrays as raw bytes beside them, nothing that is executed.

A frame is two lengths, a header and a blob. The header is msgpack; an array in it is an extension that names dtype,
shape and place in the blob. Both ends use this module; `decode` believes
a message from the sandbox in nothing and accepts no extension that is not listed here.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from typing import Any

import msgpack
import numpy as np

PREFIX = struct.Struct(">IQ")  # bytes of header, bytes of blob
ARRAY, SCALAR, INTEGER, COMPLEX, TUPLE, TYPE, HANDLE, DICT = range(1, 9)
NUMERIC = "?bBhHiIlLqQefdgFDG"
DTYPES = {np.dtype(code).str: np.dtype(code) for code in NUMERIC}
TYPES: dict[str, type] = {kind.__name__: kind for kind in (bool, int, float, complex, str)}
TYPES |= {f"numpy.{np.dtype(code).type.__name__}": np.dtype(code).type for code in NUMERIC}
TYPE_NAMES = {kind: name for name, kind in TYPES.items()}
MAX_INTEGER_BYTES = 512  # more digits than any score needs, fewer than int() refuses to print
MAX_DIMENSIONS = 16
MAX_DEPTH = 16  # messages within messages
MAX_ITEMS = 100_000  # entries of one list or mapping


class WireError(Exception):
    """The other end broke the protocol."""


class Unsendable(Exception):
    """A value that has no form on the wire; the message says what it is and why."""


class Blob:
    """The bytes of a message's arrays, one after the other."""

    def __init__(self, share: bool) -> None:
        self.parts: list[bytes] = []
        self.size = 0
        self._share = share
        self._places: dict[int, tuple[int, np.ndarray]] = {}

    def place(self, array: np.ndarray) -> int:
        """Where the array's bytes lie; with `share` an object that comes again is stored once."""
        if self._share and (known := self._places.get(id(array))) is not None:
            return known[0]
        place = self.size
        data = np.ndarray.tobytes(array)
        self.parts.append(data)
        self.size += len(data)
        if self._share:
            self._places[id(array)] = (place, array)  # kept: an id is an identity only while its object lives
        return place


def frame(message: Any, special: Callable[[Any, Blob], msgpack.ExtType], share: bool = False) -> bytes:
    """The bytes of a message; `special` gives every value that is no plain msgpack its extension."""
    blob = Blob(share)
    header = msgpack.packb(message, default=lambda value: special(value, blob), strict_types=True)
    return b"".join([PREFIX.pack(len(header), blob.size), header, *blob.parts])


def pack_number(value: Any, blob: Blob) -> msgpack.ExtType | None:
    """Arrays, NumPy scalars, complex and big integers as extensions; None for any other value. Raises Unsendable."""
    kind = type(value)
    if issubclass(kind, np.ndarray):
        native = plain_array(value)
        return msgpack.ExtType(ARRAY, msgpack.packb((native.dtype.str, native.shape, blob.place(native))))
    if issubclass(kind, np.generic):
        dtype = np.generic.dtype.__get__(value)
        if dtype.str not in DTYPES:
            raise Unsendable(f"a NumPy scalar of dtype {dtype}, which is no number")
        return msgpack.ExtType(SCALAR, msgpack.packb((dtype.str, np.generic.tobytes(value))))
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


def plain_array(value: np.ndarray) -> np.ndarray:
    """The array itself if it is plain, else its numbers as a plain one in native byte order. Raises Unsendable."""
    dtype = np.ndarray.dtype.__get__(value)
    if type(value) is np.ndarray and dtype.str in DTYPES:
        return value
    native = dtype.newbyteorder("=")
    if native.str not in DTYPES:
        raise Unsendable(f"an array of dtype {dtype}, which holds no numbers")
    return np.array(value, dtype=native, copy=True, subok=False)


Hook = Callable[[int, bytes, Callable[[bytes], Any]], Any]


def decode(header: bytes, blob: bytes, hook: Hook, trusted: bool = False) -> Any:
    """The message of a frame, arrays copied out of the blob. Raises WireError.

    `hook(code, data, unpack)` reads the extensions that are no numbers. Unless the sender is trusted, the arrays must
    fill the blob exactly, one after the other: overlaps would let a small message unfold into a huge one.
    """
    end = depth = 0

    def read(code: int, data: bytes) -> Any:
        nonlocal end
        if code == ARRAY:
            array, start, stop = _read_array(data, blob)
            if not trusted and start != end:
                raise WireError("an array does not lie where it should")
            end = stop
            return array
        number = _read_number(code, data)
        return hook(code, data, unpack) if number is None else number

    def unpack(data: bytes) -> Any:
        nonlocal depth
        depth += 1
        if depth > MAX_DEPTH and not trusted:  # msgpack takes 50 kB of the C stack for each
            raise WireError("a message nested too deeply")
        most = len(data) if trusted else MAX_ITEMS
        value = msgpack.unpackb(data, ext_hook=read, strict_map_key=False, max_array_len=most, max_map_len=most)
        depth -= 1
        return value

    try:
        message = unpack(header)
    except WireError:
        raise
    except Exception as error:  # msgpack, struct, Unicode and NumPy each have their own: all of them mean the same
        raise WireError(f"a message that cannot be read ({type(error).__name__})") from error
    if not trusted and end != len(blob):
        raise WireError("a message with bytes left over")
    return message


def _read_array(data: bytes, blob: bytes) -> tuple[np.ndarray, int, int]:
    """The array that an extension describes, and where it starts and ends in the blob."""
    name, shape, place = msgpack.unpackb(data)
    dtype = DTYPES.get(name)
    if dtype is None:
        raise WireError("an array of a dtype that is not sent")
    if len(shape) > MAX_DIMENSIONS or not all(type(n) is int and 0 <= n < 1 << 48 for n in shape):
        raise WireError("an array of an impossible shape")
    if type(place) is not int or place < 0:
        raise WireError("an array at an impossible place")
    end = place + math.prod(shape) * dtype.itemsize
    if end > len(blob):
        raise WireError("an array larger than its message")
    if dtype == np.bool_:  # a byte other than 0 and 1 is no bool, and NumPy does not check
        return np.ndarray(shape, np.uint8, blob, place) != 0, place, end
    return np.ndarray(shape, dtype, blob, place).copy(), place, end


def _read_number(code: int, data: bytes) -> Any:
    """A number from its extension; None if the extension is no number."""
    if code == SCALAR:
        name, raw = msgpack.unpackb(data)
        dtype = DTYPES.get(name)
        if dtype is None or len(raw) != dtype.itemsize:
            raise WireError("a scalar of a dtype that is not sent")
        if dtype == np.bool_:
            return np.bool_(raw != b"\0")
        return np.frombuffer(raw, dtype)[0]
    if code == COMPLEX:
        return complex(*struct.unpack(">dd", data))
    if code == INTEGER:
        if len(data) > MAX_INTEGER_BYTES:
            raise WireError("an integer of too many digits")
        return int.from_bytes(data, "big", signed=True)
    return None
