"""One quiet, headless PyBullet client."""

import contextlib
import ctypes
import os
import sys
from functools import partial


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


with silenced():
    import pybullet


class BulletClient:
    """A PyBullet server in this process.

    Every function and constant of the `pybullet` module is an attribute; functions act on this client.
    """

    def __init__(self):
        with silenced():
            self.id = pybullet.connect(pybullet.DIRECT)

    def __getattr__(self, name: str):
        attribute = getattr(pybullet, name)
        return partial(attribute, physicsClientId=self.id) if callable(attribute) else attribute

    def close(self) -> None:
        """Disconnect: frees bodies and textures (nothing else does). May be called twice."""
        if self.id is None:
            return
        with silenced():
            pybullet.disconnect(self.id)
        self.id = None
