"""OpenGL 3.3 on EGL, without a window: a GPU, or Mesa's llvmpipe on the CPU.

An OpenGL context belongs to one thread at a time. So one thread of this process owns the only context and does all
drawing, for all worlds and callers. A forked child lacks this thread: start workers by spawn.

On llvmpipe the time of an image is mostly that of triangles and texture look-ups. Light and poses never change, so both
are computed into the vertices, and back faces are left out.
"""

import contextlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from depth_pc_ros.extras import imports_of
from depth_pc_ros.geometry import se3
from depth_pc_ros.geometry.camera import Intrinsics
from depth_pc_ros.sim.checks import check_pose
from depth_pc_ros.sim.light import BACKGROUND_RGB, FAR_M, NEAR_M, Light
from depth_pc_ros.sim.mesh import Mesh
from depth_pc_ros.sim.silence import silenced

with imports_of("sim"):
    import moderngl

_DEVICES = 8  # so many EGL devices are tried; the first may be a GPU without permission for this user
_VERTEX = """#version 330
uniform mat4 clip_from_world;
in vec3 position; in vec2 uv; in float diffuse;
out vec2 v_uv; out float v_diffuse;
void main() { gl_Position = clip_from_world * vec4(position, 1.0); v_uv = uv; v_diffuse = diffuse; }
"""
_FRAGMENT = """#version 330
uniform sampler2D picture; uniform float ambient; uniform vec3 colour;
in vec2 v_uv; in float v_diffuse;
layout(location = 0) out vec4 rgba; layout(location = 1) out float depth_m;
void main() {
    rgba = vec4(texture(picture, v_uv).rgb * (ambient + colour * v_diffuse), 1.0);
    depth_m = 1.0 / gl_FragCoord.w;
}
"""


@dataclass(frozen=True)
class _Gl:
    """The context of this process, its one program, and the thread that may use them."""

    thread: ThreadPoolExecutor
    context: moderngl.Context
    program: moderngl.Program

    def call(self, function, *arguments):
        """`function(*arguments)`, carried out by the drawing thread."""
        return self.thread.submit(function, *arguments).result()


@lru_cache(maxsize=1)
def _gl() -> _Gl | None:
    """OpenGL, started on first use; None where no device gives a context."""
    thread = ThreadPoolExecutor(1, thread_name_prefix="gl")
    with silenced():
        context = thread.submit(_make_context).result()
    if context is None:
        thread.shutdown()
        return None
    program = thread.submit(context.program, _VERTEX, _FRAGMENT).result()
    return _Gl(thread, context, program)


def _make_context() -> moderngl.Context | None:
    egl = "libEGL.so.1"  # gives the functions of OpenGL too, so that libGL is not needed
    for device in range(_DEVICES):
        with contextlib.suppress(Exception):  # moderngl raises nothing more special
            return moderngl.create_context(
                standalone=True, require=330, backend="egl", device_index=device, libegl=egl, libgl=egl
            )
    return None


def egl_works() -> bool:
    """Whether this machine gives an OpenGL context without a window."""
    return _gl() is not None


def clip_matrix(intrinsics: Intrinsics) -> np.ndarray:
    """OpenGL clip coordinates (4, 4) from the optical frame.

    Row 0 of the raster is the image's upper one, raster centres (i + 0.5) are pixels i, and w is the depth z.
    """
    k = intrinsics
    return np.array(
        [
            [2 * k.fx / k.width, 0, (2 * k.cx + 1) / k.width - 1, 0],
            [0, 2 * k.fy / k.height, (2 * k.cy + 1) / k.height - 1, 0],
            [0, 0, (FAR_M + NEAR_M) / (FAR_M - NEAR_M), -2 * FAR_M * NEAR_M / (FAR_M - NEAR_M)],
            [0, 0, 1, 0],
        ]
    )


