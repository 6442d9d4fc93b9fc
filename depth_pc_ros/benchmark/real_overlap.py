"""How much of one frame another one shows: by its depth, or by keypoints that both have."""

from typing import ClassVar, Protocol

import cv2
import numpy as np

from depth_pc_ros.benchmark.recordings.frames import Frame
from depth_pc_ros.geometry import se3
from depth_pc_ros.geometry.camera import Intrinsics, sample_nearest

_STRIDE_PX = 16
_SAME = 0.05  # of the depth: the same surface
_RATIO, _EPIPOLAR_PX = 0.8, 3.0


class Sketch(Protocol):
    """What is kept of a frame. least: smallest overlap of a pair."""

    least: float

    def seen_by(self, live, T_live_goal: np.ndarray) -> tuple[float, float]:
        """Overlap in [0, 1], and the distance of what both see from the goal camera, m (0: unknown)."""


def sketch(frame: Frame, with_depth: bool) -> Sketch:
    """The frame, small. Raises RecordingError."""
    image, depth_m = frame.load()
    if with_depth:
        return SketchByDepth(depth_m, frame.intrinsics)
    return SketchByKeypoints(image, frame.intrinsics)


class SketchByDepth:
    """Points of a depth image, and the depth image for what hides them."""

    least: ClassVar[float] = 0.15

    def __init__(self, depth_m: np.ndarray, intrinsics: Intrinsics):
        self._intrinsics = intrinsics
        self._depth_m = depth_m.astype(np.float16)
        v, u = np.mgrid[
            _STRIDE_PX // 2 : depth_m.shape[0] : _STRIDE_PX, _STRIDE_PX // 2 : depth_m.shape[1] : _STRIDE_PX
        ]
        z = depth_m[v, u].ravel()
        known = np.isfinite(z)
        pixels = np.stack([u.ravel(), v.ravel()], axis=1)[known]
        self._points = intrinsics.unproject(pixels, z[known])
        self.distance_m = float(np.median(z[known])) if known.any() else 0.0

    def seen_by(self, live: "SketchByDepth", T_live_goal: np.ndarray) -> tuple[float, float]:
        """As `Sketch`; see `shown_by`."""
        if not len(self._points):
            return 0.0, 0.0
        return float(self.shown_by(live, T_live_goal).mean()), self.distance_m

    def shown_by(self, live: "SketchByDepth", T_live_goal: np.ndarray) -> np.ndarray:
        """Mask (N,) of the points that the live frame shows: its depth there is the same, or unknown."""
        points = se3.transform(T_live_goal, self._points)
        pixels = live._intrinsics.project(points)
        z = sample_nearest(live._depth_m, pixels)
        inside = (
            np.isfinite(pixels).all(axis=1) & (pixels >= 0).all(axis=1) & (pixels < live._intrinsics.size).all(axis=1)
        )
        hidden = np.isfinite(z) & (z < (1 - _SAME) * points[:, 2])
        return inside & ~hidden


class SketchByKeypoints:
    """AKAZE keypoints of the image at half its size."""

    least: ClassVar[float] = 0.03

    def __init__(self, image: np.ndarray, intrinsics: Intrinsics):
        self._intrinsics = intrinsics
        small = cv2.resize(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
        keypoints, self._descriptors = cv2.AKAZE_create().detectAndCompute(small, None)
        self._rays = intrinsics.normalise(np.array([k.pt for k in keypoints]).reshape(-1, 2) * 2 + 0.5)

    def seen_by(self, live: "SketchByKeypoints", T_live_goal: np.ndarray) -> tuple[float, float]:
        """As `Sketch`; a keypoint is seen where its match obeys the true motion, and lies in front of both cameras."""
        if min(len(self._rays), len(live._rays)) < 2:
            return 0.0, 0.0
        found = cv2.BFMatcher(cv2.NORM_HAMMING).knnMatch(self._descriptors, live._descriptors, k=2)
        good = [(a.queryIdx, a.trainIdx) for a, b in found if a.distance < _RATIO * b.distance]
        if not good:
            return 0.0, 0.0
        here, there = (self._rays[[i for i, _ in good]], live._rays[[j for _, j in good]])
        focal = self._intrinsics.focal
        right = epipolar_px(here, there, T_live_goal, focal) < _EPIPOLAR_PX
        z = triangulated(here, there, T_live_goal)
        right &= z > 0
        return float(right.sum() / len(self._rays)), float(np.median(z[right])) if right.any() else 0.0


def epipolar_px(goal: np.ndarray, live: np.ndarray, T_live_goal: np.ndarray, focal_px: float) -> np.ndarray:
    """Sampson distances (N,) px of matches, normalised coordinates (N, 2), from a motion (4, 4)."""
    E = se3.skew(T_live_goal[:3, 3]) @ T_live_goal[:3, :3]
    a, b = (np.column_stack([points, np.ones(len(points))]) for points in (goal, live))
    line, back = a @ E.T, b @ E
    value = np.einsum("ni,ni->n", b, line)
    return focal_px * np.abs(value) / np.sqrt((line[:, :2] ** 2).sum(axis=1) + (back[:, :2] ** 2).sum(axis=1) + 1e-18)


def triangulated(goal: np.ndarray, live: np.ndarray, T_live_goal: np.ndarray) -> np.ndarray:
    """Depths (N,) in the goal camera where the rays of matches (N, 2) come nearest to each other."""
    a = np.column_stack([goal, np.ones(len(goal))]) @ T_live_goal[:3, :3].T
    b = np.column_stack([live, np.ones(len(live))])
    t = T_live_goal[:3, 3]
    # z a + t = s b in the least squares sense
    aa, ab, bb = (a * a).sum(axis=1), (a * b).sum(axis=1), (b * b).sum(axis=1)
    at, bt = a @ t, b @ t
    with np.errstate(divide="ignore", invalid="ignore"):
        return (ab * bt - bb * at) / (aa * bb - ab**2)
