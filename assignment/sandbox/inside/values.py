"""What a student's function returns, made ready to be sent: numbers by value, everything else behind a handle."""

import copy
import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import islice
from types import GeneratorType
from typing import Any

import msgpack
import numpy as np

from .. import protocol
from ..protocol import Blob, Unsendable, named, pack_number, plain_array

SLICED = 1 << 22  # numbers of a wrong output whose slices are looked for in a cache
MAX_TEXT = 100_000  # characters of all strings in one reply that are sent by value
MAX_OUTPUTS = 256  # values that one call may return
NODE = 100  # bytes that a value takes beside its numbers
BYTES_PER_CHARACTER = 4  # of UTF-8, at most
WORDS = 200  # characters that say what a handle stands for
DRAWN: tuple[type, ...] = (
    GeneratorType,
    map,
    zip,
    filter,
    reversed,
    type({}.values()),
)  # what a caller may unpack like a tuple


@dataclass
class Shelf:
    """Objects that stay in the sandbox, by the numbers that go out for them."""

    objects: list[Any] = field(default_factory=list)
    last: tuple[Any, Any] | None = None  # the state that the last object was made with, and the object as it is now

    def keep(self, thing: Any) -> int:
        self.objects.append(thing)
        return len(self.objects) - 1


@dataclass(frozen=True)
class Kept:
    """An object that stays here: its number, and what it is in words; items: what it gave, if it can be unpacked."""

    number: int
    what: str
    items: list[Any] | None = None


@dataclass(frozen=True)
class Drawn:
    """What a function returned to be unpacked, and what it gave."""

    source: Iterable[Any]
    items: list[Any]

    @classmethod
    def of(cls, returned: Any) -> Any:
        """The same with its items if it is to be unpacked, anything else as it is. Raises what the iterator raises."""
        return cls(returned, list(islice(returned, MAX_OUTPUTS))) if type(returned) in DRAWN else returned


@dataclass(frozen=True)
class KeptDict:
    """A dictionary sent by value that can also be asked for again."""

    number: int
    pairs: list[list[Any]]


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

    def outputs(self, returned: Any, pick: int | None = None) -> Any:
        """A returned tuple or list as the list of its elements, anything else as itself.

        pick: the one element of a tuple or list that is wanted. Raises Unsendable if there is no such element.
        """
        self._keys, self._letters = protocol.MAX_KEYS, MAX_TEXT
        kind = next((kind for kind in (tuple, list) if issubclass(type(returned), kind)), None)
        if pick is not None:
            if kind is None or kind.__len__(returned) <= pick:
                raise Unsendable(f"{named(returned)} where a tuple of at least {pick + 1} values was expected")
            return self.value(kind.__getitem__(returned, pick))
        if isinstance(returned, Drawn):
            items = [self.value(item) for item in returned.items]
            return Kept(self._shelf.keep(returned.source), named(returned.source), items)
        if kind is None:
            return self.value(returned)
        if kind.__len__(returned) > MAX_OUTPUTS:
            return self.kept(returned, f"{named(returned)} of more than {MAX_OUTPUTS} values")
        return [self.value(item) for item in kind.__iter__(returned)]

    def value(self, thing: Any, depth: int = 0) -> Any:
        """A number, text, None, an array, a dictionary of these; or the handle of anything else."""
        self.spent += NODE
        try:
            return self._plain(thing, depth)
        except Unsendable as error:
            return self.kept(thing, str(error))
        except Exception as error:  # an object that lies about itself
            return self.kept(thing, f"{named(thing)}, which cannot be read ({type(error).__name__})")

    def kept(self, thing: Any, what: str) -> Kept:
        """The handle of an object that stays here."""
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
            if np.generic.dtype.__get__(thing) not in protocol.CODES:
                raise Unsendable(f"a NumPy scalar ({kind.__name__}) that is no number")
            return thing
        if issubclass(kind, int):
            exact = int.__int__(thing)
            if exact.bit_length() >= 8 * protocol.MAX_INTEGER_BYTES - 8:
                raise Unsendable(f"an integer of {exact.bit_length()} bits")
            return exact
        if issubclass(kind, float):
            return float.__float__(thing)
        if issubclass(kind, complex):
            return complex.__complex__(thing)
        if issubclass(kind, dict):
            return self._dictionary(thing, depth)
        raise Unsendable(named(thing))

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
        if depth >= protocol.MAX_NESTED or dict.__len__(thing) > self._keys:
            raise Unsendable("a dictionary too deep or too large to be sent")
        self._keys -= dict.__len__(thing)
        pairs: list[list[Any]] = []
        for key, value in list(dict.items(thing)):
            if type(key) is not str or len(key) > protocol.MAX_KEY:
                raise Unsendable(f"a dictionary with a key that is {named(key)}")
            pairs.append([self._text(key), self.value(value, depth + 1)])
        return KeptDict(self._shelf.keep(thing), pairs)