class GlRenderer:
    """Draws static meshes (world frame). See `renderer.Renderer`; may be used from any thread."""

    name = "EGL"

    def __init__(self, meshes, light: Light):
        self._gl = _gl()
        self._light = light
        self._draws: list[tuple[moderngl.VertexArray, moderngl.Texture]] = []
        self._owned = []
        self._frame, self._frame_owned = None, []
        self._gl.call(self._upload, list(meshes))

    def render(self, T_world_cam: np.ndarray, intrinsics: Intrinsics) -> tuple[np.ndarray, np.ndarray]:
        return self._gl.call(self._render, check_pose(T_world_cam), intrinsics)

    def close(self) -> None:
        self._gl.call(self._release)

    def _upload(self, meshes: list[Mesh]) -> None:
        context = self._gl.context
        for mesh in meshes:
            rows = np.column_stack([mesh.vertices, mesh.uvs, self._light.diffuse_part(mesh.normals)])
            vertices = context.buffer(rows.astype(np.float32).tobytes())
            faces = context.buffer(mesh.faces.astype(np.int32).tobytes())
            layout = [(vertices, "3f 2f 1f", "position", "uv", "diffuse")]
            array = context.vertex_array(self._gl.program, layout, index_buffer=faces)
            texture = _texture(context, mesh.picture)
            self._draws.append((array, texture))
            self._owned += [array, texture, vertices, faces]

    def _render(self, T_world_cam: np.ndarray, intrinsics: Intrinsics) -> tuple[np.ndarray, np.ndarray]:
        context, program = self._gl.context, self._gl.program
        size = intrinsics.size
        if self._frame is None or self._frame.size != size:
            self._make_frame(size)
        self._frame.use()
        self._frame.clear()
        context.enable_only(moderngl.DEPTH_TEST | moderngl.CULL_FACE)
        context.front_face = "cw"  # the raster's rows run downwards
        clip_from_world = clip_matrix(intrinsics) @ se3.inverse(T_world_cam)
        program["clip_from_world"].write(clip_from_world.T.astype(np.float32).tobytes())
        program["ambient"].value = self._light.ambient
        program["colour"].value = self._light.colour
        for array, texture in self._draws:
            texture.use()
            array.render()
        rgba = np.empty((intrinsics.height, intrinsics.width, 4), np.uint8)
        depth_m = np.empty((intrinsics.height, intrinsics.width), np.float32)
        self._frame.read_into(rgba, components=4)
        self._frame.read_into(depth_m, components=1, attachment=1, dtype="f4")
        rgb = cv2.cvtColor(rgba, cv2.COLOR_RGBA2RGB)
        rgb[depth_m == 0] = BACKGROUND_RGB
        return rgb, depth_m

    def _make_frame(self, size: tuple[int, int]) -> None:
        """Colour, depth in metres and the z-buffer for images of this size (width, height)."""
        _release(self._frame_owned)
        context = self._gl.context
        layers = [context.renderbuffer(size, 4), context.renderbuffer(size, 1, dtype="f4")]
        z_buffer = context.depth_renderbuffer(size)
        self._frame = context.framebuffer(layers, z_buffer)
        self._frame_owned = [self._frame, *layers, z_buffer]

    def _release(self) -> None:
        _release(self._frame_owned)
        _release(self._owned)
        self._draws.clear()
        self._frame = None


def _release(owned: list) -> None:
    """Release OpenGL objects and empty the list."""
    for each in owned:
        each.release()
    owned.clear()


def _texture(context: moderngl.Context, picture: np.ndarray) -> moderngl.Texture:
    """A texture with mipmaps and trilinear filtering."""
    height, width = picture.shape[:2]
    texture = context.texture((width, height), 3, cv2.flip(picture, 0).tobytes(), alignment=1)  # lowest row first
    texture.build_mipmaps()
    texture.filter = (moderngl.LINEAR_MIPMAP_LINEAR, moderngl.LINEAR)
    texture.repeat_x = texture.repeat_y = False
    return texture
