"""Goal and start poses that the arm reaches, with a path between them inside its joint limits."""

import numpy as np
from scipy.spatial.transform import Rotation

from depth_pc_ros.errors import SceneError
from depth_pc_ros.geometry import se3
from depth_pc_ros.geometry.camera import Intrinsics
from depth_pc_ros.sim import poses
from depth_pc_ros.sim.arm import SerialArm

GOAL_DISTANCE_M = (0.45, 0.62)
START_ANGLE_DEG = (20.0, 60.0)
START_SHIFT_M = (0.10, 0.25)
START_MIN_DISTANCE_M = 0.4
MARGIN_RAD = 0.1
_TRIES = 1000
_GAIN_1_S, _STEP_S, _STEPS = 2.0, 0.1, 40


def sample_arm_pair(seed: int, centre, intrinsics: Intrinsics, arm: SerialArm) -> tuple[np.ndarray, np.ndarray]:
    """`T_world_goal` and `T_world_start` (4, 4) of a seed; leaves the arm at the start.

    Image-down points to the arm's base (it stands at negative x), within the reach of the wrist.
    """
    rng = np.random.default_rng([seed, 4])
    for _ in range(_TRIES):
        T_world_goal = poses.sample_view(rng, centre, GOAL_DISTANCE_M, azimuth=np.pi + rng.uniform(-0.5, 0.5))
        T_world_start = _sample_start(rng, T_world_goal, centre)
        near = np.linalg.norm(T_world_start[:3, 3] - centre) < START_MIN_DISTANCE_M
        if near or not all(poses.sees(T, centre, intrinsics) for T in (T_world_goal, T_world_start)):
            continue
        try:
            arm.reset(T_world_goal)
            if arm.limit_margin() < MARGIN_RAD:
                continue
            arm.reset(T_world_start)
        except SceneError:
            continue
        if arm.limit_margin() < MARGIN_RAD:
            continue
        if _path_is_free(arm, T_world_goal, centre):
            arm.reset(T_world_start)
            return T_world_goal, T_world_start
    raise SceneError(f"seed {seed}: found no goal and start that the arm can reach")


def _sample_start(rng: np.random.Generator, T_world_goal: np.ndarray, centre) -> np.ndarray:
    """A pose moved away from the goal, that looks at the scene and is rolled about its optical axis."""
    direction = rng.standard_normal(3)
    shift = rng.uniform(*START_SHIFT_M) * direction / np.linalg.norm(direction)
    aim = se3.transform(se3.inverse(T_world_goal), centre) + rng.uniform(-0.05, 0.05, 3) - shift
    swing, _ = Rotation.align_vectors(aim[None] / np.linalg.norm(aim), [[0.0, 0.0, 1.0]])
    # cos(angle / 2) = cos(swing / 2) cos(roll / 2): the roll adds what the swing lacks of the wanted angle
    ratio = np.cos(np.radians(rng.uniform(*START_ANGLE_DEG)) / 2) / np.cos(swing.magnitude() / 2)
    roll = rng.choice([-1.0, 1.0]) * 2 * np.arccos(min(ratio, 1.0))
    return T_world_goal @ se3.from_rt((swing * Rotation.from_euler("z", roll)).as_matrix(), shift)


def _path_is_free(arm: SerialArm, T_world_goal: np.ndarray, centre) -> bool:
    """Move as position-based servoing would, the scene's centre on a straight line; False near a joint limit."""
    tool_from_camera = se3.adjoint(arm.model.T_tool_cam)
    centre_goal = se3.transform(se3.inverse(T_world_goal), centre)
    for _ in range(_STEPS):
        T_cam_goal = se3.inverse(arm.camera_pose) @ T_world_goal
        twist_cam = _GAIN_1_S * se3.pbvs_twist(T_cam_goal, centre_goal)
        arm.step(tool_from_camera @ twist_cam, _STEP_S)
        if arm.at_limit or arm.limit_margin() < MARGIN_RAD:
            return False
    return se3.pose_error(arm.camera_pose, T_world_goal)[0] < 1e-3
