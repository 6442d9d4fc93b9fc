"""The EGL side of PyBullet's hardware renderer: does it work here, and which thread owns its context.

PyBullet's plugin ends the *process* when EGL cannot start, so `egl_works` walks through the same calls first.
The plugin also makes its context current once, for good, on the thread that loads it: a second client, or a second
thread, would then draw into the wrong context. `EglContext` hands the context over around each drawing call.
Source: bullet3, examples/OpenGLWindow/EGLOpenGLWindow.cpp.
"""

import ctypes
from functools import lru_cache

_PLATFORM_DEVICE = 0x313F
_OPENGL_API = 0x30A2
_DRAW, _READ = 0x3059, 0x305A
_RGB8_DEPTH_PBUFFER_GL = (0x3024, 8, 0x3023, 8, 0x3022, 8, 0x3025, 8, 0x3033, 0x1, 0x3040, 0x8, 0x3038)
_PBUFFER_1024_768 = (0x3057, 1024, 0x3056, 768, 0x3038)


@lru_cache(maxsize=1)
def _library() -> ctypes.CDLL:
    """libEGL with the signatures used here; OSError where it is not installed."""
    egl = ctypes.CDLL("libEGL.so.1")
    pointers = ("eglGetProcAddress", "eglCreatePbufferSurface", "eglCreateContext", "eglGetCurrentContext",
                "eglGetCurrentDisplay", "eglGetCurrentSurface")  # fmt: skip
    for name in pointers:
        getattr(egl, name).restype = ctypes.c_void_p
    egl.eglGetProcAddress.argtypes = [ctypes.c_char_p]
    egl.eglGetCurrentSurface.argtypes = [ctypes.c_int]
    egl.eglMakeCurrent.argtypes = [ctypes.c_void_p] * 4
    egl.eglInitialize.argtypes = [ctypes.c_void_p] * 3
    egl.eglChooseConfig.argtypes = [ctypes.c_void_p] * 3 + [ctypes.c_int, ctypes.c_void_p]
    egl.eglCreatePbufferSurface.argtypes = [ctypes.c_void_p] * 3
    egl.eglCreateContext.argtypes = [ctypes.c_void_p] * 4
    egl.eglDestroySurface.argtypes = egl.eglDestroyContext.argtypes = [ctypes.c_void_p] * 2
    return egl


@lru_cache(maxsize=1)
def egl_works() -> bool:
    """Whether the plugin would get a display, a configuration, a surface and an OpenGL context on this machine."""
    try:
        egl = _library()
    except OSError:
        return False
    query_at = egl.eglGetProcAddress(b"eglQueryDevicesEXT")
    display_at = egl.eglGetProcAddress(b"eglGetPlatformDisplayEXT")
    if not query_at or not display_at:
        return False
    int_p = ctypes.POINTER(ctypes.c_int)
    query = ctypes.CFUNCTYPE(ctypes.c_uint, ctypes.c_int, ctypes.POINTER(ctypes.c_void_p), int_p)(query_at)
    get_display = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_uint, ctypes.c_void_p, ctypes.c_void_p)(display_at)
    devices, count = (ctypes.c_void_p * 32)(), ctypes.c_int()
    if not query(32, devices, ctypes.byref(count)):
        return False
    display = None
    for i in range(count.value):  # the plugin keeps the last device that initialises
        candidate = get_display(_PLATFORM_DEVICE, devices[i], None)
        if candidate and egl.eglInitialize(candidate, None, None):
            display = candidate
    if display is None or not egl.eglBindAPI(_OPENGL_API):
        return False
    config, found = ctypes.c_void_p(), ctypes.c_int()
    wanted = (ctypes.c_int * len(_RGB8_DEPTH_PBUFFER_GL))(*_RGB8_DEPTH_PBUFFER_GL)
    if not egl.eglChooseConfig(display, wanted, ctypes.byref(config), 1, ctypes.byref(found)) or found.value != 1:
        return False
    size = (ctypes.c_int * len(_PBUFFER_1024_768))(*_PBUFFER_1024_768)
    surface = egl.eglCreatePbufferSurface(display, config, size)
    context = egl.eglCreateContext(display, config, None, None)
    works = bool(surface and context)
    if surface:
        egl.eglDestroySurface(display, surface)
    if context:
        egl.eglDestroyContext(display, context)
    return works


class EglContext:
    """The OpenGL context that is current on this thread now; afterwards current only inside `with`."""

    def __init__(self):
        self._egl = _library()
        self._display = self._egl.eglGetCurrentDisplay()
        self._context = self._egl.eglGetCurrentContext()
        self._draw = self._egl.eglGetCurrentSurface(_DRAW)
        self._read = self._egl.eglGetCurrentSurface(_READ)
        self._depth = 0
        self._release()

    def _release(self) -> None:
        self._egl.eglMakeCurrent(self._display, None, None, None)

    def __enter__(self) -> "EglContext":
        if self._depth == 0:
            self._egl.eglBindAPI(_OPENGL_API)
            if not self._egl.eglMakeCurrent(self._display, self._draw, self._read, self._context):
                raise RuntimeError("EGL context: cannot be made current (another thread is drawing with this client)")
        self._depth += 1
        return self

    def __exit__(self, *exc) -> None:
        self._depth -= 1
        if self._depth == 0:
            self._release()
