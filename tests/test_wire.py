"""The wire: what may pass comes through unchanged, what a submission could forge is refused."""

from __future__ import annotations

import io
import socket
import struct
import time
import weakref
from typing import Any

import msgpack
import numpy as np
import pytest

from assignment.sandbox.channel import (
    Channel,
    Codec,
    Handle,
    HungUp,
    Refused,
    RemoteDict,
    RemoteError,
    TooLate,
    remote_error,
)
from assignment.sandbox.inside.notebook import normalise
from assignment.sandbox.inside.values import Sender, Shelf, pack
from assignment.sandbox.protocol import (
    ARRAY,
    COMPLEX,
    DICT,
    HANDLE,
    INTEGER,
    PREFIX,
    SCALAR,
    TUPLE,
    Parts,
    ProtocolError,
    frame,
)
from assignment.sandbox.session import checked_outputs


def split(parts: Parts) -> tuple[bytes, bytes]:
    """A frame's header and blob."""
    data = b"".join(parts)
    size, _ = PREFIX.unpack_from(data)
    return data[PREFIX.size : PREFIX.size + size], data[PREFIX.size + size :]


def read(codec: Codec, header: bytes, blob: bytes) -> Any:
    """The message of a frame whose blob is there already."""
    rest = io.BytesIO(blob)

    def take(view: memoryview) -> None:
        rest.readinto(view)

    return codec.decode(header, len(blob), take)


def returned(value: Any, budget: int = 1 << 20) -> Any:
    """The value as the examiner gets it when a student's function returns it."""
    codec = Codec()
    data = frame([Sender(Shelf(), budget).outputs(value)], pack)
    return codec.checked(read(codec, *split(data))[0])


BY_VALUE = {
    "none": None,
    "bool": True,
    "int": -7,
    "big int": 2**100,
    "negative big int": -(2**100),
    "float": 0.1,
    "inf": float("inf"),
    "complex": 1 - 2j,
    "text": "损失",
    "float64": np.float64(0.5),
    "float32": np.float32(0.1),
    "numpy bool": np.bool_(True),
    "numpy int": np.int64(-3),
    "longdouble": np.longdouble(1) / 3,
    "array": np.arange(6.0).reshape(2, 3),
    "no dimensions": np.array(3.0),
    "empty": np.zeros((0, 3)),
    "ints": np.arange(3, dtype=np.int16),
    "bools": np.array([True, False]),
    "complex array": np.array([1j, 2]),
    "half": np.ones(2, np.float16),
    "not contiguous": np.arange(12.0).reshape(3, 4).T[::2],
    "broadcast": np.broadcast_to(np.float64(2), (3, 4)),
}


@pytest.mark.parametrize("name", BY_VALUE)
def test_value_comes_through(name: str) -> None:
    value = BY_VALUE[name]
    got = returned(value)
    assert type(got) is type(value)
    np.testing.assert_array_equal(got, value)
    assert getattr(got, "dtype", None) == getattr(value, "dtype", None)
    assert getattr(got, "shape", None) == getattr(value, "shape", None)


class Subclass(np.ndarray):
    """An array that says it is equal to everything."""

    def __eq__(self, other: object) -> Any:
        return True

    def __array__(self, *_: Any, **__: Any) -> Any:
        return np.zeros(99)

    def tobytes(self, *_: Any) -> bytes:
        return b""


class Text(str):
    """A text that lies about what it is."""

    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = str.__hash__


class Number(float):
    """A number that lies."""

    def __float__(self) -> float:
        return 0.0

    def __sub__(self, other: object) -> float:
        return 0.0


class Mapping(dict):  # type: ignore[type-arg]
    """A dictionary that shows other entries than it has."""

    def items(self) -> Any:
        return {"forged": 1}.items()


@pytest.mark.parametrize(
    ("value", "want"),
    [
        (np.arange(3.0).view(Subclass), np.arange(3.0)),
        (np.ma.masked_array([1.0, 2.0], mask=[True, False]), np.array([1.0, 2.0])),
        (np.arange(3, dtype=">f8"), np.arange(3.0)),
    ],
    ids=["liar", "masked", "other byte order"],
)
def test_array_arrives_plain(value: Any, want: np.ndarray) -> None:
    got = returned(value)
    assert type(got) is np.ndarray
    assert got.dtype == want.dtype
    assert np.array_equal(got, want)


def test_liars_arrive_as_what_they_are() -> None:
    number, text, mapping = returned((Number(2.5), Text("true"), Mapping(a=1)))
    assert (type(number), number) == (float, 2.5)
    assert (type(text), text) == (str, "true")
    assert mapping == {"a": 1}


