"""Is the goal reached, or only a part of it? A verdict from the whole picture, not from the matches alone.

Near the goal each part of the goal image is compared with the live image at the place that the matches predict. What
agrees is weighed against what contradicts. An occluder contradicts, too, so a contradiction counts most where another
motion explains it, or where the matched keypoints were never seen elsewhere: a gripper in view matches at any pose.
"""

import math
from collections import deque

import cv2
import numpy as np

from depth_pc_ros.perception.agreement import ALIKE, UNLIKE, Texture, correlation, small_homography, small_texture
from depth_pc_ros.perception.self_similarity import alternatives, explained
from depth_pc_ros.types import Matches

NEAR_PX = 8.0  # distance of a match from its goal: the picture is judged where at least the median is nearer,
_NEAR_SHARE = 0.15  # or this share of the matches: those that are elsewhere may be wrong
_AT_GOAL_PX = 2.0  # below this, every pixel is predicted at its own place
_ELSEWHERE_PX = 8.0  # a keypoint that was matched so far from its goal position has moved with the camera
_MOVED_SHARE = 0.2  # of the matched keypoints must have moved; a detection brings new ones that have not yet
_FEWEST = 8  # matches
_EVERY = 8  # images from one comparison to the next
_WEIGH_EVERY = 20  # images from one search for another motion to the next,
_WEIGHED = 3  # of which the last ones count: it is not found in each
_BORDER = 6  # px of the small image that are not judged
_MOVED_AGREE, _UNMOVED_AGREE = 0.2, 0.75  # smallest agreement of matches that moved with the camera, and of others
_DISPUTED = 0.2  # share of contradicting texture from which another motion is searched
# Fewest matches of another motion that raise doubt, that keep it up, and that take the place of others; by chance there
# are up to 8.
_OTHER_MATCHES, _KEEPING_MATCHES, _REPLACING_MATCHES = 12, 9, 20
# Of so many the patches look alike, too, which they do not by chance: enough where most of the texture contradicts.
_REPLACING_ALIKE, _MOST_DISPUTED = 9, 0.5
_ELSEWHERE = 0.08  # share of the contradicting keypoints that another motion must explain to raise doubt
# Raises doubt: this share of what contradicts has moved with the matches since an image so far from the goal, least and
# most, so that it is no occluder.
_CHANGED, _EARLIER_PX = 0.25, (16.0, 48.0)
_AS_GOOD = 0.97  # an alternative that explains this share of what the goal explains is as good


