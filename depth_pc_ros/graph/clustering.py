"""Groups goal keypoints into clusters: a balanced initial partition, then a few rounds of k-means (Lloyd).

About eight points a cluster, at most `max_clusters`: attention inside a cluster stays cheap, a cluster that loses some
points is still useful, and 32 clusters have 992 ordered pairs. The paper (section III-A) has objects for clusters in
training and leaves the real image open; CNS (Chen et al., ICRA 2024) uses affinity propagation, which is slower. There
is no random state, and the order of the points does not matter.
"""

import numpy as np

from depth_pc_ros.errors import GoalError

_POINTS_PER_CLUSTER = 8
_ROUNDS = 2


def cluster_points(points: np.ndarray, max_clusters: int = 32) -> np.ndarray:
    """Labels (N,) int64 from 0 to C - 1, every one used, C <= max_clusters.

    points: (N, 2) finite, normalised image plane, N >= 1; up to 11 points, or all in one place, are one cluster. Points
    in the same place share a label. Another order of the points gives the same labels in that order.
    Raises GoalError.
    """
    points = np.asarray(points, np.float64)
    if points.ndim != 2 or points.shape[1] != 2 or len(points) == 0:
        raise GoalError(f"points: expected shape (N, 2) with N >= 1, got {points.shape}")
    if not np.isfinite(points).all():
        raise GoalError("points: expected finite coordinates, got NaN or inf")
    if max_clusters < 1:
        raise GoalError(f"max_clusters: expected at least 1, got {max_clusters}")
    wanted = round(len(points) / _POINTS_PER_CLUSTER)
    order = _canonical_order(points)
    ordered = points[order]
    nearest = _nearest(ordered, _means_of_equal_parts(ordered, min(max(wanted, 1), max_clusters)))
    for _ in range(_ROUNDS):
        nearest = _nearest(ordered, _means(ordered, nearest))
    labels = np.empty(len(points), np.int64)
    labels[order] = nearest
    return labels


def find_nuclei(points: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Indices (C,) int64 of the point nearest its cluster's mean, the "nucleus" of section III-A.

    points: (N, 2). labels: (N,) from `cluster_points`. Ties do not depend on the order of the points.
    """
    order = _canonical_order(points)
    points, labels = points[order], labels[order]
    distance2 = np.square(points - _means(points, labels)[labels]).sum(axis=1)
    by_cluster = np.lexsort((distance2, labels))
    first = np.searchsorted(labels[by_cluster], np.arange(labels.max() + 1))
    return order[by_cluster[first]]


def _canonical_order(points):
    return np.lexsort((points[:, 1], points[:, 0]))


def _means_of_equal_parts(points, num_parts):
    """Means (num_parts, 2) of parts of equal size: cut across the longest axis, and each half again."""
    means, todo = [], [(points, num_parts)]
    while todo:
        part, pieces = todo.pop()
        mean = part.mean(axis=0)
        if pieces == 1:
            means.append(mean)
            continue
        x, y = (part - mean).T
        angle = 0.5 * np.arctan2(2 * (x @ y), x @ x - y @ y)
        along = np.argsort(np.cos(angle) * x + np.sin(angle) * y, kind="stable")
        cut = len(part) * (pieces // 2) // pieces
        todo += [(part[along[:cut]], pieces // 2), (part[along[cut:]], pieces - pieces // 2)]
    return np.array(means)


def _nearest(points, centres):
    """Labels (N,) of the nearest centre, renumbered so that a centre without points leaves no gap."""
    dx = points[:, :1] - centres[:, 0]
    dy = points[:, 1:] - centres[:, 1]
    nearest = np.argmin(dx * dx + dy * dy, axis=1)
    used = np.bincount(nearest, minlength=len(centres)) > 0
    return (np.cumsum(used) - 1)[nearest]


def _means(points, labels):
    """Means (C, 2) of the clusters."""
    sums = [np.bincount(labels, points[:, axis]) for axis in (0, 1)]
    return np.stack(sums, axis=1) / np.bincount(labels)[:, None]
