"""The fork that runs one submission: cells in the shell, calls of the functions they defined, nothing else."""

import builtins
import marshal
import random
import socket
import time
import traceback
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from .. import protocol
from ..protocol import Keywords, Unsendable, decode, frame, interned, plain
from .notebook import Shell, normalise
from .values import Drawn, Sender, Shelf, pack, patched, together

FLUSH_SECONDS = 0.2  # a long batch shows signs of life so often
FLUSH_BYTES = 1 << 18
MOVES = object()  # where an argument is another array in each call
MAX_WORDS = 10_000  # characters of an error's text and of its traceback
RECORDED = 2000  # calls of a forward that are remembered
CELLS = ("<ipython-input-", "Cell")  # how the names of code in cells begin


class Request(NamedTuple):
    """One message of the worker's."""

    number: int
    verb: str
    payload: list[Any]


class Peer:
    """The worker's end of the channel, as seen from here."""

    def __init__(self, connection: socket.socket, shelf: Shelf) -> None:
        self._connection = connection
        self._shelf = shelf
        self._request = Request(0, "", [])  # the one that is being carried out

    def receive(self) -> Request | None:
        """The next request; None when the worker is gone."""
        try:
            self._request = Request(*self._message())
        except EOFError:
            return None
        return self._request

    def _message(self) -> list[Any]:
        """The next message. Raises EOFError."""
        header_size, blob_size = protocol.PREFIX.unpack(self._exactly(protocol.PREFIX.size))
        header = self._exactly(header_size)
        message: list[Any] = decode(bytes(header), blob_size, self._read, self._take, trusted=True)
        return message

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
        if code == protocol.TUPLE:
            return tuple(map(interned, unpack(data)))
        if code == protocol.TYPE:
            name, is_dtype = unpack(data)
            return np.dtype(protocol.TYPES[name]) if is_dtype else protocol.TYPES[name]
        if code == protocol.MOVING:
            return MOVES
        if code == protocol.HANDLE:
            return self._shelf.objects[unpack(data)]
        raise ValueError(code)

    def send(self, place: int, kind: str, *payload: Any) -> None:
        """Send a reply to the request that is being carried out."""
        for part in frame([self._request.number, place, kind, *payload], pack):
            self._connection.sendall(part)

    def ask(self, name: str, args: tuple[Any, ...], kwargs: Keywords, state: Keywords | None) -> Any:
        """Have the worker call its own function of that name; returns or raises what that does."""
        try:
            self.send(protocol.ASK, "ask", name, plain(args), plain(kwargs), plain(state))
        except Unsendable as error:
            raise TypeError(f"{name}: the argument holds {error}, which is neither a number nor an array") from None
        _, kind, *answer = self._message()
        if kind == "answer":
            return answer[0]
        builtin = getattr(builtins, answer[0], Exception)
        raise (builtin if isinstance(builtin, type) and issubclass(builtin, Exception) else Exception)(answer[1])


def serve(connection: socket.socket, shell: Shell) -> None:
    """Answer requests until the worker hangs up."""
    random.seed(0)
    np.random.seed(0)
    shelf = Shelf()
    worker = Peer(connection, shelf)
    worker.send(0, "ready")
    while (request := worker.receive()) is not None:
        if request.verb == "cell":
            worker.send(0, "ran", *_run_cell(shell, *request.payload))
        elif request.verb == "parse":
            worker.send(0, "parsed", *normalise(*request.payload))
        elif request.verb == "stand_in":
            _stand_in(worker, shell.user_ns, *request.payload)
            worker.send(0, "replaced")
        elif request.verb == "patch":
            worker.send(0, "returned", [Sender(shelf, 0).kept(patched(*request.payload), "a cache")])
        elif request.verb == "sweep":
            call, moves, pick, most = request.payload
            _run_calls(worker, shell, Sender(shelf, most, copies=True), _swept(call, *moves), pick)
        else:
            call, most = request.payload
            _run_calls(worker, shell, Sender(shelf, most), [call], shelf=shelf)


def _run_cell(shell: Shell, source: str | bytes, output_bytes: int) -> list[Any]:
    """Run a cell as Jupyter would; its outputs, whether it succeeded, its number, whether output was cut."""
    recorder = shell.recorder
    recorder.start(output_bytes)
    count = shell.execution_count
    if isinstance(source, bytes):  # what the worker has compiled, without what IPython makes of a text first
        shell.execution_count += 1
        ok = True
        try:
            exec(marshal.loads(source), shell.user_ns)
        except Exception:
            shell.showtraceback()
            ok = False
    else:
        ok = shell.run_cell(source, store_history=True).success is True
    return [recorder.finished(), ok, count, recorder.truncated]


def _stand_in(worker: Peer, names: Keywords, replaced: list[str], givers: dict[str, str]) -> None:
    """Put functions that ask the worker in the place of these; a method's object goes along as its state.

    givers: for a replaced function the one whose last output it takes as its last argument. While that is the
    student's own, its calls are recorded, so that the worker hears of the call and not of a cache it cannot know.
    """
    seen: deque[tuple[Any, list[Any]]] = deque(maxlen=RECORDED)

    def recording(own: Any) -> Any:
        def function(*args: Any, **kwargs: Any) -> Any:
            call = [_copied(args), _copied(kwargs)]
            returned = own(*args, **kwargs)
            if type(returned) is tuple and returned:
                seen.append((returned[-1], call))
            return returned

        return function

    def asking(name: str, of_object: bool) -> Any:
        def function(*args: Any, **kwargs: Any) -> Any:
            state = dict(vars(args[0])) if of_object else None
            args = args[1:] if of_object else args
            call = next((call for cache, call in reversed(seen) if args and cache is args[-1]), None)
            if call is not None and name in givers:
                args = (*args[:-1], {protocol.CALL: [givers[name], *call]})
            return _holding(worker.ask(name, args, kwargs, state), args)

        return function

    for name in set(givers.values()) - set(replaced):
        if callable(names.get(name)):
            names[name] = recording(names[name])
    for name in replaced:
        owner, _, method = name.rpartition(".")
        if owner and owner in names:
            setattr(names[owner], method, asking(name, of_object=True))
        elif not owner:
            names[name] = asking(name, of_object=False)


