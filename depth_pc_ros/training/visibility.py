"""Which points of a cloud a camera sees: field of view, and hidden point removal (eq. 3-4 of the paper).

Source: S. Katz, A. Tal, R. Basri, "Direct visibility of point sets", ACM Transactions on Graphics 26(3), 2007.
"""

import numpy as np
from scipy.spatial import ConvexHull, QhullError

from depth_pc_ros.geometry.camera import Intrinsics

# Agrees best with ray casting for about 2500 points; denser clouds need more.
RADIUS_FACTOR = 100.0


def in_view(points_cam: np.ndarray, intrinsics: Intrinsics, margin_px: float = 0.0) -> np.ndarray:
    """(N,) bool: which points (N, 3) in the camera frame lie in front and at least `margin_px` inside the image.

    A point with NaN is not in view.
    """
    pixels = intrinsics.project(points_cam)
    high = np.array([intrinsics.width - 1, intrinsics.height - 1]) - margin_px
    return ((pixels >= margin_px) & (pixels <= high)).all(axis=-1)


def flip(points_cam: np.ndarray, radius_m: float) -> np.ndarray:
    """Spherical flipping (eq. 3): points (N, 3) in the camera frame, each moved along its ray to 2 R - |p|."""
    distance = np.linalg.norm(points_cam, axis=1, keepdims=True)
    return points_cam + 2 * (radius_m - distance) * points_cam / distance


def hidden_point_removal(points_cam: np.ndarray, radius_factor: float = RADIUS_FACTOR) -> np.ndarray:
    """(N,) bool: which points (N, 3) in the camera frame are visible, as vertices of the flipped cloud's hull (eq. 4).

    R is `radius_factor` times the largest distance. A larger one sees more: too small hides visible points of slanted
    and hollow surfaces, too large shows hidden ones. It depends on the density: use a dense cloud, then choose among
    its visible points.

    Points with NaN and points in the camera centre are never visible. Of points in one place, one is. Where the hull is
    flat (fewer than three points, or all in one plane with the camera) nothing can be said, and all others are visible.
    """
    points_cam = np.asarray(points_cam, dtype=np.float64)
    distance = np.linalg.norm(points_cam, axis=1)
    usable = np.flatnonzero(np.isfinite(distance) & (distance > 0))
    visible = np.zeros(len(points_cam), dtype=bool)
    if len(usable) < 3:
        visible[usable] = True
        return visible
    flipped = flip(points_cam[usable], radius_factor * distance[usable].max())
    try:
        vertices = ConvexHull(np.vstack([flipped, np.zeros(3)])).vertices
    except QhullError:  # flat
        visible[usable] = True
        return visible
    visible[usable[vertices[vertices < len(usable)]]] = True
    return visible
