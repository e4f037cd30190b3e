"""A cell that reports about itself what it likes: success, other outputs, a page of script, a million of them.

cheats: nothing
keeps: rnn_step_forward, rnn_step_backward, rnn_forward, rnn_backward, temporal_softmax_loss
shows: 4000000
"""
# %% extra last
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
    import msgpack

    header = msgpack.packb(fields)
    return struct.pack(">IQ", len(header), len(blob)) + header + blob


connection, number = line()
data = {"text/html": "<script>alert('@marker@')</script>", "text/plain": "@marker@", "image/png": "<script>@marker@"}
output = {"output_type": "execute_result", "execution_count": "<b>", "metadata": {"a": [1]}, "data": data}
connection.sendall(message([number, 0, "ran", [output] * 1000, True, 7, False]))
