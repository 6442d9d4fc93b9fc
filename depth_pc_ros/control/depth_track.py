"""Live relative depth of the goal's keypoints, propagated from the image of the estimate to the current one.

An estimate takes longer than a frame. Its values are looked up where the keypoints were in its own image, and stay with
the keypoints: as the camera moves, a point leaves its pixel, but its relative depth changes slowly.
"""

from collections import deque

import numpy as np

from depth_pc_ros.geometry.camera import sample_nearest

_FRAMES_KEPT = 128  # images that are kept for a depth to come
_SAME_S = 1e-4  # stamps closer than this belong to one image


class DepthTrack:
    """max_age_s: older depth is not used."""

    def __init__(self, max_age_s: float):
        self._max_age_s = max_age_s
        self.reset()

    def reset(self) -> None:
        self._frames: deque[tuple[float, np.ndarray]] = deque(maxlen=_FRAMES_KEPT)
        self._waiting: tuple[np.ndarray, float] | None = None  # a depth and its stamp
        self._stamp_s = -np.inf
        self._values: np.ndarray | None = None

    def remember(self, points: np.ndarray, stamp_s: float) -> None:
        """Where the keypoints are in the image of this time: (N, 2) px, NaN where not matched."""
        self._frames.append((stamp_s, points))
        if self._waiting is not None and self._waiting[1] <= stamp_s + _SAME_S:
            waiting, self._waiting = self._waiting, None
            self.add(*waiting)

    def add(self, depth: np.ndarray, stamp_s: float) -> None:
        """Relative depth (H, W), larger = farther, of the image of this time. Ignored if older than the one in use.

        Where the keypoints of that image are not known yet, it waits for them; where they never come, it is dropped.
        """
        if stamp_s <= self._stamp_s:
            return
        for frame_s, points in self._frames:
            if abs(frame_s - stamp_s) <= _SAME_S:
                self._stamp_s, self._values = stamp_s, sample_nearest(depth, points)
                return
        if not self._frames or stamp_s > self._frames[-1][0]:
            self._waiting = depth, stamp_s

    def at(self, stamp_s: float) -> tuple[np.ndarray | None, float]:
        """Relative depth (N,) of the keypoints, NaN where unknown, and its age in s at this time; (None, NaN): none."""
        age_s = stamp_s - self._stamp_s
        if self._values is None or not -_SAME_S <= age_s <= self._max_age_s:
            return None, float("nan")
        return self._values, max(age_s, 0.0)