class WholePicture:
    """Compares live images, in their order in time, with one goal.

    grey: the goal image (H, W) uint8. points: its keypoints (N, 2) px. allowed: (H, W) bool, what is judged; None: all.
    agreement, doubt: as in `Matches`.
    """

    def __init__(self, grey: np.ndarray, points: np.ndarray, allowed: np.ndarray | None = None):
        self._points = points
        self._size = grey.shape[::-1]
        self._goal = small_texture(grey)
        self._farthest = np.zeros(len(points))  # px from its goal position, of each keypoint since the goal was set
        self.allow(allowed)
        self._alternatives = alternatives(self._goal, self._judged)
        self._earlier: tuple[np.ndarray, np.ndarray, np.ndarray] | None = None  # image, goal px and live px of matches
        self.forget()

    def forget(self) -> None:
        """Forget the last image, but not which keypoints moved."""
        self.agreement, self.doubt = math.nan, ""
        self._mixed = False  # most of the matches are far from their goal
        self._compared_px = math.inf  # median distance at the last comparison
        self._since = self._since_weighed = _WEIGH_EVERY
        self._agrees = self._disputed = np.zeros_like(self._judged)
        self._changed = 0.0  # share of the texture that contradicts and belongs to the scene
        # Shares of the contradicting keypoints that another motion explained, when it was searched.
        self._elsewhere: deque[float] = deque(maxlen=_WEIGHED)

    def allow(self, allowed: np.ndarray | None) -> None:
        """Judge only where `allowed` (H, W) bool is true; None: everywhere."""
        height, width = self._goal.image.shape
        small = np.ones((height, width), np.uint8)
        if allowed is not None:
            small = cv2.resize(allowed.astype(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST)
        small = cv2.copyMakeBorder(small[1:-1, 1:-1], 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
        self._judged = cv2.erode(small, np.ones((2 * _BORDER + 1,) * 2, np.uint8)).astype(bool)

    def see(self, grey: np.ndarray, matches: Matches) -> None:
        """Look at the next image (H, W) uint8 and its matches."""
        goal_px, live_px = self._points[matches.matched], matches.current_points[matches.matched]
        away = np.linalg.norm(live_px - goal_px, axis=1)
        self._farthest[matches.matched] = np.maximum(self._farthest[matches.matched], away)
        median_px = float(np.median(away)) if len(away) >= _FEWEST else math.inf
        if _EARLIER_PX[0] < median_px < _EARLIER_PX[1]:
            self._earlier = grey, goal_px, live_px
        self._mixed = median_px >= NEAR_PX
        if self._mixed:
            near = away < NEAR_PX
            if np.count_nonzero(near) < max(_FEWEST, _NEAR_SHARE * len(away)):
                self.forget()
                return
            goal_px, live_px, median_px = goal_px[near], live_px[near], float(np.median(away[near]))
            judged = np.flatnonzero(matches.matched)[near]
        else:
            judged = np.flatnonzero(matches.matched)
        self._since += 1
        self._since_weighed += 1
        nearer = median_px < 0.5 * self._compared_px and self._compared_px > _AT_GOAL_PX
        if self._since < _EVERY and not nearer:
            return
        self._since, self._compared_px = 0, median_px
        live = small_texture(grey)
        if median_px > _AT_GOAL_PX:
            motion, _ = cv2.estimateAffinePartial2D(goal_px, live_px)
            live = self._moved_back(live, None if motion is None else np.vstack([motion, (0, 0, 1)]))
        texture, zncc = self._goal.textured & self._judged, correlation(self._goal, live)
        self._agrees, self._disputed = texture & (zncc > ALIKE), texture & (zncc < UNLIKE)
        self._repeats = median_px < _AT_GOAL_PX and self._fits_elsewhere(live)
        self._moved = bool(np.mean(self._farthest[judged] > _ELSEWHERE_PX) > _MOVED_SHARE)
        self._changed = 0.0
        if self._share(self._disputed) < _DISPUTED:
            self._elsewhere.clear()
        elif self._earlier is not None and median_px < _AT_GOAL_PX:
            earlier_grey, *earlier_px = self._earlier
            motion, _ = cv2.findHomography(*earlier_px, cv2.RANSAC, 3.0)
            earlier = self._moved_back(small_texture(earlier_grey), motion)
            moves_along = live.textured & (correlation(earlier, live) > ALIKE)
            self._changed = self._share(self._disputed & moves_along)
        self._judge()

    def _fits_elsewhere(self, live: Texture) -> bool:
        """Whether an alternative of the goal explains a live image as well as the goal does."""
        if not self._alternatives:
            return False
        least = _AS_GOOD * explained(self._goal, live, self._judged)
        return any(explained(moved, live, seen & self._judged) > least for moved, seen in self._alternatives)

    @property
    def wants_other(self) -> bool:
        """So much contradicts that another motion should be searched, and none was searched lately."""
        due = self._since_weighed >= _WEIGH_EVERY and not self._mixed
        return due and self._share(self._disputed) >= _DISPUTED

    @property
    def explained(self) -> np.ndarray:
        """Mask (H, W) of where the live image agrees with the goal."""
        return cv2.resize(self._agrees.astype(np.uint8), self._size, interpolation=cv2.INTER_NEAREST).astype(bool)

    def weigh(self, other: Matches, num_alike: int) -> bool:
        """Take another motion in the last image into account; answers whether it should be followed instead.

        other: its matches, of keypoints where the live image is not `explained`. num_alike: of so many the patches look
        alike.
        """
        self._since_weighed, elsewhere = 0, 0.0
        scale = np.divide(self._disputed.shape[::-1], self._size)
        column, row = np.clip(self._points * scale, 0, np.array(self._disputed.shape[::-1]) - 1).astype(int).T
        disputed = self._disputed[row, column]
        fewest = _KEEPING_MATCHES if self._moved_elsewhere > _ELSEWHERE else _OTHER_MATCHES
        if other.num_matched >= fewest and disputed.any():
            elsewhere = float(np.mean(other.matched[disputed]))
        self._elsewhere.append(elsewhere)
        self._judge()
        many = other.num_matched >= _REPLACING_MATCHES
        alike = num_alike >= _REPLACING_ALIKE and self._share(self._disputed) > _MOST_DISPUTED
        return not self._moved and (many or alike)

    def _moved_back(self, live: Texture, motion: np.ndarray | None) -> Texture:
        """A live image as it is seen from the goal; motion: (3, 3), from goal to live pixels; None: unknown."""
        return live if motion is None else live.warped(small_homography(motion, self._size))

    @property
    def _moved_elsewhere(self) -> float:
        """The largest share of the contradicting keypoints that another motion explained lately."""
        return max(self._elsewhere, default=0.0)

    def _share(self, part: np.ndarray) -> float:
        """Share of a mask (h, w) in what agrees or contradicts."""
        return float(np.count_nonzero(part) / max(np.count_nonzero(self._agrees | self._disputed), 1))

    def _judge(self) -> None:
        """Agreement and doubt from what was seen."""
        self.agreement = self._share(self._agrees) if (self._agrees | self._disputed).any() else math.nan
        wrong = f"{100 * (1 - self.agreement):.0f} % of the goal's texture is not where it should be"
        self.doubt = ""
        if self._repeats:
            self.doubt = "the goal looks the same from another pose, and nothing in the picture tells which it is"
        elif self._moved_elsewhere > _ELSEWHERE:
            self.doubt = f"{wrong}; {100 * self._moved_elsewhere:.0f} % of its keypoints moved together to elsewhere"
        elif self._changed > _CHANGED * self._share(self._disputed):
            self.doubt = f"{wrong}; {100 * self._changed:.0f} % is another part of the scene"
        elif self.agreement < (_MOVED_AGREE if self._moved else _UNMOVED_AGREE):
            self.doubt = wrong
