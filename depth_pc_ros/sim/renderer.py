"""Colour, depth and segmentation of a PyBullet client through an exact pinhole camera."""

from dataclasses import dataclass

import numpy as np

from depth_pc_ros.geometry import se3
from depth_pc_ros.geometry.camera import Intrinsics
from depth_pc_ros.sim.bullet import BulletClient, silenced

BACKGROUND_RGB = (176, 178, 184)
EGL_MAX_SIZE = (1024, 768)  # the plugin's fixed window (width, height); larger images would be scaled up


@dataclass(frozen=True)
class Light:
    """One directional light.

    direction: (3,) from the scene to the light, world frame. colour: RGB in [0, 1], ambient, diffuse, specular:
    coefficients of the TinyRenderer's shading (EGL's are fixed). shadow: draw cast shadows (EGL only; the
    TinyRenderer's darken whole images).
    """

    direction: tuple[float, float, float] = (0.4, -0.6, 1.5)
    colour: tuple[float, float, float] = (1.0, 1.0, 1.0)
    ambient: float = 0.6
    diffuse: float = 0.45
    specular: float = 0.0
    shadow: bool = False


def projection_matrix(intrinsics: Intrinsics, near_m: float, far_m: float, pixel_centre: float) -> np.ndarray:
    """OpenGL projection (4, 4) of a pinhole camera whose pixel centres lie at integer (u, v).

    pixel_centre: where the rasteriser samples pixel i on its own axis: i + 0.5 in OpenGL, i in TinyRenderer
    (whose rows count from the bottom like OpenGL's).
    """
    k = intrinsics
    row = k.cy + 1.0 - pixel_centre  # distance of the principal point from the image's upper edge in raster units
    return np.array(
        [
            [2 * k.fx / k.width, 0, 1 - 2 * (k.cx + pixel_centre) / k.width, 0],
            [0, 2 * k.fy / k.height, 2 * row / k.height - 1, 0],
            [0, 0, -(far_m + near_m) / (far_m - near_m), -2 * far_m * near_m / (far_m - near_m)],
            [0, 0, -1, 0],
        ]
    )


class Renderer:
    """Renders what a client holds.

    client: the PyBullet client. light: see Light. near_m, far_m: clipping planes; nothing beyond is seen.
    name: 'EGL' or 'TinyRenderer'. EGL's depth buffer has 16 bits: depth comes in steps of z**2 / (2**16 near_m),
    which is 0.07 mm at 0.7 m.
    """

    def __init__(self, client: BulletClient, light: Light | None = None, near_m: float = 0.1, far_m: float = 6.0):
        self.name = client.renderer_name
        self.light = light or Light()
        self._client = client
        self._near_m, self._far_m = near_m, far_m
        self._warm = self.name != "EGL"

    def render(self, T_world_cam: np.ndarray, intrinsics: Intrinsics, with_segmentation: bool = False):
        """Look from `T_world_cam` (4, 4), optical frame.

        Returns rgb (H, W, 3) uint8, depth_m (H, W) float32 (z along the optical axis, 0 where nothing was hit), and
        the body id of each pixel (H, W) int32 (-1: nothing), or None without `with_segmentation`.
        """
        if not np.isfinite(T_world_cam).all():
            raise ValueError(f"T_world_cam: expected finite numbers, got {np.asarray(T_world_cam).tolist()}")
        egl = self.name == "EGL"
        width, height = intrinsics.width, intrinsics.height
        if egl and (width > EGL_MAX_SIZE[0] or height > EGL_MAX_SIZE[1]):
            raise ValueError(
                f"intrinsics: expected at most {EGL_MAX_SIZE[0]} x {EGL_MAX_SIZE[1]} for the EGL renderer, "
                f"got {width} x {height} (use the TinyRenderer)"
            )
        if not self._warm:
            self._warm = True
            small = Intrinsics(10.0, 10.0, 7.5, 5.5, 16, 12)
            with silenced():  # the plugin sets its shadow map up twice, and announces its vendor each time
                self.render(T_world_cam, small)
                self.render(T_world_cam, small)
        T_gl_world = np.diag([1.0, -1.0, -1.0, 1.0]) @ se3.inverse(T_world_cam)
        projection = projection_matrix(intrinsics, self._near_m, self._far_m, 0.5 if egl else 0.0)
        bullet, light = self._client, self.light
        direction = np.asarray(light.direction, dtype=np.float64) / np.linalg.norm(light.direction)
        if egl:  # a light position; its shadow map sees 1 to 300 m, so a farther light casts no shadows
            direction = direction * (30.0 if light.shadow else 1000.0)
        _, _, rgba, buffer, segmentation = bullet.getCameraImage(
            width, height, T_gl_world.T.ravel().tolist(), projection.T.ravel().tolist(),
            lightDirection=direction.tolist(), lightColor=light.colour, lightDistance=2.0, shadow=0,
            lightAmbientCoeff=light.ambient, lightDiffuseCoeff=light.diffuse, lightSpecularCoeff=light.specular,
            renderer=bullet.ER_BULLET_HARDWARE_OPENGL if egl else bullet.ER_TINY_RENDERER,
            flags=0 if with_segmentation else bullet.ER_NO_SEGMENTATION_MASK,
        )  # fmt: skip
        rgb = np.ascontiguousarray(np.asarray(rgba, dtype=np.uint8).reshape(height, width, 4)[..., :3])
        buffer = np.asarray(buffer, dtype=np.float64).reshape(height, width)
        near, far = self._near_m, self._far_m
        depth_m = (far * near / (far - buffer * (far - near))).astype(np.float32)
        depth_m[depth_m > 0.99 * far] = 0.0
        rgb[depth_m == 0] = BACKGROUND_RGB
        if not with_segmentation:
            return rgb, depth_m, None
        return rgb, depth_m, np.asarray(segmentation, dtype=np.int32).reshape(height, width)
