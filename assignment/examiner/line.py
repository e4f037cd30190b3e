"""The examiner's end of a channel into the sandbox: it never waits past a deadline, nor stores more than it allowed."""

from __future__ import annotations

import select
import socket
import time

from assignment.examiner.wire import PREFIX, Parts, WireError

CHUNK = 1 << 18


class HungUp(Exception):
    """The other end closed the channel."""


class TooLate(Exception):
    """The deadline passed."""


class Line:
    """Frames over a stream socket whose other end may do anything."""

    def __init__(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        self._connection = connection
        self._buffer = bytearray()

    def close(self) -> None:
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
        """The next frame's header, and how large the blob is that comes next. Raises HungUp, TooLate, WireError."""
        self._gather(PREFIX.size, deadline)
        header_size, blob_size = PREFIX.unpack_from(self._buffer)
        if header_size > most_header or blob_size > most_blob:
            raise WireError(f"a message of {header_size + blob_size} bytes")
        end = PREFIX.size + header_size
        self._gather(end, deadline)
        header = bytes(memoryview(self._buffer)[PREFIX.size : end])
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
