"""MuJoCo's own renderer, through an exact pinhole camera."""

import numpy as np

from depth_pc_ros.geometry.camera import Intrinsics
from depth_pc_ros.sim.checks import check_pose
from depth_pc_ros.sim.light import BACKGROUND_RGB, FAR_M, NEAR_M
from depth_pc_ros.sim.mujoco_gl import GL_NAME, drawing_thread, mujoco
from depth_pc_ros.sim.mujoco_model import VISIBLE_GROUP

_MOST_GEOMS = 500


class MujocoRenderer:
    """Draws `model` as `data` has it at that moment. See `renderer.Renderer`; may be used from any thread."""

    name = f"MuJoCo on {GL_NAME}"

    def __init__(self, model, data):
        self._model, self._data = model, data
        self._thread = drawing_thread()
        self._scene = mujoco.MjvScene(model, _MOST_GEOMS)
        self._scene.flags[:] = 0  # neither shadow, reflection, haze nor sky
        self._option, self._camera = mujoco.MjvOption(), mujoco.MjvCamera()
        self._option.geomgroup[:] = np.arange(6) == VISIBLE_GROUP
        self._size, self._context = None, None
        self._thread.submit(self._open).result()

    def render(self, T_world_cam: np.ndarray, intrinsics: Intrinsics) -> tuple[np.ndarray, np.ndarray]:
        return self._thread.submit(self._render, check_pose(T_world_cam), intrinsics).result()

    def close(self) -> None:
        if self._context is not None:
            self._thread.submit(self._context.free).result()
            self._context = None

    def _open(self) -> None:
        self._context = mujoco.MjrContext(self._model, mujoco.mjtFontScale.mjFONTSCALE_50)
        self._context.readDepthMap = mujoco.mjtDepthMap.mjDEPTH_ZEROFAR  # keeps the buffer's full precision

    def _render(self, T_world_cam: np.ndarray, intrinsics: Intrinsics) -> tuple[np.ndarray, np.ndarray]:
        width, height = intrinsics.size
        if self._size != intrinsics.size:
            self._size = intrinsics.size
            mujoco.mjr_resizeOffscreen(width, height, self._context)
        mujoco.mjr_setBuffer(mujoco.mjtFramebuffer.mjFB_OFFSCREEN, self._context)  # another one may have drawn
        everything = mujoco.mjtCatBit.mjCAT_ALL
        mujoco.mjv_updateScene(self._model, self._data, self._option, None, self._camera, everything, self._scene)
        for camera in self._scene.camera:  # one for each eye
            _look(camera, T_world_cam, intrinsics)
        frame = mujoco.MjrRect(0, 0, width, height)
        mujoco.mjr_render(frame, self._scene, self._context)
        rgb, inverse = np.empty((height, width, 3), np.uint8), np.empty((height, width), np.float32)
        mujoco.mjr_readPixels(rgb, inverse, frame, self._context)
        rgb, inverse = np.ascontiguousarray(rgb[::-1]), inverse[::-1]  # the lowest row comes first
        depth_m = NEAR_M * FAR_M / (NEAR_M + inverse * np.float32(FAR_M - NEAR_M))
        nothing = inverse == 0
        rgb[nothing], depth_m[nothing] = BACKGROUND_RGB, 0.0
        return rgb, depth_m


def _look(camera, T_world_cam: np.ndarray, intrinsics: Intrinsics) -> None:
    """Make an `mjvGLCamera` one with these intrinsics: raster centres (i + 0.5) are pixels i."""
    k = intrinsics
    camera.pos, camera.forward, camera.up = T_world_cam[:3, 3], T_world_cam[:3, 2], -T_world_cam[:3, 1]
    left, right = -(k.cx + 0.5) / k.fx * NEAR_M, (k.width - 0.5 - k.cx) / k.fx * NEAR_M
    camera.frustum_center, camera.frustum_width = (left + right) / 2, (right - left) / 2
    camera.frustum_bottom = -(k.height - 0.5 - k.cy) / k.fy * NEAR_M
    camera.frustum_top = (k.cy + 0.5) / k.fy * NEAR_M
    camera.frustum_near, camera.frustum_far, camera.orthographic = NEAR_M, FAR_M, 0
