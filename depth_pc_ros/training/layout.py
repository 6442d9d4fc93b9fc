"""Where the points of a training scene lie, and which of the visible ones become keypoints.

World frame: z up, lengths in metres; the cylinder of the objects' centroids stands on z = 0.
"""

import numpy as np
from scipy.spatial.transform import Rotation

from depth_pc_ros.training.clouds import Cloud
from depth_pc_ros.training.scene_config import SceneConfig

TABLE = -1  # its number as a body
_TABLE_POINTS, _TABLE_KEYPOINTS = 0.2, (0.05, 0.7)  # share of the dense points, of the keypoints
_TABLE_RADIUS = (1.0, 2.5)  # in radii of the cylinder
_PLANE_RADIUS_M = (0.1, 0.3)
_MAX_CLUMPS, _CLUMP_M, _STRAY = 4, (0.008, 0.04), 0.03


def objects_cloud(rng: np.random.Generator, clouds: list[Cloud], config: SceneConfig):
    """Dense points (M, 3) on objects of random place and rotation, and the body (M,) each belongs to.

    Objects may reach into each other. In some scenes there is a TABLE at z = 0 and nothing below.
    """
    count = int(rng.integers(1, config.max_objects + 1))
    table = rng.random() < config.table_share
    chosen = [clouds[i].points for i in rng.integers(len(clouds), size=count)]
    room = round(config.dense_points * (1 - _TABLE_POINTS * table))
    keep = min(1.0, room / sum(map(len, chosen)))  # the same share of all: one density everywhere
    centroids = np.column_stack([_disc(rng, count, config.radius_m), rng.uniform(0, config.height_m, count)])
    parts = []
    for points, R, centroid in zip(chosen, Rotation.random(count, rng).as_matrix(), centroids):
        some = rng.choice(len(points), max(1, int(keep * len(points))), replace=False, shuffle=False)
        parts.append(points[some] @ R.T + centroid)
    bodies = np.arange(count)
    if table:
        parts = [part[part[:, 2] > 0] for part in parts]
        size = config.dense_points - room
        radius = config.radius_m * rng.uniform(*_TABLE_RADIUS)
        parts.append(np.column_stack([_disc(rng, size, radius), np.zeros(size)]))
        bodies = np.append(bodies, TABLE)
    return np.concatenate(parts), np.repeat(bodies, [len(part) for part in parts])


def uniform_cloud(rng: np.random.Generator, config: SceneConfig):
    """Points (M, 3) anywhere in the cylinder, all of one body (M,)."""
    count = 4 * config.max_points
    points = np.column_stack([_disc(rng, count, config.radius_m), rng.uniform(0, config.height_m, count)])
    return points, np.zeros(count, dtype=np.int64)


def planar_cloud(rng: np.random.Generator, config: SceneConfig):
    """Points (M, 3) on a tilted disc around the cylinder's middle, all of one body (M,)."""
    count = 4 * config.max_points
    flat = np.column_stack([_disc(rng, count, rng.uniform(*_PLANE_RADIUS_M)), np.zeros(count)])
    heading = rng.uniform(-np.pi, np.pi)
    tilt = np.radians(config.max_plane_tilt_deg) * rng.random() * np.array([np.cos(heading), np.sin(heading), 0])
    centre = [0, 0, rng.uniform(0, config.height_m)]
    return flat @ Rotation.from_rotvec(tilt).as_matrix().T + centre, np.zeros(count, dtype=np.int64)


def _disc(rng: np.random.Generator, count: int, radius: float) -> np.ndarray:
    """Points (count, 2), even in a disc."""
    r, angle = radius * np.sqrt(rng.random(count)), rng.uniform(-np.pi, np.pi, count)
    return np.column_stack([r * np.cos(angle), r * np.sin(angle)])


def keypoint_scores(rng: np.random.Generator, points: np.ndarray, body: np.ndarray, clumped: bool) -> np.ndarray:
    """Random scores (M,); the n highest are a weighted draw of n points without repetition (Gumbel's top-k).

    Each body has a random share of the keypoints, whatever its size (the n_i of eq. 2). clumped: on each body most
    gather around 1-4 random points of it, as they do on print and edges.
    """
    bodies, body, sizes = np.unique(body, return_inverse=True, return_counts=True)
    share = rng.exponential(size=len(bodies))
    if bodies[0] == TABLE and len(bodies) > 1:
        table = rng.uniform(*_TABLE_KEYPOINTS)
        share[0] = share[1:].sum() * table / (1 - table)
    log_weight = np.log(share / sizes)[body]
    if clumped:
        near = np.zeros(len(points))
        for k in range(len(bodies)):
            own = np.flatnonzero(body == k)
            centres = points[rng.choice(own, rng.integers(1, _MAX_CLUMPS + 1))]
            square = ((points[own, None] - centres) ** 2).sum(axis=-1)
            near[own] = np.exp(-square / (2 * rng.uniform(*_CLUMP_M) ** 2)).sum(axis=1)
        log_weight = log_weight + np.log(_STRAY + near)
    return log_weight + rng.gumbel(size=len(points))
