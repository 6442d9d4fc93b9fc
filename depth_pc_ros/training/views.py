"""Goal and start camera of a training scene: like the benchmark's (`sim.poses`), but more general.

World frame: z up. Camera frames are optical.
"""

import numpy as np
from scipy.spatial.transform import Rotation

from depth_pc_ros.geometry import se3
from depth_pc_ros.sim.poses import sample_view
from depth_pc_ros.training.scene_config import SceneConfig

ORBIT_DEG, TILT_DEG = 10.0, 10.0  # on top of those of `sample_view`
NEAR_ROTATION_DEG, NEAR_TRANSLATION_M = (0.2, 10.0), (0.001, 0.05)
COUPLED_SHARE = 0.5


def log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def sample_views(rng: np.random.Generator, centre, config: SceneConfig) -> tuple[np.ndarray, np.ndarray]:
    """`T_world_goal` and `T_world_start` (4, 4). Both look about at `centre` (3,) from above.

    The rotation about the optical axis is uniform up to `max_turn_deg`. In half of the scenes the camera also orbits
    the scene by this angle, as in the benchmark; in the others orbit and rotation are independent.
    """
    azimuth = rng.uniform(-np.pi, np.pi)
    if rng.random() < config.near_share:
        T_world_goal = _view(rng, centre, config, azimuth)
        return T_world_goal, T_world_goal @ _small_motion(rng)
    roll = np.radians(rng.uniform(-1, 1) * config.max_turn_deg)
    coupled = rng.random() < COUPLED_SHARE
    while True:
        orbit = roll if coupled else rng.uniform(-np.pi, np.pi)
        T_roll = se3.from_rt(se3.exp_so3(np.array([0, 0, orbit - roll])), np.zeros(3))
        T_world_goal = _view(rng, centre, config, azimuth)
        T_world_start = _view(rng, centre, config, azimuth + orbit) @ T_roll
        if se3.pose_error(T_world_start, T_world_goal)[0] <= config.max_translation_m:
            return T_world_goal, T_world_start


def _view(rng: np.random.Generator, centre, config: SceneConfig, azimuth: float) -> np.ndarray:
    """`T_world_cam` (4, 4): a view as in the benchmark, orbited about `centre` and tilted by up to 10 deg more."""
    T_centre_cam = sample_view(rng, np.zeros(3), (config.min_distance_m, config.max_distance_m), azimuth)
    heading = rng.uniform(-np.pi, np.pi)
    orbit = np.radians(ORBIT_DEG) * rng.random() * np.array([np.cos(heading), np.sin(heading), 0])
    tilt = Rotation.from_euler("xy", np.radians(TILT_DEG) * rng.uniform(-1, 1, 2)).as_matrix()
    moved = se3.from_rt(se3.exp_so3(orbit), np.asarray(centre)) @ T_centre_cam
    return moved @ se3.from_rt(tilt, np.zeros(3))


def _small_motion(rng: np.random.Generator) -> np.ndarray:
    """Pose (4, 4) close to identity, log-uniform in angle and in length, so that every order of magnitude is met."""
    axis, direction = (v / np.linalg.norm(v) for v in rng.standard_normal((2, 3)))
    angle = np.radians(log_uniform(rng, *NEAR_ROTATION_DEG))
    return se3.from_rt(se3.exp_so3(angle * axis), log_uniform(rng, *NEAR_TRANSLATION_M) * direction)
