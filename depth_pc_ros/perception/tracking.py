"""Matches tracked from image to image: detection is needed only every few images.

Each match is tracked into the next image by Lucas-Kanade and then aligned with its patch of the *goal* image. So it
does not drift, and a match that follows an occluder is dropped. Detection adds keypoints that come into view.
"""

from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace

import cv2
import numpy as np

from depth_pc_ros.geometry.camera import Intrinsics
from depth_pc_ros.perception.matchers import Features, Matcher, some
from depth_pc_ros.perception.standing_still import explained_by
from depth_pc_ros.types import Matches

DETECT_EVERY = 20  # images
_KEPT_SHARE, _FEWEST = 0.7, 24  # detect again when fewer are left: share of the last detection's, number
_BACK_PX = 1.0  # of a match that is followed into the next image and back again
_WINDOW, _LEVELS = (21, 21), 3
_BORDER_PX = 4.0
_UNLIKE = "few of the matches, which were found across a wide baseline, look like the goal"
_SAME_PX = 2.0  # a followed and a detected match nearer than this are the same
_RIVALS = 20  # followed matches; where a detection outvotes most of so many, the picture decides


@dataclass(frozen=True)
class Followed:
    """Matches of the last image found again: goal indices (M,), positions (M, 2) px.

    features: of a detection in this image. detected: matches of one in an earlier image, followed into this one.
    """

    grey: np.ndarray
    index: np.ndarray
    points: np.ndarray
    features: Features | None
    detected: Matches | None


