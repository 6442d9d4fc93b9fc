"""Depth of a depth camera, carried into the colour camera beside it."""

import numpy as np

from depth_pc_ros.geometry import se3
from depth_pc_ros.geometry.camera import Intrinsics

_FAR_M = 10.0  # what a sensor says beyond is noise


def registered(depth_m: np.ndarray, K_depth, T_color_depth, K_color, size: tuple[int, int]) -> np.ndarray:
    """Depth (H, W) float32 m in the colour camera of `size` (width, height), 0 where unknown; the nearest wins."""
    height, width = depth_m.shape
    source, target = Intrinsics.from_matrix(K_depth, width, height), Intrinsics.from_matrix(K_color, *size)
    v, u = np.nonzero((depth_m > 0) & (depth_m < _FAR_M))
    points = se3.transform(T_color_depth, source.unproject(np.stack([u, v], axis=1), depth_m[v, u]))
    pixels = np.rint(target.project(points))
    inside = np.isfinite(pixels).all(axis=1) & (pixels >= 0).all(axis=1) & (pixels < size).all(axis=1)
    at = pixels[inside].astype(int)
    out = np.full(size[::-1], np.inf, dtype=np.float32)
    # Two by two pixels: the depth camera is the coarser one.
    for dv in (0, 1):
        for du in (0, 1):
            row, column = np.minimum(at[:, 1] + dv, size[1] - 1), np.minimum(at[:, 0] + du, size[0] - 1)
            np.minimum.at(out, (row, column), points[inside, 2].astype(np.float32))
    return np.where(np.isfinite(out), out, np.float32(0))
