"""When to stop: the error is small and no longer improves.

The rule follows the pixel policy of CNS (A. Chen et al., "CNS: Correspondence Encoded Neural Image Servo Policy",
ICRA 2024), which the Depth-PC evaluation uses too: keypoints matched in most frames weigh more than others,
the worst tenth is left out, and the error must stay at its best level for some time.
"""

import numpy as np

from depth_pc_ros.control.intervals import interval_s


class StoppingRule:
    """Decides convergence from the keypoints' distances to their goal.

    stop_error: normalised-plane error under which stopping is possible. hold_s: seconds without improvement.
    Improvement below `precision` (normalised) is ignored: an exponential law would never end.
    """

    MEMORY = 0.95  # per frame, of the share of frames in which a keypoint is seen
    KEPT_SHARE = 0.9  # of the keypoints, by weighted distance
    IMPROVEMENT = 0.9  # a new best below this share of the old one restarts the clock
    LONGEST_FRAME_S = 0.1  # most that one frame adds to the hold time, so that a gap in the images does not count
    SLACK = 5e-4  # normalised, about 0.3 px at f = 540 px: the level above the best that still counts as the best

    def __init__(self, stop_error: float, hold_s: float, precision: float):
        self.stop_error = stop_error
        self.precision = precision
        self.hold_s = hold_s
        self.reset()

    def reset(self) -> None:
        """Forget everything: new goal, re-enabled, or matches lost."""
        self._steadiness: np.ndarray | None = None
        self.restart()

    def restart(self) -> None:
        """Look for a best error anew: the camera moves again."""
        self._best = np.inf
        self._held_s = 0.0
        self._last: tuple[float, float] | None = None  # stamp in s, error

    def mean_error(self, distances: np.ndarray, seen: np.ndarray) -> float:
        """Weighted mean of `distances` (N,) over the `seen` (N,) keypoints; updates their weights."""
        full = 1.0 / (1.0 - self.MEMORY)
        if self._steadiness is None or len(self._steadiness) != len(seen):
            self._steadiness = np.zeros(len(seen))
        first = seen & (self._steadiness == 0)
        self._steadiness = self.MEMORY * self._steadiness + seen
        self._steadiness[first] = full
        weight, distance = self._steadiness[seen], distances[seen]
        weighted = weight * distance
        kept = weighted <= np.quantile(weighted, self.KEPT_SHARE)
        return float(np.average(distance[kept], weights=weight[kept]))

    def converged(self, error: float, stamp_s: float) -> bool:
        """Feed the error of one frame (from `mean_error`); True once it has stayed at its best for `hold_s`."""
        if not error <= self.stop_error:
            self.restart()
            return False
        improved = error < self.IMPROVEMENT * self._best
        if improved and self._best > self.precision:
            self._held_s = 0.0
        elif self._last is not None:
            level = 1.1 * self._best + self.SLACK
            held_s = _time_below(level, *self._last, stamp_s, error)
            self._held_s += min(held_s, self.LONGEST_FRAME_S)
        if improved:
            self._best = error
        self._last = (stamp_s, error)
        return self._held_s >= self.hold_s


def _time_below(level: float, t0: float, e0: float, t1: float, e1: float) -> float:
    """Seconds the line from (t0, e0) to (t1, e1) spends at or below `level`."""
    duration_s = interval_s(t0, t1)
    if e0 <= level and e1 <= level:
        return duration_s
    if e0 > level and e1 > level:
        return 0.0
    share = (level - min(e0, e1)) / abs(e1 - e0)
    return share * duration_s
