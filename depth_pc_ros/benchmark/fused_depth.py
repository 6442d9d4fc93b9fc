"""Depth of a frame from all frames around it, by their true poses: less noise and fewer holes than one depth image."""

import warnings

import numpy as np

from depth_pc_ros.benchmark.real_worlds import surface
from depth_pc_ros.benchmark.recordings.frames import Frame, RecordingError
from depth_pc_ros.geometry import se3

NEIGHBOURS = 6
_NEAR_DEG, _NEAR = 20.0, 0.3  # rotation, and distance over the depth, within which a frame is a neighbour
_SAME = 0.03  # of the depth: what two frames must agree on


def fused_depth(frames: list[Frame], number: int) -> np.ndarray:
    """Depth (H, W) float32 m of frame `number`, NaN where unknown: the median of what it and its neighbours measured.

    Raises RecordingError where it has no depth.
    """
    own = frames[number]
    _, depth_m = own.load()
    if depth_m is None:
        raise RecordingError(f"depth: {own.name}: expected recorded depth, found none")
    layers = [depth_m]
    for neighbour in _neighbours(frames, number, float(np.nanmedian(depth_m))):
        _, other_m = neighbour.load()
        if other_m is not None:
            layers.append(_seen_from(neighbour, other_m, own))
    stack = np.array(layers)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # where no frame knows the depth
        median = np.nanmedian(stack, axis=0) if len(layers) > 1 else depth_m
        agree = np.nanmean(np.abs(stack - median) < _SAME * median, axis=0)
    return np.where(agree > 0.5 * np.isfinite(stack).mean(axis=0), median, np.nan).astype(np.float32)


def _neighbours(frames: list[Frame], number: int, distance_m: float) -> list[Frame]:
    """The nearest frames of the same sequence, spread over those that are near enough."""
    own, near = frames[number], []
    for k, frame in enumerate(frames):
        if k != number and frame.sequence == own.sequence and frame.has_depth:
            apart_m, apart_deg = se3.pose_error(frame.T_world_cam, own.T_world_cam)
            if apart_deg < _NEAR_DEG and apart_m < _NEAR * distance_m:
                near.append((apart_deg / _NEAR_DEG + apart_m / (_NEAR * distance_m), k))
    near.sort()
    return [frames[k] for _, k in near[:: max(len(near) // NEIGHBOURS, 1)][:NEIGHBOURS]]


def _seen_from(frame: Frame, depth_m: np.ndarray, own: Frame) -> np.ndarray:
    """A frame's depth in another camera: the nearest point of each pixel, NaN where there is none."""
    v, u = np.nonzero(surface(np.nan_to_num(depth_m).astype(np.float32)))
    T = se3.inverse(own.T_world_cam) @ frame.T_world_cam
    points = se3.transform(T, frame.intrinsics.unproject(np.stack([u, v], axis=1), depth_m[v, u]))
    pixels = np.rint(own.intrinsics.project(points))
    inside = (pixels >= 0).all(axis=1) & (pixels < own.intrinsics.size).all(axis=1)  # NaN: behind the camera
    at = pixels[inside].astype(int)
    out = np.full(own.intrinsics.size[::-1], np.inf)
    np.minimum.at(out, (at[:, 1], at[:, 0]), points[inside, 2])
    return np.where(np.isfinite(out), out, np.nan)