def patched(value: Any, wrong: Any, right: Any) -> Any:
    """A copy of a cache with right in the place of wrong, and slices of right in the place of wrong's.

    wrong: what a function returned, right: what it should have; arrays of one shape, else the cache stays as it is.
    """
    try:
        old, new = np.asarray(wrong, dtype=float), np.asarray(right, dtype=float)
    except (TypeError, ValueError):
        return value
    if old.shape != new.shape or not old.ndim:
        return value
    right_of = {_key(old): new}
    if old.size <= SLICED:
        for axis in range(old.ndim - 1):
            right_of |= {_key(old.take(at, axis)): new.take(at, axis) for at in range(old.shape[axis])[::-1]}
    return _patched(value, right_of, 0)


def _key(array: np.ndarray) -> tuple[tuple[int, ...], bytes]:
    """Equal for arrays of one shape with equal numbers; a zero has no sign."""
    return array.shape, (array.astype(float) + 0.0).tobytes()


def _patched(value: Any, right_of: dict[Any, np.ndarray], depth: int) -> Any:
    kind = type(value)
    if isinstance(value, np.ndarray):
        return _patched_array(value, right_of)
    if depth > protocol.MAX_NESTED:
        return value
    if kind is list or kind is tuple:
        return kind([_patched(item, right_of, depth + 1) for item in value])
    if kind is dict:
        return {key: _patched(item, right_of, depth + 1) for key, item in value.items()}
    if hasattr(value, "__dict__") and not isinstance(value, type) and not callable(value):
        changed = copy.copy(value)
        vars(changed).update({name: _patched(item, right_of, depth + 1) for name, item in vars(value).items()})
        return changed
    return value


def _patched_array(value: np.ndarray, right_of: dict[Any, np.ndarray]) -> np.ndarray:
    """The right output for an array that is a wrong one; else with right slices for those that are of a wrong one."""
    if value.dtype.kind not in "fiu" or value.size > SLICED:
        return value
    if (right := right_of.get(_key(value))) is not None:
        return right.astype(value.dtype).view(type(value))  # which may be a matrix
    changed = value.copy()
    for axis in range(value.ndim - 1):
        for index in range(value.shape[axis]):
            old = value.take(index, axis)
            if old.any() and (right := right_of.get(_key(old))) is not None:
                np.moveaxis(changed, axis, 0)[index] = right
    return changed


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
        parts = [value.number, value.what, value.items]
        packed = msgpack.packb(parts, default=lambda item: pack(item, blob), strict_types=True)
        return msgpack.ExtType(protocol.HANDLE, packed)
    if isinstance(value, KeptDict):
        inner = msgpack.packb([value.number, value.pairs], default=lambda item: pack(item, blob), strict_types=True)
        return msgpack.ExtType(protocol.DICT, inner)
    if type(value) is tuple:
        inner = msgpack.packb(list(value), default=lambda item: pack(item, blob), strict_types=True)
        return msgpack.ExtType(protocol.TUPLE, inner)
    packed = pack_number(value, blob)
    if packed is None:
        raise Unsendable(named(value))
    return packed
