"""Colour and depth of meshes through an exact pinhole camera: by OpenGL where EGL starts, else by PyBullet."""

from typing import Protocol

import numpy as np

from depth_pc_ros.errors import SceneError
from depth_pc_ros.geometry.camera import Intrinsics
from depth_pc_ros.sim.gl_renderer import GlRenderer, egl_works
from depth_pc_ros.sim.light import Light
from depth_pc_ros.sim.tiny_renderer import TinyRenderer


class Renderer(Protocol):
    """Draws the meshes that it was made with. name: 'EGL' or 'TinyRenderer'."""

    name: str

    def render(self, T_world_cam: np.ndarray, intrinsics: Intrinsics) -> tuple[np.ndarray, np.ndarray]:
        """Look from `T_world_cam` (4, 4), optical frame.

        Returns rgb (H, W, 3) uint8, and depth_m (H, W) float32: z along the optical axis, 0 where nothing was hit.
        """

    def close(self) -> None:
        """Free what the meshes take. May be called twice."""


def open_renderer(meshes, renderer: str = "auto", light: Light | None = None) -> Renderer:
    """A renderer of `meshes` (sequence of `Mesh`, world frame): 'auto' (EGL where it works), 'egl' or 'tiny'."""
    if renderer not in ("auto", "egl", "tiny"):
        raise SceneError(f"renderer: expected 'auto', 'egl' or 'tiny', got {renderer!r}")
    if renderer == "tiny" or not egl_works():
        if renderer == "egl":
            raise SceneError("renderer: 'egl' does not start here (Debian/Ubuntu: apt install libegl1 libgl1-mesa-dri)")
        return TinyRenderer(meshes, light or Light())
    return GlRenderer(meshes, light or Light())