@pytest.mark.parametrize(
    ("value", "what"),
    [
        ((1, 2), "a tuple"),
        ([1, 2], "a list"),
        (object(), "an object"),
        (len, "a builtin_function_or_method"),
        (np.array([1, None]), "an array of dtype object, which holds no numbers"),
        (np.array(["a"]), "an array of dtype <U1, which holds no numbers"),
        (np.datetime64("2020"), "a NumPy scalar (datetime64) that is no number"),
        (np.broadcast_to(0.0, (10**6, 10**6)), "an array of shape (1000000, 1000000) of 8000000000000 bytes"),
        (np.zeros(1 << 18), "an array of shape (262144,) of 2097152 bytes, more than a reply may hold"),
        (2**8000, "an integer of 8001 bits"),
        ("x" * 200_000, "a text of 200000 characters"),
        ("\ud800", "a text that is no Unicode"),
        ({(1, 2): 3}, "a dictionary with a key that is a tuple"),
        ({2**70: 3}, "a dictionary with a key that is an int"),
        ({number: number for number in range(5000)}, "a dictionary too deep or too large to be sent"),
        (b"bytes", "a bytes"),
        (np.zeros((1,) * 17), "an array of 17 dimensions"),
    ],
    ids=lambda value: value if isinstance(value, str) and len(value) < 50 else "",
)
def test_what_is_no_value_arrives_as_a_handle(value: Any, what: str) -> None:
    first, handle = returned((1, value))
    assert first == 1
    assert isinstance(handle, Handle)
    assert handle.what.startswith(what)


def test_a_dictionary_that_contains_itself_ends() -> None:
    endless: dict[str, Any] = {}
    endless["self"] = endless
    got, depth = returned(endless), 0
    while isinstance(got, RemoteDict):
        got, depth = got["self"], depth + 1
    assert isinstance(got, Handle)
    assert depth == 8


def test_budget_holds_for_all_arrays_of_a_reply_together() -> None:
    values = returned([np.zeros(1 << 16)] * 3, budget=1 << 20)
    assert [type(value) for value in values] == [np.ndarray, np.ndarray, Handle]


def test_array_returned_twice_is_sent_twice() -> None:
    array = np.ones(3)
    first, second = returned((array, array))
    assert first is not second
    assert np.array_equal(first, second)


def test_arrays_of_every_size_come_in_order() -> None:
    sent = [np.arange(size, dtype=float) for size in (3, 5000, 0, 40, 100_000, 1)]
    got = returned(tuple(sent), budget=1 << 22)
    assert all(np.array_equal(one, other) for one, other in zip(sent, got, strict=True))


def test_argument_that_cannot_be_sent_is_an_error_of_the_examiner() -> None:
    with pytest.raises(TypeError, match="an object of type set"):
        Codec().encode([{1, 2}])


def test_handle_of_another_session_is_refused() -> None:
    with pytest.raises(Refused, match="a tuple of another session"):
        Codec().encode([Handle(Codec(), 0, "a tuple")])


def test_dictionary_of_another_session_goes_by_value() -> None:
    theirs = RemoteDict({"a": 1}, Handle(Codec(), 0, "a dict"))
    header, _ = split(Codec().encode([theirs]))
    assert msgpack.unpackb(header) == [{"a": 1}]


def array(code: str = "d", place: int = 0, *shape: int) -> msgpack.ExtType:
    """An array's extension, as an attacker writes it."""
    return msgpack.ExtType(ARRAY, struct.pack(f">BQ{len(shape)}Q", ord(code), place, *shape))


def nested_dicts(depth: int) -> msgpack.ExtType:
    inner: Any = 1
    for _ in range(depth):
        inner = msgpack.ExtType(DICT, msgpack.packb([0, {"a": inner}]))
    return inner


