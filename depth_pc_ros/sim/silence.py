"""What C libraries print by themselves goes nowhere."""

import contextlib
import ctypes
import os
import sys


@contextlib.contextmanager
def silenced():
    """Discard what C code prints to stdout and stderr (PyBullet announces itself, Mesa warns of missing devices)."""
    sys.stdout.flush()
    sys.stderr.flush()
    libc = ctypes.CDLL(None)
    libc.fflush(None)
    saved = [os.dup(1), os.dup(2)]
    null = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(null, 1)
        os.dup2(null, 2)
        yield
    finally:
        libc.fflush(None)
        os.dup2(saved[0], 1)
        os.dup2(saved[1], 2)
        for fd in (*saved, null):
            os.close(fd)
