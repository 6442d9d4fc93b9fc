"""One headless PyBullet client: quiet, and with its OpenGL context current whenever a call may draw."""

import contextlib
import ctypes
import importlib.util
import os
import sys
from functools import partial

from depth_pc_ros.errors import SceneError
from depth_pc_ros.sim.egl import EglContext, egl_works


@contextlib.contextmanager
def silenced():
    """Discard what C code prints to stdout and stderr (PyBullet announces itself, its plugin and its window)."""
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

_DRAWING = frozenset(
    ("loadURDF", "createVisualShape", "createMultiBody", "loadTexture", "changeVisualShape", "removeBody",
     "resetSimulation", "getCameraImage", "disconnect")
)  # fmt: skip


class BulletClient:
    """A PyBullet server in this process, with the EGL renderer when asked and possible.

    Every function and constant of the `pybullet` module is an attribute; functions act on this client.
    renderer: 'auto' (EGL where it works), 'egl' or 'tiny'.
    """

    def __init__(self, renderer: str = "auto"):
        if renderer not in ("auto", "egl", "tiny"):
            raise SceneError(f"renderer: expected 'auto', 'egl' or 'tiny', got {renderer!r}")
        self._gl = contextlib.nullcontext()
        self.renderer_name = "TinyRenderer"
        with silenced():
            use_egl = renderer != "tiny" and egl_works()
            self.id = pybullet.connect(pybullet.DIRECT)
            if use_egl:
                plugin = importlib.util.find_spec("eglRenderer").origin
                if pybullet.loadPlugin(plugin, "_eglRendererPlugin", physicsClientId=self.id) >= 0:
                    self.renderer_name = "EGL"
                    self._gl = EglContext()
        if renderer == "egl" and self.renderer_name != "EGL":
            self.close()
            raise SceneError("renderer: 'egl' does not start here (Debian/Ubuntu: apt install libegl1 libgl1-mesa-dri)")

    def __getattr__(self, name: str):
        attribute = getattr(pybullet, name)
        if not callable(attribute):
            return attribute
        call = partial(attribute, physicsClientId=self.id)
        if name not in _DRAWING:
            return call

        def drawing(*args, **kwargs):
            with self._gl:
                return call(*args, **kwargs)

        return drawing

    def close(self) -> None:
        """Disconnect: frees bodies and textures (nothing else does). May be called twice."""
        if self.id is None:
            return
        with silenced(), self._gl:
            pybullet.disconnect(self.id)
        self.id = None
