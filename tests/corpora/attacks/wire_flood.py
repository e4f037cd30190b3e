"""Sends gigabytes into the line from a thread, while nobody asked for anything.

cheats: nothing
keeps: nothing
"""
# %% extra last
import os
import stat
import threading


def flood():
    numbers = [n for n in range(3, 256) if is_socket(n)]
    for _ in range(100_000):
        for number in numbers:
            try:
                os.write(number, b"\x00" * 65536)
            except OSError:
                return


def is_socket(number):
    try:
        return stat.S_ISSOCK(os.fstat(number).st_mode)
    except OSError:
        return False


threading.Thread(target=flood, daemon=True).start()
