"""What the worlds of all simulators have in common: a scene, a camera that moves, a goal pose and a start pose."""

from collections.abc import Callable

import numpy as np

from depth_pc_ros.errors import SceneError
from depth_pc_ros.geometry import se3
from depth_pc_ros.geometry.camera import Intrinsics
from depth_pc_ros.sim import poses
from depth_pc_ros.sim.arm import SerialArm
from depth_pc_ros.sim.arm_poses import sample_arm_pair
from depth_pc_ros.sim.free_camera import FreeCamera
from depth_pc_ros.sim.scenes import Scene

DEFAULT_INTRINSICS = Intrinsics(540.0, 540.0, 319.5, 239.5, 640, 480)
RIGS = ("free", "arm")


class Workplace:
    """One simulated workplace, a context manager; a derived class builds it, and adds `_renderer` (see `Renderer`).

    scene: at rest. seed: of the poses. rig: 'free' (a flying camera) or 'arm', which `make_arm` makes. level: rotation
    from start to goal, 'S', 'M' or 'L' (free camera only; the arm's workspace sets its own).
    """

    def __init__(
        self, scene: Scene, seed: int, rig: str, make_arm: Callable[[], SerialArm], intrinsics: Intrinsics, level: str
    ):
        self.scene, self.intrinsics = scene, intrinsics
        if rig == "arm":
            self.rig = make_arm()
            self._goal_pose, self._start_pose = sample_arm_pair(seed, scene.centre, intrinsics, self.rig)
        else:
            self._goal_pose, self._start_pose = poses.sample_pair(seed, scene.centre, intrinsics, level)
            self.rig = FreeCamera(self._start_pose)

    def render(self) -> tuple[np.ndarray, np.ndarray]:
        """What the camera sees now: rgb (H, W, 3) uint8, depth_m (H, W) float32, 0 where nothing was hit."""
        return self.view(self.camera_pose)

    def view(self, T_world_cam: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """As `render`, from any pose `T_world_cam` (4, 4); the camera stays where it is."""
        return self._renderer.render(T_world_cam, self.intrinsics)

    def goal_view(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The goal image, its depth in metres and `T_world_goal`; the camera stays where it is."""
        return *self.view(self._goal_pose), self._goal_pose.copy()

    def step(self, twist: np.ndarray, dt_s: float) -> np.ndarray:
        """Move for `dt_s` seconds with twist (6,) of the camera (free) or the tool (arm), in its own frame.

        Returns the twist carried out (6,), smaller than commanded at a limit.
        """
        return self.rig.step(twist, dt_s)

    def reset_to_start(self) -> None:
        """Put the camera at the start pose."""
        self.rig.reset(self._start_pose)

    def look_from_goal(self) -> None:
        """Put the camera at the goal pose."""
        self.rig.reset(self._goal_pose)

    @property
    def camera_pose(self) -> np.ndarray:
        """`T_world_cam` (4, 4) now."""
        return self.rig.camera_pose.copy()

    @property
    def goal_pose(self) -> np.ndarray:
        """`T_world_goal` (4, 4): the goal of the camera."""
        return self._goal_pose.copy()

    @property
    def start_pose(self) -> np.ndarray:
        """`T_world_start` (4, 4): where `reset_to_start` puts the camera."""
        return self._start_pose.copy()

    @property
    def scene_distance(self) -> float:
        """Distance from the goal camera to the scene's centre, in metres."""
        return float(np.linalg.norm(self._goal_pose[:3, 3] - self.scene.centre))

    @property
    def renderer_name(self) -> str:
        """See `Renderer`."""
        return self._renderer.name

    def pose_error(self) -> tuple[float, float]:
        """How far the camera is from the goal: translation in metres, rotation in degrees."""
        return se3.pose_error(self.camera_pose, self._goal_pose)

    def close(self) -> None:
        """Free the renderer's meshes and textures. May be called twice."""
        self._renderer.close()

    def __enter__(self) -> "Workplace":
        return self

    def __exit__(self, *exc) -> None:
        self.close()


def check_rig(rig: str) -> None:
    """Raise SceneError unless it is one of RIGS."""
    if rig not in RIGS:
        raise SceneError(f"rig: expected one of {RIGS}, got {rig!r}")
