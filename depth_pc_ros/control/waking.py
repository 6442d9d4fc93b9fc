"""When a converged servo moves again: the view has drifted from what it was at the stop.

Stopping and waking are two decisions. The error at a stop holds the bias of the matches, which differs from scene to
scene; so drift is measured against the view at the stop, not against the goal. An affine motion of the image is fitted
to all points, and averages their noise: a drift of a fraction of a pixel is seen.
"""

import numpy as np

_FEWEST = 6  # points that an affine motion is fitted to
_ROUNDS, _FAR = 3, 3.0  # of the fit; points with more than this times the median residual are left out


class WakeRule:
    """Compares the points of each image with those at the stop.

    wake: drift on the normalised plane that wakes the servo, in FRAMES successive images.
    """

    FRAMES = 2

    def __init__(self, wake: float):
        self.wake = wake
        self._rest = np.zeros((0, 2))
        self._frames = 0

    def rest(self, points: np.ndarray) -> None:
        """The servo stops at this view. points: (N, 2) normalised, NaN where not seen."""
        self._rest = points.copy()
        self._frames = 0

    def drifted(self, points: np.ndarray) -> bool:
        """Whether the view has moved away from that of the stop. points: as in `rest`."""
        self._frames = self._frames + 1 if image_motion(self._rest, points) > self.wake else 0
        return self._frames >= self.FRAMES


def image_motion(before: np.ndarray, after: np.ndarray) -> float:
    """Mean length of the affine motion between two views (N, 2), NaN where not seen; 0 where too few are in both."""
    both = np.isfinite(before).all(axis=1) & np.isfinite(after).all(axis=1)
    if np.count_nonzero(both) < _FEWEST:
        return 0.0
    rows = np.column_stack([before[both], np.ones(np.count_nonzero(both))])
    moved = after[both] - before[both]
    kept = np.ones(len(rows), dtype=bool)
    for _ in range(_ROUNDS):
        affine = np.linalg.lstsq(rows[kept], moved[kept], rcond=None)[0]
        residual = np.linalg.norm(moved - rows @ affine, axis=1)
        kept = residual <= _FAR * np.median(residual) + 1e-9
    return float(np.linalg.norm(rows[kept] @ affine, axis=1).mean())
