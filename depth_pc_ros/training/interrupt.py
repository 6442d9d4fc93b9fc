"""Ctrl-C that takes effect between two batches."""

import signal
from contextlib import contextmanager

from tqdm import tqdm


@contextmanager
def interrupt_waits():
    """Yields a function that says whether Ctrl-C was pressed; a second one ends the program."""
    pressed = []

    def note(*_):
        pressed.append(True)
        signal.signal(signal.SIGINT, before)
        tqdm.write("stopping after this batch; the same command resumes")

    before = signal.signal(signal.SIGINT, note)
    try:
        yield lambda: bool(pressed)
    finally:
        signal.signal(signal.SIGINT, before)