class TrackingMatcher:
    """A `Matcher` that follows its matches, with the same interface. Images must be given in their order in time.

    background: the detection that is due every few images runs in a thread, and what it finds is followed into the
    image that comes when it is done. So no image waits for it. Where matches are missing, the image waits.
    """

    def __init__(self, matcher: Matcher, background: bool = False):
        self._matcher = matcher
        self._thread = ThreadPoolExecutor(1, "detection") if background else None
        self._detection: tuple[np.ndarray, Future] | None = None  # the image (H, W) uint8, and its matches
        self.forget()

    def forget(self) -> None:
        """Start from a detection: the next image does not follow the last one."""
        self._abandon()
        self._matcher.forget()
        self._last: Matches | None = None
        self._grey = self._motion = None
        self._detected, self._since = 0, 0
        self._loosely = self._asked = False

    @property
    def goal_points(self) -> np.ndarray:
        """The goal's keypoints (N, 2) float64 in px."""
        return self._matcher.goal_points

    @property
    def goal_grey(self) -> np.ndarray | None:
        """See `Matcher.goal_grey`."""
        return self._matcher.goal_grey

    def set_goal(self, image: np.ndarray, intrinsics: Intrinsics, mask: np.ndarray | None = None) -> int:
        """See `Matcher.set_goal`."""
        count = self._matcher.set_goal(image, intrinsics, mask)
        self.forget()
        return count

    def allow(self, allowed: np.ndarray | None) -> None:
        """See `Matcher.allow`."""
        self._matcher.allow(allowed)

    def match_other(self, features: Features, explained: np.ndarray) -> tuple[Matches, int]:
        """See `Matcher.match_other`."""
        return self._matcher.match_other(features, explained)

    def rigid(self, goal_px: np.ndarray, live_px: np.ndarray) -> np.ndarray:
        """See `Matcher.rigid`."""
        return self._matcher.rigid(goal_px, live_px)

    def aligned(self, grey: np.ndarray, goal_px: np.ndarray, live_px: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """See `Matcher.aligned`."""
        return self._matcher.aligned(grey, goal_px, live_px)

    def follow(self, matches: Matches, grey: np.ndarray, loosely: bool = False) -> None:
        """Follow these matches, of a live image (H, W) uint8, in place of those that were found.

        loosely: also those that look unlike their patch of the goal image, until enough look alike.
        """
        if not matches.num_matched:
            self.forget()
            return
        self._last, self._grey, self._motion, self._detected = matches, grey, None, matches.num_matched
        self._loosely = loosely

    def detect_next(self) -> None:
        """Detect keypoints in the next image, beside those that are followed."""
        self._asked = True

    def match(self, image: np.ndarray) -> Matches:
        """Matches of the next live image (H, W, 3) uint8 RGB with the goal."""
        return self.match_features(self.detect(image))

    def detect(self, image: np.ndarray) -> Features | Followed:
        """Find the last matches in the next image, and its features where they are needed."""
        grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
        # No motion at all: restart, so that a simulated run does not depend on how long the camera stood.
        if self._last is None or np.array_equal(grey, self._grey) or grey.shape != self._grey.shape:
            self.forget()
            return self._matcher.detect(image)
        index, points = self._follow(grey)
        self._since += 1
        few = len(index) < max(_FEWEST, _KEPT_SHARE * self._detected)
        due = self._since >= DETECT_EVERY
        if few or self._asked or (due and self._thread is None):
            self._abandon()
            self._asked = False
            return Followed(grey, index, points, self._matcher.detect(image), None)
        detected = None
        if self._detection is not None and self._detection[1].done():
            detected = self._caught_up(grey, index, points)
        elif self._detection is None and due:
            self._detection = grey, self._thread.submit(self._matcher.match, image)
        return Followed(grey, index, points, None, detected)

    def match_features(self, found: Features | Followed) -> Matches:
        """Matches from what `detect` found."""
        afresh = isinstance(found, Features)
        matches = self._matcher.match_features(found) if afresh else self._joined(found)
        if afresh or found.features is not None or found.detected is not None:
            self._detected, self._since = matches.num_matched, 0
        self._motion = _similarity(self._last, matches)
        self._last, self._grey = (matches, found.grey) if matches.num_matched else (None, None)
        return replace(matches, doubt=_UNLIKE) if self._loosely and matches.num_matched else matches

    def _follow(self, grey: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Goal indices (M,) and positions (M, 2) of the last matches that are found in the next image."""
        index, was, after, near = self._followed(self._last, self._grey, grey, self._motion)
        self._loosely = self._loosely and np.count_nonzero(near) < min(_FEWEST, len(self.goal_points) // 4)
        if self._loosely:  # what is followed back to where it was is not hidden by something else
            back, found = _flow(grey, self._grey, after, was)
            near |= found & (np.linalg.norm(back - was, axis=1) < _BACK_PX)
        index, after = index[near], after[near]
        rigid = self._matcher.rigid(self.goal_points[index], after, self._loosely)
        return index[rigid], after[rigid]

    def _followed(
        self, matches: Matches, before_grey: np.ndarray, grey: np.ndarray, motion: np.ndarray | None
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Goal indices (M,) of an image's matches that are found in a later one, positions (M, 2) px in both, and which
        (M,) look like their patch of the goal image. motion: (2, 3) of the image between both, about; None: not known.
        """
        index = np.flatnonzero(matches.matched)
        before = matches.current_points[index]
        guess = before if motion is None else before @ motion[:, :2].T + motion[:, 2]
        after, found = _flow(before_grey, grey, before, guess)
        size = np.array(grey.shape[::-1])
        inside = ((after >= _BORDER_PX) & (after <= size - 1 - _BORDER_PX)).all(axis=1)
        kept = found & inside & self._matcher.is_allowed(self.goal_points[index], after)
        index, after = index[kept], after[kept].astype(np.float64)
        after, near = self._matcher.aligned(grey, self.goal_points[index], after)
        return index, before[kept], after, near

    def _caught_up(self, grey: np.ndarray, index: np.ndarray, points: np.ndarray) -> Matches:
        """The matches of the detection that is done, followed from its image into this one.

        index: (M,) of the goal's keypoints that were followed through all images since, points: (M, 2) px, where to.
        """
        then_grey, future = self._detection
        self._detection = None
        then = future.result()
        motion = _similarity(then, self._matches(index, points, then.scores))
        index, _, after, near = self._followed(then, then_grey, grey, motion)
        return self._matches(index[near], after[near], then.scores)

    def _matches(self, index: np.ndarray, points: np.ndarray, scores: np.ndarray) -> Matches:
        """Matches of the goal's keypoints `index` (M,) at `points` (M, 2) px; scores: (N,) of all."""
        current, matched = np.full(self.goal_points.shape, np.nan), np.zeros(len(self.goal_points), dtype=bool)
        current[index], matched[index] = points, True
        return Matches(current, matched, np.where(matched, scores, 0).astype(np.float32))

    def _abandon(self) -> None:
        """Wait for the detection in the thread, as it uses the matcher, and forget what it finds."""
        if self._detection is not None:
            wait([self._detection[1]])
            self._detection = None

    def _joined(self, found: Followed) -> Matches:
        """The followed matches, and those of a detection that are new."""
        goal = self.goal_points
        current, scores = np.full(goal.shape, np.nan), np.zeros(len(goal), np.float32)
        current[found.index] = found.points
        scores[found.index] = self._last.scores[found.index]
        followed = Matches(current, np.isfinite(current).all(axis=1), scores)
        detected = found.detected if found.features is None else self._matcher.match_features(found.features)
        if detected is None:
            return followed
        # A detection does not depend on earlier images: where it differs, it is used.
        apart = np.linalg.norm(detected.current_points - current, axis=1)
        new = detected.matched & ~(apart < _SAME_PX)
        points = np.where(new[:, None], detected.current_points, current)
        index = np.flatnonzero(new | followed.matched)
        matched = np.zeros(len(goal), bool)
        matched[some(index[self._matcher.rigid(goal[index], points[index], self._loosely)])] = True
        kept = np.count_nonzero(matched & followed.matched & ~new)
        if max(_RIVALS, 2 * kept) < followed.num_matched:
            other = np.flatnonzero(matched)
            rivals = (found.index, found.points), (other, points[other])
            before, after = explained_by(self.goal_grey, found.grey, [(goal[index], px) for index, px in rivals])
            if before > after:
                return followed
        scores = np.where(new, detected.scores, scores)
        return Matches(np.where(matched[:, None], points, np.nan), matched, np.where(matched, scores, 0))


def _flow(
    grey: np.ndarray, next_grey: np.ndarray, points: np.ndarray, guess: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Where points (M, 2) px of one image are in the next one, float32, and which are found. guess: about where."""
    if len(points) == 0:
        return points.astype(np.float32), np.zeros(0, bool)  # OpenCV refuses no points
    after, found, _ = cv2.calcOpticalFlowPyrLK(
        grey, next_grey, points.astype(np.float32), guess.astype(np.float32),
        winSize=_WINDOW, maxLevel=_LEVELS, flags=cv2.OPTFLOW_USE_INITIAL_FLOW,
        criteria=(cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 10, 0.03),
    )  # fmt: skip
    return after, found.ravel() > 0


def _similarity(before: Matches | None, after: Matches) -> np.ndarray | None:
    """The motion (2, 3) of the image from one frame to the next; None: not known."""
    if before is None:
        return None
    both = before.matched & after.matched
    if np.count_nonzero(both) < 4:
        return None
    return cv2.estimateAffinePartial2D(before.current_points[both], after.current_points[both])[0]
