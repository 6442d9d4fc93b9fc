"""A matcher that holds its matches against the whole picture, and leaves out what never moves in the image."""

from dataclasses import replace

import numpy as np

from depth_pc_ros.geometry.camera import Intrinsics
from depth_pc_ros.perception.goal_mask import check_mask
from depth_pc_ros.perception.matchers import Features, Matcher
from depth_pc_ros.perception.static_mask import StaticMask
from depth_pc_ros.perception.tracking import Followed, TrackingMatcher
from depth_pc_ros.perception.whole_picture import WholePicture
from depth_pc_ros.perception.wide_baseline import WideBaselineMatcher
from depth_pc_ros.types import Matches


class CheckedMatcher:
    """One of these matchers with the same interface, whose matches have `agreement` and `doubt`.

    Images must be given in their order in time.
    """

    def __init__(self, matcher: Matcher | TrackingMatcher | WideBaselineMatcher):
        self._matcher = matcher

    @property
    def goal_points(self) -> np.ndarray:
        """The goal's keypoints (N, 2) float64 in px."""
        return self._matcher.goal_points

    def set_goal(self, image: np.ndarray, intrinsics: Intrinsics, mask: np.ndarray | None = None) -> int:
        """See `Matcher.set_goal`."""
        count = self._matcher.set_goal(image, intrinsics, mask)
        self._given = None if mask is None else check_mask(mask, intrinsics.size)
        grey, points = self._matcher.goal_grey, self.goal_points
        self._static, self._picture = StaticMask(grey, points), WholePicture(grey, points, self._given)
        return count

    def forget(self) -> None:
        """Start from a detection. What belongs to the goal is kept: what is static, and which keypoints moved."""
        self._matcher.forget()
        if self._matcher.goal_grey is not None:
            self._picture.forget()

    def match(self, image: np.ndarray) -> Matches:
        """Matches of the next live image (H, W, 3) uint8 RGB with the goal."""
        return self.match_features(self.detect(image))

    def detect(self, image: np.ndarray) -> Features | Followed:
        """See `TrackingMatcher.detect`."""
        return self._matcher.detect(image)

    def match_features(self, found: Features | Followed) -> Matches:
        """Matches from what `detect` found, and the verdict of the whole picture."""
        matches = self._matcher.match_features(found)
        picture, grey = self._picture, found.grey
        picture.see(grey, matches)
        marked = False
        if picture.wants_other:
            features = found.features if isinstance(found, Followed) else found
            if features is None:
                self._matcher.detect_next()
            else:
                static = picture.explained
                other, num_alike = self._matcher.match_other(features, static)
                if picture.weigh(other, num_alike):  # what was explained so far is fixed to the camera
                    matches = other
                    marked = self._static.mark(static)
                    self._matcher.follow(other, grey)
                    picture.see(grey, other)
        if self._static.see(grey, matches) or marked:
            allowed = ~self._static.mask if self._given is None else self._given & ~self._static.mask
            self._matcher.allow(allowed)
            picture.allow(allowed)
        doubt = picture.doubt or matches.doubt
        if picture.doubt and self._static.share > 0:
            doubt += f"; {100 * self._static.share:.0f} % of the image never moves"
        return replace(matches, agreement=picture.agreement, doubt=doubt)