FORGED: dict[str, tuple[Any, bytes]] = {
    "object dtype": (array("O", 0, 1), bytes(8)),
    "unknown dtype": (array("U", 0, 1), bytes(8)),
    "array beyond the blob": (array("d", 0, 2), bytes(8)),
    "huge shape": (array("d", 0, 1 << 40, 1 << 40), bytes(8)),
    "huge shape of nothing": (array("d", 0, 0, 1 << 63), b""),
    "product that wraps around": (array("d", 0, 1 << 32, 1 << 32, 1 << 61), bytes(8)),
    "seventeen dimensions": (array("d", 0, *[1] * 17), bytes(8)),
    "array description cut short": (msgpack.ExtType(ARRAY, b"d"), b""),
    "overlapping arrays": ([array("d", 0, 1), array("d", 0, 1)], bytes(8)),
    "gap before an array": (array("d", 8, 1), bytes(16)),
    "bytes left over": (array("d", 0, 1), bytes(9)),
    "blob without array": (1, bytes(8)),
    "scalar of objects": (msgpack.ExtType(SCALAR, b"O" + bytes(8)), b""),
    "scalar too short": (msgpack.ExtType(SCALAR, b"d" + bytes(7)), b""),
    "scalar of nothing": (msgpack.ExtType(SCALAR, b""), b""),
    "complex too short": (msgpack.ExtType(COMPLEX, bytes(9)), b""),
    "integer of a megabyte": (msgpack.ExtType(INTEGER, bytes(1 << 20)), b""),
    "tuple": (msgpack.ExtType(TUPLE, msgpack.packb([1])), b""),
    "unknown extension": (msgpack.ExtType(99, b""), b""),
    "timestamp": (msgpack.Timestamp(1), b""),
    "bytes": (b"raw", b""),
    "plain map": ({"a": 1}, b""),
    "list in a list": ([[1]], b""),
    "handle with a negative number": (msgpack.ExtType(HANDLE, msgpack.packb([-1, "", None])), b""),
    "handle with a huge number": (msgpack.ExtType(HANDLE, msgpack.packb([1 << 60, "", None])), b""),
    "handle without words": (msgpack.ExtType(HANDLE, msgpack.packb([1])), b""),
    "handle with a list for words": (msgpack.ExtType(HANDLE, msgpack.packb([1, [2], None])), b""),
    "handle with a text for items": (msgpack.ExtType(HANDLE, msgpack.packb([1, "a map", "ab"])), b""),
    "handle with a list among its items": (msgpack.ExtType(HANDLE, msgpack.packb([1, "a map", [[2]]])), b""),
    "dictionary that is a list": (msgpack.ExtType(DICT, msgpack.packb([1, [2]])), b""),
    "dictionary with a float key": (msgpack.ExtType(DICT, msgpack.packb([1, {1.5: 2}])), b""),
    "dictionary with a list value": (msgpack.ExtType(DICT, msgpack.packb([1, {"a": [2]}])), b""),
    "messages nested 1000 deep": (nested_dicts(1000), b""),
}


@pytest.mark.parametrize("name", FORGED)
def test_forged_value_is_a_broken_protocol(name: str) -> None:
    value, blob = FORGED[name]
    codec = Codec()
    with pytest.raises(ProtocolError):
        codec.checked(read(codec, msgpack.packb([value]), blob)[0])


@pytest.mark.parametrize(
    "header",
    [
        b"",
        b"\xc1",
        b"\x91",
        b"\xdd\xff\xff\xff\xff",
        b"\xdf\xff\xff\xff\xff",
        b"\x92" * 5000,
        b"\xa2\xff\xff",
        b"\x01\x02",
    ],
    ids=["empty", "never used byte", "cut short", "huge list", "huge map", "nested lists", "not UTF-8", "two messages"],
)
def test_forged_header_is_a_broken_protocol(header: bytes) -> None:
    with pytest.raises(ProtocolError):
        read(Codec(), header, b"")


def test_bools_that_are_neither_true_nor_false() -> None:
    codec = Codec()
    got = read(codec, msgpack.packb([array("?", 0, 3)]), bytes([0, 1, 7]))[0]
    assert got.view(np.uint8).tolist() == [0, 1, 1]


def test_received_array_is_the_examiners_own() -> None:
    got = returned(np.ones(3))
    got[0] = 5  # writable, and no view of a message
    assert got.base is None


def test_received_array_is_gone_when_nobody_has_it() -> None:
    """A circle of references would keep it until garbage is collected, and the heap would grow meanwhile."""
    array = returned(np.ones((3, 3)))
    seen = weakref.ref(array)
    del array
    assert seen() is None


# --- errors -----------------------------------------------------------------------------------------------------------


def test_error_is_of_its_builtin_class() -> None:
    error = remote_error(["NotImplementedError", "RuntimeError", "Exception"], "TODO")
    assert isinstance(error, NotImplementedError)
    assert isinstance(error, RemoteError)
    assert (error.name, str(error), type(error).__name__) == ("NotImplementedError", "TODO", "NotImplementedError")


@pytest.mark.parametrize(
    ("kinds", "builtin"),
    [
        (["Mine", "ValueError", "Exception"], ValueError),
        (["OSError"], OSError),
        (["KeyError"], KeyError),
        (["UnicodeDecodeError", "ValueError"], UnicodeDecodeError),
        (["StopIteration"], StopIteration),
        (["MemoryError"], MemoryError),
        (["TimeoutError", "OSError"], TimeoutError),
    ],
)
def test_every_builtin_error_can_be_made(kinds: list[str], builtin: type[Exception]) -> None:
    error = remote_error(kinds, "words")
    assert isinstance(error, builtin)
    assert (error.name, str(error)) == (kinds[0], "words")


@pytest.mark.parametrize(
    "kind", ["SystemExit", "KeyboardInterrupt", "ExceptionGroup", "print", "Ended", "", "__class__"]
)
def test_other_names_make_a_plain_remote_error(kind: str) -> None:
    assert type(remote_error([kind], "")) is RemoteError


