"""What never moves in the image while the camera does: a gripper, a cable, dirt on the lens, text on the picture.

On the way to the goal, the live image is compared with the goal image. A textured place is static where both look the
same without any motion, and not as the motion of the matches predicts. That leaves out plain surfaces and periodic
texture. A place is marked after several such votes, because lines can coincide by chance. Votes are taken back where a
place is seen to move.
"""

import cv2
import numpy as np

from depth_pc_ros.perception.agreement import Texture, correlation, small_homography, small_texture
from depth_pc_ros.types import Matches

_MOVED_PX = 12.0  # median distance of the matches from the goal, from which images are compared
_PREDICTED_PX = 8.0  # smallest predicted motion of a place that can be judged
_STEP_PX = 4.0  # by which that distance changes between two comparisons
_INTERVAL, _LONG_INTERVAL = 3, 20  # images from one comparison to the next; the long one while nothing is static
_FIRST_COMPARISONS = 4  # after so many without a vote the interval is long
_SAME, _OTHER = 0.9, 0.5  # ZNCC
_VOTES, _MOST_VOTES = 3, 6
# px of the small image: a marked place shrinks by half of the first, so that small ones vanish, and grows by half of
# the second, as keypoints at its border see it, too.
_SMALL, _AROUND = np.ones((5, 5), np.uint8), np.ones((13, 13), np.uint8)


class StaticMask:
    """Votes for static places of one goal.

    grey: the goal image (H, W) uint8. points: its keypoints (N, 2) px. mask: (H, W) bool, True where it is static.
    """

    def __init__(self, grey: np.ndarray, points: np.ndarray):
        self._goal, self._points = small_texture(grey), points
        self._votes = np.zeros(self._goal.image.shape, np.int8)
        self._comparisons = 0
        self._since, self._distance_px = _LONG_INTERVAL, np.inf  # of the last comparison
        self.mask = np.zeros(grey.shape, bool)

    @property
    def share(self) -> float:
        """Share of the image that is static."""
        return float(self.mask.mean())

    def mark(self, static: np.ndarray) -> bool:
        """Take places (H, W) bool for static, until they are seen to move; answers whether the mask has changed."""
        size = self._votes.shape[::-1]
        small = cv2.resize(static.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST).astype(bool)
        self._votes[small] = _MOST_VOTES
        return self._draw()

    def see(self, grey: np.ndarray, matches: Matches) -> bool:
        """Look at the next live image (H, W) uint8 and its matches; answers whether the mask has changed."""
        self._since += 1
        voted = self._comparisons < _FIRST_COMPARISONS or self._votes.any()
        if self._since < (_INTERVAL if voted else _LONG_INTERVAL) or matches.num_matched < 8:
            return False
        goal_px, live_px = self._points[matches.matched], matches.current_points[matches.matched]
        distance_px = float(np.median(np.linalg.norm(live_px - goal_px, axis=1)))
        if distance_px < _MOVED_PX or abs(distance_px - self._distance_px) < _STEP_PX:
            return False
        self._since, self._distance_px = 0, distance_px
        self._comparisons += 1
        motion, _ = cv2.estimateAffinePartial2D(goal_px, live_px)
        return motion is not None and self._vote(small_texture(grey), np.vstack([motion, (0, 0, 1)]))

    def _vote(self, live: Texture, motion: np.ndarray) -> bool:
        """Compare a live image; motion: (3, 3), of the matches from the goal to it, px."""
        size = self.mask.shape[::-1]
        small = small_homography(motion, size)
        judged = self._goal.textured & live.textured & _moves(small, live.image.shape, size)
        still = correlation(self._goal, live)
        moved = correlation(self._goal, live.warped(small))
        self._votes += judged & (still > _SAME) & (moved < _OTHER)
        self._votes -= judged & (moved > _SAME) & (still < _OTHER)
        np.clip(self._votes, 0, _MOST_VOTES, out=self._votes)
        return self._draw()

    def _draw(self) -> bool:
        """The mask from the votes; answers whether it has changed."""
        marked = cv2.dilate(cv2.erode((self._votes >= _VOTES).astype(np.uint8), _SMALL), _AROUND)
        mask = cv2.resize(marked, self.mask.shape[::-1], interpolation=cv2.INTER_NEAREST).astype(bool)
        changed = not np.array_equal(mask, self.mask)
        self.mask = mask
        return changed


def _moves(small: np.ndarray, shape: tuple[int, ...], size: tuple[int, int]) -> np.ndarray:
    """Mask (h, w) of the places that a similarity (3, 3) of the small image moves far enough to be judged."""
    away = (small[:2] - np.eye(3)[:2]).astype(np.float32)
    x, y = np.arange(shape[1], dtype=np.float32), np.arange(shape[0], dtype=np.float32)[:, None]
    square = sum((a * x + b * y + c) ** 2 for a, b, c in away)
    return square > (_PREDICTED_PX * shape[1] / size[0]) ** 2