def _holding(answer: Any, args: tuple[Any, ...]) -> Any:
    """An answer whose cache holds the very arrays that it is of, as a function's own: what fills them shows there."""
    if type(answer) is not tuple or type(answer[-1]) is not tuple:
        return answer
    arrays = [value for value in (*args, *answer[:-1]) if type(value) is np.ndarray]

    def held(value: Any) -> Any:
        return next((array for array in arrays if _equal(array, value)), value)

    return (*answer[:-1], tuple(map(held, answer[-1])))


def _swept(call: list[Any], x: np.ndarray, h: float, start: int, stop: int) -> Iterator[tuple[Any, ...]]:
    """The call with one entry of x moved up by h, then down, for each entry from start to stop."""
    name, args, kwargs, state = call
    for entry in range(start, stop):
        for step in (h, -h):
            moved = x.copy()
            moved.reshape(-1)[entry] += step
            yield name, _copied(args, moved), kwargs and _copied(kwargs, moved), state and _copied(state, moved)


def _copied(value: Any, moved: np.ndarray | None = None) -> Any:
    """Arguments with copies of their arrays, which may be written into; of a sweep, the moved one in its place."""
    kind = type(value)
    if kind is dict:
        return {key: item.copy() if type(item) is np.ndarray else _copied(item, moved) for key, item in value.items()}
    if kind is list or kind is tuple:
        return kind([item.copy() if type(item) is np.ndarray else _copied(item, moved) for item in value])
    return moved if value is MOVES else value


def _run_calls(
    worker: Peer,
    shell: Shell,
    sender: Sender,
    calls: Iterable[Sequence[Any]],
    pick: int | None = None,
    shelf: Shelf | None = None,
) -> None:
    """Make the calls in order; the first that raises is the last that is made.

    Values go out together, but not later than a while after they were made: the worker's clock runs for each call.
    """
    values: list[Any] = []
    sent, flushed = 0, time.monotonic()
    end: list[Any] = []
    shell.recorder.start(0)  # what a function prints while it is checked is shown to nobody
    for name, args, kwargs, state in calls:
        try:
            returned = _call(shell.user_ns, name, list(map(interned, args)), kwargs, state, shelf)
            returned = Drawn.of(returned) if pick is None else returned
        except BaseException as error:  # whatever a student's function raises is news for the worker
            end = ["raised", *_words(error)]
            break
        try:
            values.append(sender.outputs(returned, pick))
        except Unsendable as error:
            end = ["refused", str(error)]
            break
        if sender.spent > FLUSH_BYTES or time.monotonic() - flushed > FLUSH_SECONDS:
            worker.send(sent, *together(values))
            sent, values, sender.spent, flushed = sent + len(values), [], 0, time.monotonic()
    if values:
        worker.send(sent, *together(values))
    if end:
        worker.send(sent + len(values), *end)


def _call(
    names: Keywords, name: str, args: Any, kwargs: Keywords, state: Keywords | None, shelf: Shelf | None = None
) -> Any:
    """Call a function by name, or a method of an object that has the given state.

    shelf: where the last object is; one that is given the same state again is that object, with all that it keeps.
    Without one the state belongs to this call alone.
    """
    owner, dot, method = name.partition(".")
    if owner not in names:
        raise NameError(f"name {owner!r} is not defined", name=owner)
    if not dot:
        return names[owner](*args, **kwargs)
    if shelf is not None and shelf.last and type(shelf.last[1]) is names[owner] and _equal(shelf.last[0], state):
        return getattr(shelf.last[1], method)(*args, **kwargs)
    this = names[owner].__new__(names[owner])
    given = {key: value for key, value in (state or {}).items() if key != protocol.OBJECT}
    this.__dict__.update(given if shelf is None else _copied(given))
    if shelf is not None:
        shelf.last = state, this
    return getattr(this, method)(*args, **kwargs)


def _equal(one: Any, other: Any) -> bool:
    """Whether two states are the same to the last bit."""
    if type(one) is not type(other):
        return False
    if isinstance(one, np.ndarray):
        return bool(one.dtype == other.dtype and one.shape == other.shape and one.tobytes() == other.tobytes())
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(_equal(value, other[key]) for key, value in one.items())
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(_equal, one, other))
    return bool(one == other)


def _words(error: BaseException) -> list[Any]:
    """An exception as text: the names of its classes, what it says, its traceback, and which function at which line."""
    kinds = [str(kind.__name__)[:100] for kind in type(error).__mro__[:20]]
    function, line = "", 0
    for frame_, number in traceback.walk_tb(error.__traceback__):
        if frame_.f_code.co_filename.startswith(CELLS):  # the innermost of the student's
            function, line = str(getattr(frame_.f_code, "co_qualname", frame_.f_code.co_name))[:100], number
    own = error.__traceback__
    while own is not None and own.tb_frame.f_code.co_filename == __file__:
        own = own.tb_next
    try:
        text = str(error)
        frames = "".join(traceback.format_exception(type(error), error, own, limit=-20))
    except Exception:  # a __str__ of the student's that fails
        text = frames = ""
    texts = [part.encode("utf-8", "replace").decode()[:MAX_WORDS] for part in (text, frames, function)]
    return [kinds, *texts, line]
