"""MuJoCo, and the one thread of this process that owns the only OpenGL context of its renderers.

EGL gives the context; OSMesa does where the environment variable MUJOCO_GL is `osmesa`, as for all of MuJoCo. A forked
child lacks the thread: start workers by spawn.
"""

import atexit
import os
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache

from depth_pc_ros.errors import SceneError
from depth_pc_ros.extras import imports_of
from depth_pc_ros.sim.silence import silenced

__all__ = ["GL_NAME", "drawing_thread", "mujoco"]
_ASKED = os.environ.get("MUJOCO_GL", "").lower()
GL_NAME = "OSMesa" if _ASKED == "osmesa" else "EGL"
_PACKAGES = {
    "EGL": "apt install libegl1 libgl1-mesa-dri; or libosmesa6, and set MUJOCO_GL=osmesa",
    "OSMesa": "apt install libosmesa6; or leave MUJOCO_GL unset, for EGL",
}


def _no_gl(problem: Exception) -> SceneError:
    return SceneError(f"mujoco: {GL_NAME} does not start here (Debian/Ubuntu: {_PACKAGES[GL_NAME]}): {problem}")


try:
    with imports_of("mujoco"):
        import mujoco
except (AttributeError, RuntimeError) as problem:  # it loads what MUJOCO_GL names
    if _ASKED in ("egl", "osmesa"):
        raise _no_gl(problem) from None
    raise SceneError(f"MUJOCO_GL: expected egl, osmesa or nothing, got {_ASKED!r}: {problem}") from None


@lru_cache(maxsize=1)
def drawing_thread() -> ThreadPoolExecutor:
    """The thread that draws; its OpenGL context starts on the first call. SceneError where there is none."""
    thread = ThreadPoolExecutor(1, thread_name_prefix="mujoco_gl")
    try:
        with silenced():
            context = thread.submit(_make_context).result()
    except Exception as problem:  # PyOpenGL and MuJoCo raise many kinds
        thread.shutdown()
        raise _no_gl(problem) from None
    atexit.register(context.free)  # while OpenGL is still there
    return thread


def _make_context():
    if GL_NAME == "OSMesa":
        from mujoco.osmesa import GLContext
    else:
        from mujoco.egl import GLContext
    context = GLContext(1, 1)  # images have framebuffers of their own
    context.make_current()
    return context
