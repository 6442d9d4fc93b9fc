"""What never moves in the image while the camera does: a gripper, a cable, dirt on the lens, text on the picture.

An earlier image and the live one are compared once the matched keypoints have moved. A textured place is static where
it looks the same without any motion, and not as the keypoints' motion predicts. That leaves out plain surfaces, lines
along the motion, and periodic texture. A place is marked after several such votes, so that a hand that is held still
for a moment is not; votes are taken back where it is seen moving.
"""

import cv2
import numpy as np

from depth_pc_ros.perception.agreement import Texture, correlation, small_homography, small_texture
from depth_pc_ros.types import Matches

_MOVED_PX = 12.0  # median motion of the keypoints between two compared images
_PREDICTED_PX = 4.0  # smallest predicted motion of a place that can be judged
_INTERVAL, _LONG_INTERVAL = 5, 20  # images from one comparison to the next; the long one while nothing is static
_FIRST_COMPARISONS = 4  # after so many without a vote the interval is long
_SAME, _OTHER = 0.9, 0.5  # ZNCC
_VOTES, _MOST_VOTES = 3, 6
_AROUND = np.ones((9, 9), np.uint8)  # px of the small image: a marked place grows by half of it


class StaticMask:
    """Votes for static places, from live images in their order in time. size: (width, height) px of the images."""

    def __init__(self, size: tuple[int, int]):
        self._size = size
        self._votes: np.ndarray | None = None
        self._comparisons = 0
        self.mask = np.zeros(size[::-1], bool)  # (H, W), True: static
        self.forget()

    def forget(self) -> None:
        """Forget the earlier image; the votes stay."""
        self._earlier: tuple[Texture, np.ndarray] | None = None
        self._age = 0

    @property
    def share(self) -> float:
        """Share of the image that is static."""
        return float(self.mask.mean())

    def see(self, grey: np.ndarray, matches: Matches) -> bool:
        """Look at the next image (H, W) uint8 and its matches; answers whether the mask has changed."""
        self._age += 1
        if self._earlier is None:
            self._keep(small_texture(grey), matches)
            return False
        voted = self._votes is not None and self._votes.any()
        if self._age < (_INTERVAL if voted or self._comparisons < _FIRST_COMPARISONS else _LONG_INTERVAL):
            return False
        earlier, before = self._earlier
        both = np.isfinite(before).all(axis=1) & matches.matched
        if np.count_nonzero(both) < 8:
            self.forget()
            return False
        now = matches.current_points[both]
        if np.median(np.linalg.norm(now - before[both], axis=1)) < _MOVED_PX:
            return False
        motion, _ = cv2.estimateAffinePartial2D(before[both], now)
        live = small_texture(grey)
        self._keep(live, matches)
        return motion is not None and self._vote(earlier, live, np.vstack([motion, (0, 0, 1)]))

    def _keep(self, texture: Texture, matches: Matches) -> None:
        self._earlier, self._age = (texture, matches.current_points), 0

    def _vote(self, earlier: Texture, live: Texture, motion: np.ndarray) -> bool:
        """Compare two images; motion: (3, 3), of the keypoints from the earlier one to the live one, px."""
        self._comparisons += 1
        if self._votes is None:
            self._votes = np.zeros(live.image.shape, np.int8)
        small = small_homography(motion, self._size)
        judged = earlier.textured & live.textured & _moves(small, live.image.shape, self._size)
        still = correlation(earlier, live)
        moved = correlation(earlier, live.warped(small))
        self._votes += judged & (still > _SAME) & (moved < _OTHER)
        self._votes -= judged & (moved > _SAME) & (still < _OTHER)
        np.clip(self._votes, 0, _MOST_VOTES, out=self._votes)
        marked = cv2.dilate((self._votes >= _VOTES).astype(np.uint8), _AROUND)
        mask = cv2.resize(marked, self._size, interpolation=cv2.INTER_NEAREST).astype(bool)
        changed = not np.array_equal(mask, self.mask)
        self.mask = mask
        return changed


def _moves(small: np.ndarray, shape: tuple[int, ...], size: tuple[int, int]) -> np.ndarray:
    """Mask (h, w) of the places that a similarity (3, 3) of the small image moves far enough to be judged."""
    away = (small[:2] - np.eye(3)[:2]).astype(np.float32)
    x, y = np.arange(shape[1], dtype=np.float32), np.arange(shape[0], dtype=np.float32)[:, None]
    square = sum((a * x + b * y + c) ** 2 for a, b, c in away)
    return square > (_PREDICTED_PX * shape[1] / size[0]) ** 2
