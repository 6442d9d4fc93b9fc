"""Poses over time, with those between two of them. No ROS."""

from collections import deque

import numpy as np

from depth_pc_ros.geometry import se3


class PoseTrack:
    """The newest poses of one body, so many of them, in the order of their times."""

    def __init__(self, count: int = 400):
        self._poses: deque[tuple[float, np.ndarray]] = deque(maxlen=count)

    def add(self, stamp_s: float, T: np.ndarray) -> None:
        """Take the pose (4, 4) at this time. Where time went back, as after a reset of the world, all others go."""
        if self._poses and stamp_s <= self._poses[-1][0]:
            self._poses.clear()
        self._poses.append((stamp_s, T))

    @property
    def newest(self) -> tuple[float, np.ndarray] | None:
        """Time in s and pose (4, 4); None: none has come."""
        return self._poses[-1] if self._poses else None

    def at(self, stamp_s: float) -> np.ndarray | None:
        """Pose (4, 4) at a time, with constant twist between two poses; None: it is not between two of them."""
        later = None
        for time_s, T in reversed(self._poses):
            if time_s == stamp_s:
                return T
            if time_s < stamp_s:
                if later is None:
                    return None
                share = (stamp_s - time_s) / (later[0] - time_s)
                return T @ se3.exp(share * se3.log(se3.inverse(T) @ later[1]))
            later = time_s, T
        return None
