"""Start and goal poses of the camera: seeded sampling as in the paper's E_YCB (section IV-A).

Goal and start are drawn alike: above the scene, looking at its centre, image-down pointing away from the vertical
through it. So the azimuth between both makes the rotation, mostly about the optical axis, and translation grows with
rotation. World frame: z up, the table at z = 0. Camera frames are optical.
"""

import numpy as np
from scipy.spatial.transform import Rotation

from depth_pc_ros.errors import SceneError
from depth_pc_ros.geometry import se3
from depth_pc_ros.geometry.camera import Intrinsics

DISTANCE_M = (0.5, 0.9)
ELEVATION_DEG = (70.0, 90.0)
# Of oblique views: above the horizontal, and of the start's azimuth from the goal's. From further around, other sides
# of the objects are seen; so the rotation from start to goal is mostly a roll.
LOW_ELEVATION_DEG, LOW_ORBIT_DEG = (15.0, 35.0), 10.0
ROLL_DEG, TILT_DEG = 15.0, 5.0
# Rotation from start to goal in degrees, by level. The paper's means are 24.06, 67.38 and 136.46 degrees.
LEVELS = {"S": (3.0, 45.0), "M": (45.0, 90.0), "L": (90.0, 180.0)}
_TRIES = 1000
_VISIBLE_MARGIN = 0.1  # share of the image's width and height


def sample_view(
    rng: np.random.Generator, centre, distance_m=DISTANCE_M, azimuth: float | None = None, elevation_deg=ELEVATION_DEG
) -> np.ndarray:
    """`T_world_cam` (4, 4): looks at `centre` (3,) from above, rolled and tilted a little.

    distance_m: smallest and largest distance to `centre`. azimuth: direction of image-down in the world's xy plane,
    in radians; default: any. elevation_deg: lowest and highest, above the horizontal.
    """
    azimuth = rng.uniform(-np.pi, np.pi) if azimuth is None else azimuth
    low, high = np.sin(np.radians(elevation_deg))
    elevation = np.arcsin(rng.uniform(low, high))  # even on the sphere
    c, s = np.cos(azimuth), np.sin(azimuth)
    away = np.array([np.cos(elevation) * c, np.cos(elevation) * s, np.sin(elevation)])
    down = np.array([np.sin(elevation) * c, np.sin(elevation) * s, -np.cos(elevation)])
    R = np.stack([np.cross(down, -away), down, -away], axis=1)
    tilt_and_roll = Rotation.from_euler("xyz", np.radians(rng.uniform(-1, 1, 3) * (TILT_DEG, TILT_DEG, ROLL_DEG)))
    return se3.from_rt(R @ tilt_and_roll.as_matrix(), np.asarray(centre) + rng.uniform(*distance_m) * away)


def sees(T_world_cam: np.ndarray, point, intrinsics: Intrinsics) -> bool:
    """Whether a world point (3,) lies well inside the image."""
    u, v = intrinsics.project(se3.transform(se3.inverse(T_world_cam), point))
    mx, my = _VISIBLE_MARGIN * intrinsics.width, _VISIBLE_MARGIN * intrinsics.height
    return bool(mx < u < intrinsics.width - mx and my < v < intrinsics.height - my)


def sample_pair(
    seed: int, centre, intrinsics: Intrinsics, level: str, distance_m=DISTANCE_M, oblique: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """`T_world_goal` and `T_world_start` (4, 4) of a seed, for a free camera; level: 'S', 'M' or 'L'.

    oblique: both look from LOW_ELEVATION_DEG.
    """
    if level not in LEVELS:
        raise SceneError(f"level: expected one of {tuple(LEVELS)}, got {level!r}")
    low, high = LEVELS[level]
    rng = np.random.default_rng([seed, 3])
    for _ in range(_TRIES):
        if oblique:
            T_world_goal, T_world_start = _oblique_pair(rng, centre, distance_m)
        else:
            T_world_goal, T_world_start = sample_view(rng, centre, distance_m), sample_view(rng, centre, distance_m)
        _, angle_deg = se3.pose_error(T_world_start, T_world_goal)
        visible = sees(T_world_goal, centre, intrinsics) and sees(T_world_start, centre, intrinsics)
        if low <= angle_deg <= high and visible:
            return T_world_goal, T_world_start
    raise SceneError(f"intrinsics: no view of the scene fits {intrinsics}")


def _oblique_pair(rng: np.random.Generator, centre, distance_m) -> tuple[np.ndarray, np.ndarray]:
    """Two views from about one side; the second is rolled by any angle."""
    azimuth = rng.uniform(-np.pi, np.pi)
    beside = azimuth + np.radians(rng.uniform(-LOW_ORBIT_DEG, LOW_ORBIT_DEG))
    T_world_goal, T_world_start = (
        sample_view(rng, centre, distance_m, each, LOW_ELEVATION_DEG) for each in (azimuth, beside)
    )
    roll = se3.exp_so3(np.array([0.0, 0.0, rng.uniform(-np.pi, np.pi)]))
    return T_world_goal, T_world_start @ se3.from_rt(roll, np.zeros(3))
