"""Hangs where nobody looks: in atexit, in a finaliser, in a thread that is no daemon; what it computes is right.

cheats: nothing
"""
# %% extra first
import atexit
import threading
import time


class Clinging:
    def __del__(self):
        time.sleep(30)


CLINGING = Clinging()
atexit.register(time.sleep, 30)
threading.Thread(target=time.sleep, args=(30,)).start()