# --- the line ---------------------------------------------------------------------------------------------------------


def line() -> tuple[Channel, socket.socket]:
    ours, theirs = socket.socketpair()
    return Channel(ours), theirs


def soon(seconds: float = 0.1) -> float:
    return time.monotonic() + seconds


def test_frames_arrive_however_they_are_cut() -> None:
    ours, theirs = line()
    data = b"".join(PREFIX.pack(2, 3) + b"hhbbb" for _ in range(2))
    theirs.sendall(data[:7])
    with pytest.raises(TooLate):
        ours.receive(10, 10, soon())
    theirs.sendall(data[7:])
    blob = bytearray(3)
    for last in (False, True):
        assert ours.receive(10, 10, soon()) == (b"hh", 3)
        blob[:] = bytes(3)
        ours.take(memoryview(blob), soon())
        assert blob == b"bbb"
        assert ours.is_silent() == last
    theirs.close()
    ours.close()


@pytest.mark.parametrize("sizes", [(11, 0), (0, 11), (2**32 - 1, 0), (0, 2**64 - 1)])
def test_size_is_refused_before_anything_is_stored(sizes: tuple[int, int]) -> None:
    ours, theirs = line()
    theirs.sendall(PREFIX.pack(*sizes))
    with pytest.raises(ProtocolError, match="bytes"):
        ours.receive(10, 10, soon())
    theirs.close()
    ours.close()


def test_one_who_does_not_read_does_not_hold_up() -> None:
    ours, theirs = line()
    with pytest.raises(TooLate):
        ours.send([bytes(1 << 24)], soon())
    theirs.close()
    with pytest.raises(HungUp):
        ours.send([bytes(1 << 24)], soon())
    ours.close()


def test_one_who_trickles_does_not_hold_up() -> None:
    ours, theirs = line()
    theirs.setblocking(False)
    theirs.send(PREFIX.pack(1 << 20, 0))

    class Trickle(Channel):
        def _arrived(self) -> bool:
            theirs.send(b"x")  # whenever the examiner looks, there is one byte more
            return super()._arrived()

    trickle = Trickle(ours._connection)
    started = time.monotonic()
    with pytest.raises(TooLate):
        trickle.receive(1 << 20, 0, soon(0.2))
    with pytest.raises(TooLate):
        ours.take(memoryview(bytearray(1 << 24)), soon(0.2))
    assert time.monotonic() - started < 2
    theirs.close()
    ours.close()


def test_one_who_hangs_up_is_noticed() -> None:
    ours, theirs = line()
    theirs.close()
    with pytest.raises(HungUp):
        ours.is_silent()
    with pytest.raises(HungUp):
        ours.receive(10, 10, soon())
    with pytest.raises(HungUp):
        ours.take(memoryview(bytearray(1)), soon())
    ours.close()


# --- outputs and notebooks that come back -----------------------------------------------------------------------------

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


def test_outputs_are_rebuilt_from_known_parts() -> None:
    data = {"text/plain": "1", "image/png": PIXEL, "text/html": "<script>"}
    output = {"output_type": "display_data", "data": data, "metadata": {"x": 1}, "transient": 2}
    want = {"output_type": "display_data", "metadata": {}, "data": {"text/plain": "1", "image/png": PIXEL}}
    assert checked_outputs([output], 1000) == [want]


@pytest.mark.parametrize("png", ["", "<script>", PIXEL[4:], "é"])
def test_picture_that_is_none_is_dropped(png: str) -> None:
    (output,) = checked_outputs([{"output_type": "display_data", "data": {"image/png": png}}], 1000)
    assert output["data"] == {}


@pytest.mark.parametrize(
    "outputs",
    [
        None,
        [None],
        [{"output_type": "update_display_data", "data": {}}],
        [{"output_type": "stream", "name": "web", "text": ""}],
        [{"output_type": "stream", "name": "stdout", "text": ["a"]}],
        [{"output_type": "stream", "name": "stdout", "text": "x" * 10_000}],
        [{"output_type": "execute_result", "execution_count": "1", "data": {}}],
        [{"output_type": "display_data", "data": []}],
        [{"output_type": "error", "ename": "E", "evalue": "", "traceback": "text"}],
        [{"output_type": "error", "ename": "E", "evalue": "x" * (2 << 20), "traceback": []}],
    ],
)
def test_forged_outputs_are_a_broken_protocol(outputs: Any) -> None:
    with pytest.raises(ProtocolError):
        checked_outputs(outputs, 1000)


def test_notebook_of_another_shape_is_said_in_words() -> None:
    assert normalise(b"[]", 10, 10) == ("it is JSON, but not a notebook", None)
