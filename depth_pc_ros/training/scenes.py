"""One training scene: keypoints in the goal camera's frame and where the start camera is (paper, III-A)."""

from dataclasses import dataclass

import numpy as np

from depth_pc_ros.errors import SceneError
from depth_pc_ros.geometry import se3
from depth_pc_ros.geometry.camera import Intrinsics
from depth_pc_ros.training.clouds import Cloud
from depth_pc_ros.training.layout import keypoint_scores, objects_cloud, planar_cloud, uniform_cloud
from depth_pc_ros.training.scene_config import SceneConfig
from depth_pc_ros.training.views import log_uniform, sample_views
from depth_pc_ros.training.visibility import hidden_point_removal, in_view

WIDTH, HEIGHT = 640, 480
NEAREST_M = 0.1  # no camera is nearer to a point
_MARGIN_PX = 1.0
_TRIES = 1000


@dataclass(frozen=True)
class TrainingScene:
    """N keypoints, all visible from the goal camera.

    points_goal (N, 3) float32: metres in the goal camera's optical frame.
    hidden_at_start (N,) bool: occluded in the start camera's view; a point outside its image is not marked.
    T_start_goal (4, 4) float64: pose of the goal camera in the start camera's frame.
    distance_m: goal camera to the scene's centre. focal_px: of the 640 x 480 image, principal point in its middle.
    kind: 'objects', 'uniform' or 'planar'.
    """

    points_goal: np.ndarray
    hidden_at_start: np.ndarray
    T_start_goal: np.ndarray
    distance_m: float
    focal_px: float
    kind: str

    @property
    def intrinsics(self) -> Intrinsics:
        return intrinsics_of(self.focal_px)


def intrinsics_of(focal_px: float) -> Intrinsics:
    """The camera of all training scenes, but for its focal length."""
    return Intrinsics(focal_px, focal_px, (WIDTH - 1) / 2, (HEIGHT - 1) / 2, WIDTH, HEIGHT)


def sample_scene(rng: np.random.Generator, clouds: list[Cloud], config: SceneConfig) -> TrainingScene:
    """A scene of `clouds`, drawn again until both cameras see `min_points` of its keypoints.

    Fewer than the drawn number of keypoints only where the goal camera sees no more points. SceneError if too few are
    ever seen: the configuration is impossible.
    """
    if not clouds:
        raise SceneError("clouds: expected at least one cloud, got none")
    shares = [config.uniform_share, config.planar_share]
    kind = str(rng.choice(["uniform", "planar", "objects"], p=[*shares, max(0.0, 1 - sum(shares))]))
    count = round(log_uniform(rng, config.min_points, config.max_points))
    clumped = rng.random() < config.clump_share
    for _ in range(_TRIES):
        scene = _try_scene(rng, clouds, config, kind, count, clumped)
        if scene is not None:
            return scene
    raise SceneError(
        f"config: expected scenes with at least {config.min_points} points in both images, "
        f"got none of kind {kind!r} in {_TRIES} tries"
    )


def _try_scene(rng, clouds, config: SceneConfig, kind: str, count: int, clumped: bool) -> TrainingScene | None:
    """One draw of a scene with up to `count` keypoints; None if the cameras see too few."""
    intrinsics = intrinsics_of(rng.uniform(config.min_focal_px, config.max_focal_px))
    centre = np.array([0, 0, config.height_m / 2])
    T_world_goal, T_world_start = sample_views(rng, centre, config)
    if kind == "objects":
        points, body = objects_cloud(rng, clouds, config)
    else:
        points, body = uniform_cloud(rng, config) if kind == "uniform" else planar_cloud(rng, config)
    points_goal, points_start = (_in_frame(points, T) for T in (T_world_goal, T_world_start))
    at_goal, at_start = (in_view(p, intrinsics, _MARGIN_PX) for p in (points_goal, points_start))
    if (at_goal & at_start).sum() < config.min_points or _too_near(points_goal) or _too_near(points_start):
        return None
    hidden = np.zeros(len(points), dtype=bool)
    if config.use_hpr and kind == "objects":
        at_goal = _visible(points_goal, at_goal)
        hidden = at_start & ~_visible(points_start, at_start)
    seen = np.flatnonzero(at_goal)
    covisible = (at_start & ~hidden)[seen]
    if covisible.sum() < config.min_points:
        return None
    order = np.argsort(-keypoint_scores(rng, points[seen], body[seen], clumped))
    first = order[covisible[order]][: config.min_points]
    rest = order[~np.isin(order, first)][: count - config.min_points]
    chosen = seen[np.concatenate([first, rest])]
    return TrainingScene(
        points_goal[chosen].astype(np.float32),
        hidden[chosen],
        se3.inverse(T_world_start) @ T_world_goal,
        float(np.linalg.norm(T_world_goal[:3, 3] - centre)),
        intrinsics.fx,
        kind,
    )


def _in_frame(points: np.ndarray, T_world_cam: np.ndarray) -> np.ndarray:
    return (points - T_world_cam[:3, 3]) @ T_world_cam[:3, :3]


def _too_near(points_cam: np.ndarray) -> bool:
    return bool((points_cam**2).sum(axis=1).min() < NEAREST_M**2)


def _visible(points_cam: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """(N,) bool: which of the points `inside` the image are not hidden behind others of them."""
    inside = inside.copy()
    inside[inside] = hidden_point_removal(points_cam[inside])
    return inside
