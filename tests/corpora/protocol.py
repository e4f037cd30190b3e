"""What attacks on the protocol begin with: it stands in their cells where they say @protocol@."""

import os
import socket
import stat
import struct
import sys


def line():
    """The socket to the examiner, and the number of the request that is being answered."""
    found = [n for n in range(3, 256) if is_stream(n)]
    number, frame = 0, sys._getframe()
    while frame is not None:
        number = getattr(frame.f_locals.get("request"), "number", number)
        frame = frame.f_back
    return socket.socket(fileno=os.dup(found[0])), number


def is_stream(n):
    try:
        return stat.S_ISSOCK(os.fstat(n).st_mode)
    except OSError:
        return False


def message(fields, blob=b""):
    """A frame as the protocol has it."""
    import msgpack

    header = msgpack.packb(fields)
    return struct.pack(">IQ", len(header), len(blob)) + header + blob
