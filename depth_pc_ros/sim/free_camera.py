"""A free-flying camera that executes twists up to the speed of real hardware."""

import numpy as np

from depth_pc_ros.geometry import se3
from depth_pc_ros.sim.checks import check_dt, check_pose, check_twist


class FreeCamera:
    """Moves with the commanded twist, exactly integrated.

    T_world_cam: (4, 4) first pose. max_linear_m_s, max_angular_rad_s: ceiling on the speeds; a faster twist is scaled
    down as a whole, so its direction stays.
    """

    def __init__(self, T_world_cam: np.ndarray, max_linear_m_s: float = 1.0, max_angular_rad_s: float = np.pi):
        self._max_linear_m_s = float(max_linear_m_s)
        self._max_angular_rad_s = float(max_angular_rad_s)
        self.at_limit = False
        self.reset(T_world_cam)

    def reset(self, T_world_cam: np.ndarray) -> None:
        """Jump to a pose (4, 4)."""
        self.camera_pose = check_pose(T_world_cam).copy()

    def step(self, twist_cam: np.ndarray, dt_s: float) -> np.ndarray:
        """Move for `dt_s` seconds with twist (6,) `[v, w]` in the camera frame; returns the twist carried out (6,)."""
        twist = check_twist(twist_cam, "twist_cam")
        check_dt(dt_s)
        if not twist.any():  # standing still changes no bit of the pose
            self.at_limit = False
            return twist
        scale = max(
            1.0,
            np.linalg.norm(twist[:3]) / self._max_linear_m_s,
            np.linalg.norm(twist[3:]) / self._max_angular_rad_s,
        )
        self.at_limit = bool(scale > 1.0)
        twist = twist / scale
        T = self.camera_pose @ se3.exp(twist * dt_s)
        u, _, vt = np.linalg.svd(T[:3, :3])  # stay a rotation over many thousand steps
        self.camera_pose = se3.from_rt(u @ vt, T[:3, 3])
        return twist
