"""PyBullet's software renderer, for machines where EGL does not start. Slower, and its textures are not filtered."""

import tempfile
from pathlib import Path

import cv2
import numpy as np

from depth_pc_ros.geometry import se3
from depth_pc_ros.geometry.camera import Intrinsics
from depth_pc_ros.sim.bullet import BulletClient
from depth_pc_ros.sim.checks import check_pose
from depth_pc_ros.sim.light import BACKGROUND_RGB, FAR_M, NEAR_M, Light
from depth_pc_ros.sim.mesh import Mesh


def projection_matrix(intrinsics: Intrinsics, near_m: float = NEAR_M, far_m: float = FAR_M) -> np.ndarray:
    """TinyRenderer's projection (4, 4) from the OpenGL camera frame, for pixel centres at integer (u, v).

    It samples pixel i at i (OpenGL: at i + 0.5), and its rows count from the bottom.
    """
    k = intrinsics
    return np.array(
        [
            [2 * k.fx / k.width, 0, 1 - 2 * k.cx / k.width, 0],
            [0, 2 * k.fy / k.height, 2 * (k.cy + 1.0) / k.height - 1, 0],
            [0, 0, -(far_m + near_m) / (far_m - near_m), -2 * far_m * near_m / (far_m - near_m)],
            [0, 0, -1, 0],
        ]
    )


def view_matrix(T_world_cam: np.ndarray) -> np.ndarray:
    """`T_gl_world` (4, 4): the OpenGL camera frame has y up and looks along -z."""
    return np.diag([1.0, -1.0, -1.0, 1.0]) @ se3.inverse(T_world_cam)


class TinyRenderer:
    """Draws static meshes (world frame). See `renderer.Renderer`."""

    name = "TinyRenderer"

    def __init__(self, meshes, light: Light):
        self._light = light
        self._client = BulletClient()
        with tempfile.TemporaryDirectory(prefix="depth_pc_sim_") as folder:  # PyBullet leaks shapes made of arrays
            for i, mesh in enumerate(meshes):
                self._add(mesh, f"{folder}/{i}")

    def render(self, T_world_cam: np.ndarray, intrinsics: Intrinsics) -> tuple[np.ndarray, np.ndarray]:
        T_gl_world = view_matrix(check_pose(T_world_cam))
        bullet, light, (width, height) = self._client, self._light, (intrinsics.width, intrinsics.height)
        _, _, rgba, buffer, _ = bullet.getCameraImage(
            width, height, T_gl_world.T.ravel().tolist(), projection_matrix(intrinsics).T.ravel().tolist(),
            lightDirection=light.unit_direction.tolist(), lightColor=light.colour, lightDistance=2.0, shadow=0,
            lightAmbientCoeff=light.ambient, lightDiffuseCoeff=light.diffuse, lightSpecularCoeff=0.0,
            renderer=bullet.ER_TINY_RENDERER, flags=bullet.ER_NO_SEGMENTATION_MASK,
        )  # fmt: skip
        rgb = np.ascontiguousarray(np.asarray(rgba, dtype=np.uint8).reshape(height, width, 4)[..., :3])
        buffer = np.asarray(buffer, dtype=np.float64).reshape(height, width)
        depth_m = (FAR_M * NEAR_M / (FAR_M - buffer * (FAR_M - NEAR_M))).astype(np.float32)
        depth_m[depth_m > 0.99 * FAR_M] = 0.0
        rgb[depth_m == 0] = BACKGROUND_RGB
        return rgb, depth_m

    def close(self) -> None:
        self._client.close()

    def _add(self, mesh: Mesh, stem: str) -> None:
        bullet = self._client
        _write_obj(mesh, f"{stem}.obj")
        cv2.imwrite(f"{stem}.bmp", cv2.cvtColor(mesh.picture, cv2.COLOR_RGB2BGR))
        body = bullet.createMultiBody(0, -1, bullet.createVisualShape(bullet.GEOM_MESH, fileName=f"{stem}.obj"))
        texture = bullet.loadTexture(f"{stem}.bmp")
        bullet.changeVisualShape(body, -1, textureUniqueId=texture, rgbaColor=(1, 1, 1, 1))


def _write_obj(mesh: Mesh, file: str) -> None:
    """The mesh without its picture."""
    lines = []
    for head, rows in (("v", mesh.vertices), ("vt", mesh.uvs), ("vn", mesh.normals)):
        lines += [" ".join([head, *(f"{value:.7f}" for value in row)]) for row in rows.tolist()]
    lines += [" ".join(["f", *(f"{i}/{i}/{i}" for i in face)]) for face in (mesh.faces + 1).tolist()]
    Path(file).write_text("\n".join(lines) + "\n")
