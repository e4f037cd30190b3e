"""Leaves a daemon behind (forked twice, in a session of its own, all signals ignored), and does the exercise right.

cheats: nothing
"""
# %% extra first
import os
import signal
import sys

if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        for number in range(1, 65):
            try:
                signal.signal(number, signal.SIG_IGN)
            except (OSError, ValueError):
                continue
        os.closerange(0, 256)
        os.execv(sys.executable, [sys.executable, "-c", "import time; time.sleep(30)  # @marker@"])
    os._exit(0)
os.wait()
