"""Matches across a wide baseline, where the goal's own keypoints match too little: at the start, and after LOST.

Other keypoints are tried in their order, see `wide_stages`. Their matches are carried over to the goal's own keypoints
beside them. So a goal has one set of keypoints, whatever matched them first, and from there on they are tracked, and
detected anew as the view comes nearer to the goal's. All of it happens while the camera stands still.
"""

import threading
from dataclasses import replace

import cv2
import numpy as np

from depth_pc_ros.errors import DepthPcError
from depth_pc_ros.geometry.camera import Intrinsics
from depth_pc_ros.perception.agreement import small_texture
from depth_pc_ros.perception.goal_mask import check_mask
from depth_pc_ros.perception.matchers import Features, image_motion, is_at, some
from depth_pc_ros.perception.standing_still import explained_by, say_nearby, standing_still
from depth_pc_ros.perception.tracking import Followed, TrackingMatcher
from depth_pc_ros.perception.wide_stages import NOTHING, Found, Stage
from depth_pc_ros.types import Matches

ENOUGH = 200  # verified matches; with fewer of the goal's own keypoints SIFT is tried,
LITTLE = 40  # and with fewer then, learned ones
LEAST = 20  # with fewer in the end there is no first answer
_MANY = 300  # keypoints of a goal; where it has fewer, so are the three
SEARCHING = "searching with"  # in `Matches.doubt`, while it goes on
_RETRY_EVERY = 30  # images, where nothing was found
_STILL_PX, _STILL_IMAGES, _FAR_PX = 0.3, 25, 16.0  # matches that stay so long, so far from the goal, are of no use
_EXPLAINS = 0.4  # share of the goal's texture; matches that explain more are not held against others
# Median distance from the goal of matches that take the place of those that stand still, and how many times more they
# explain.
_MOVED_PX, _EXPLAINS_MORE = 12.0, 1.5
# From the place of a match to the keypoint of the goal that takes it over; more where that gives too few. So many of
# the nearest matches tell how the image moves there, as far as they lie apart by more than the last number.
_BESIDE_PX, _NEAREST, _APART_PX = (12.0, 20.0, 30.0), 10, 3.0
_AROUND = np.ones((17, 17), np.uint8)  # px, around what is explained, that keypoints at its border see
_SECONDS = 5  # of a slow search, on an idle core, at most


class _Search:
    """A slow search in one image (H, W) uint8; before, verified: the matches of faster ones."""

    def __init__(self, stage: Stage, grey: np.ndarray, before: Matches, verified: int):
        self.stage, self.grey, self.before, self.verified = stage, grey, before, verified
        self.done = threading.Event()
        self.found: Found = NOTHING
        self.problem = ""

    def run(self, *arguments) -> None:
        """Search; arguments: those of `Stage.match`. One search at a time uses the stage."""
        try:
            with self.stage.lock:
                self.found = self.stage.match(*arguments)
        except DepthPcError as error:
            self.problem = str(error)
        finally:
            self.done.set()


class WideBaselineMatcher:
    """A `TrackingMatcher` with the same interface that searches across a wide baseline while the camera stands still.

    own: name of its keypoints, stages: others in their order, missing: what to install for more, all for a person.
    background: a slow search runs in a thread, and images that come meanwhile are answered by no matches; else it runs
    in the second image, after the first was answered by none, so that nothing moves. `Matches.doubt` says it.
    """

    def __init__(
        self, matcher: TrackingMatcher, own: str, stages: list[Stage], missing: str = "", background: bool = False
    ):
        self._matcher = matcher
        self._own, self._stages, self._missing = own, stages, missing
        self._background = background
        self._given: np.ndarray | None = None  # where it is allowed to match,
        self._allowed: np.ndarray | None = None  # and where it is matched
        self._still_mask: np.ndarray | None = None  # what stood still at the first answer
        self._start()

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
        self._intrinsics = intrinsics
        self._given = self._allowed = None if mask is None else check_mask(mask, intrinsics.size)
        self._texture = small_texture(self._matcher.goal_grey)
        self._still_mask = None
        self._start()
        return count

    def allow(self, allowed: np.ndarray | None) -> None:
        """See `Matcher.allow`. What stood still at the first answer stays left out."""
        self._given = allowed
        self._leave_out(self._still_mask)

    def _leave_out(self, still: np.ndarray | None) -> None:
        """Match where it is allowed, and not where `still` (H, W) bool is true."""
        self._still_mask = still
        self._allowed = self._given
        if still is not None:
            self._allowed = ~still if self._given is None else self._given & ~still
        self._matcher.allow(self._allowed)

    def forget(self) -> None:
        """Start from a detection, and from rest."""
        self._matcher.forget()
        self._start()

    def _start(self) -> None:
        self._at_rest = True  # the last image was answered by no matches, so that nothing moves
        self._search: _Search | None = None
        self._wait = 0  # images until the next search
        self._before: Matches | None = None  # the last matches,
        self._still = 0  # and for how many images they have not moved
        self._answered: tuple[np.ndarray, Matches] | None = None  # an image, and what was found in it
        self._weighed: np.ndarray | None = None  # the last image in which matches that stand still had no rival

    def match_other(self, features: Features, explained: np.ndarray) -> tuple[Matches, int]:
        """See `Matcher.match_other`. Where the goal's own keypoints match too little, fast stages search."""
        other, num_alike = self._matcher.match_other(features, explained)
        little = int(self._of_goal(LITTLE))
        if other.num_matched < little:
            verified = max(other.num_matched, little - 1)  # fewer may agree by chance
            left = cv2.erode((~explained).astype(np.uint8), _AROUND).astype(bool)
            left = left if self._allowed is None else left & self._allowed
            other, _ = self._with_fast(features.grey, other, verified, left)
        return other, num_alike

    def follow(self, matches: Matches, grey: np.ndarray) -> None:
        """See `TrackingMatcher.follow`."""
        self._take(grey, matches)

    def detect_next(self) -> None:
        """See `TrackingMatcher.detect_next`."""
        self._matcher.detect_next()

    def detect(self, image: np.ndarray) -> Features | Followed:
        """See `TrackingMatcher.detect`."""
        return self._matcher.detect(image)

    def match_features(self, found: Features | Followed) -> Matches:
        """Matches from what `detect` found; none while a search goes on."""
        matches = self._matcher.match_features(found)
        if self._at_rest and (moving := self._moving(found.grey, matches)) is not None:
            return self._take(found.grey, moving)
        if not self._stages or matches.num_matched >= self._of_goal(ENOUGH):
            self._search, self._at_rest, self._wait = None, False, 0
            return matches
        if self._answered is not None and np.array_equal(found.grey, self._answered[0]):
            return self._take(*self._answered)  # the same image, so that the tracker started afresh
        if not self._at_rest:
            too_few = self._too_few(matches)
            self._at_rest = too_few or self._stays(matches)
            return self._none(self._searching_anew) if too_few else matches
        if self._search is not None:
            return self._go_on(found.grey)
        if self._wait and matches.num_matched < self._of_goal(LEAST):
            self._wait -= 1
            return self._none(self._failed)
        return self._searched(found.grey, matches)

    def _too_few(self, matches: Matches) -> bool:
        """Whether an image's matches are so few, and so far from the goal, that they may agree by chance."""
        if matches.num_matched >= self._of_goal(LEAST):
            return False
        away = np.linalg.norm(matches.current_points - self.goal_points, axis=1)[matches.matched]
        return not matches.num_matched or bool(np.median(away) > _FAR_PX)

    def _stays(self, matches: Matches) -> bool:
        """Whether a few matches far from the goal have not moved for a while: the servo makes nothing of them."""
        before, self._before = self._before or matches, matches
        both = matches.matched & before.matched
        moved, away = matches.current_points - before.current_points, matches.current_points - self.goal_points
        moved_px, away_px = (np.median(np.linalg.norm(px[both], axis=1)) if both.any() else 0 for px in (moved, away))
        stays = moved_px < _STILL_PX and away_px > _FAR_PX
        self._still = self._still + 1 if stays and matches.num_matched < self._of_goal(LITTLE) else 0
        return self._still >= _STILL_IMAGES

    def _moving(self, grey: np.ndarray, matches: Matches) -> Matches | None:
        """Matches of the scene, where those of an image stand still and the picture says that the camera does not.

        None: the picture agrees with them, or there are too few others. What stands still is left out from then on.
        """
        if self._still_mask is not None or grey is self._weighed:
            return None
        if not say_nearby(*self._of(matches)):
            return None
        self._weighed = grey
        still = standing_still(self._texture, grey, self._given)
        if still is None:
            return None
        (explained,) = explained_by(self._matcher.goal_grey, grey, [self._of(matches)])
        if explained > _EXPLAINS:
            return None
        self._leave_out(still)
        self._matcher.forget()
        own = self._matcher.match(cv2.cvtColor(grey, cv2.COLOR_GRAY2RGB))
        others, verified = self._with_fast(grey, own, own.num_matched, self._allowed)
        away = np.linalg.norm(others.current_points - self.goal_points, axis=1)[others.matched]
        if verified >= self._of_goal(LEAST) and np.median(away) > _MOVED_PX:
            (after,) = explained_by(self._matcher.goal_grey, grey, [self._of(others)])
            if after > _EXPLAINS_MORE * explained:
                return others
        self._leave_out(None)
        self._matcher.follow(matches, grey)
        return None

    def _of(self, matches: Matches) -> tuple[np.ndarray, np.ndarray]:
        """Matches as (M, 2) px in the goal and in the live image."""
        return self.goal_points[matches.matched], matches.current_points[matches.matched]

    def _with_fast(
        self, grey: np.ndarray, matches: Matches, verified: int, places: np.ndarray | None
    ) -> tuple[Matches, int]:
        """Matches of an image together with those of the fast stages, and how many of all agree on one motion.

        verified: so many do so far. places: (H, W) bool, where they may be in both images; None: everywhere.
        """
        for stage in self._stages:
            if not stage.slow:
                found = stage.match(self._matcher.goal_grey, grey, self._intrinsics, places)
                matches, verified = self._joined(grey, matches, verified, found, places)
        return matches, verified

    def _searched(self, grey: np.ndarray, matches: Matches) -> Matches:
        """The answer to an image in which the goal's own keypoints match too little, with the camera at rest."""
        matches, verified = self._with_fast(grey, matches, matches.num_matched, self._allowed)
        slow = next((stage for stage in self._stages if stage.slow), None)
        if slow is not None and verified < self._of_goal(LITTLE):
            return self._begin(_Search(slow, grey, matches, verified))
        return self._answer(grey, matches, verified)

    def _of_goal(self, count: int) -> float:
        """So many matches, or a share where the goal has few keypoints."""
        return count * min(1.0, len(self.goal_points) / _MANY)

    def _answer(self, grey: np.ndarray, matches: Matches, verified: int) -> Matches:
        """The answer when all was tried: none, and another try later, where too few matches are verified."""
        self._search, self._still = None, 0
        if verified < self._of_goal(LEAST) or not matches.num_matched:
            self._matcher.forget()
            self._wait = _RETRY_EVERY
            return self._none(self._failed)
        moving = self._moving(grey, matches)
        return self._take(grey, matches if moving is None else moving)

    def _take(self, grey: np.ndarray, matches: Matches) -> Matches:
        """Take these matches of an image for the answer, and follow them."""
        self._matcher.follow(matches, grey, loosely=True)
        self._answered, self._at_rest = (grey, matches), False
        return matches

    def _begin(self, search: _Search) -> Matches:
        """Begin a slow search; nothing moves meanwhile."""
        self._search = search
        if self._background:
            threading.Thread(target=search.run, args=self._arguments(search.grey), daemon=True).start()
        return self._none(self._searching)

    def _go_on(self, grey: np.ndarray) -> Matches:
        """The answer while a slow search goes on, or when it is done."""
        search = self._search
        if not self._background:
            search.run(*self._arguments(search.grey))
        if not search.done.is_set():
            return self._none(self._searching)
        if search.problem:
            self._stages = [stage for stage in self._stages if stage is not search.stage]
            self._missing = f"{search.stage.name}: {search.problem}"
        matches, verified = self._joined(search.grey, search.before, search.verified, search.found, self._allowed)
        answer = self._answer(search.grey, matches, verified)
        if np.array_equal(grey, search.grey) or not answer.num_matched:
            return answer
        return self._none("")  # the next image is followed from the one that was searched

    def _arguments(self, grey: np.ndarray) -> tuple:
        return self._matcher.goal_grey, grey, self._intrinsics, self._allowed

    def _joined(
        self, grey: np.ndarray, matches: Matches, verified: int, found: Found, places: np.ndarray | None
    ) -> tuple[Matches, int]:
        """Matches of an image together with those of a stage, and how many of all agree on one rigid motion.

        places: (H, W) bool, where they may be in both images; None: everywhere.
        """
        own = np.flatnonzero(matches.matched)
        goal_px = np.concatenate([found[0], self.goal_points[own]])
        live_px = np.concatenate([found[1], matches.current_points[own]])
        rigid = self._matcher.rigid(goal_px, live_px)
        if np.count_nonzero(rigid) <= verified:  # the same matches, and tracked as they are
            return matches, verified
        others = np.flatnonzero(rigid[: len(found[0])])
        own = own[rigid[len(found[0]) :]]
        index, carried, carried_scores = self._carried(goal_px[others], live_px[others], found[2][others], places)
        current, scores = np.full(self.goal_points.shape, np.nan), np.zeros(len(self.goal_points), np.float32)
        current[index], scores[index] = carried, carried_scores
        current[own], scores[own] = matches.current_points[own], matches.scores[own]
        index = some(np.union1d(index, own).astype(int))
        matched = np.zeros(len(current), bool)
        matched[index] = True
        current[index], _ = self._matcher.aligned(grey, self.goal_points[index], current[index])
        current[~matched], scores[~matched] = np.nan, 0
        return Matches(current, matched, scores), int(np.count_nonzero(rigid))

    def _carried(self, goal_px: np.ndarray, live_px: np.ndarray, scores: np.ndarray, places: np.ndarray | None):
        """Matches carried over to the goal's keypoints beside them: index (M,), live px (M, 2), scores (M,).

        places: (H, W) bool, where they may be in both images; None: everywhere.
        """
        motion = image_motion(goal_px, live_px)
        if motion is None:
            return np.zeros(0, int), np.zeros((0, 2)), np.zeros(0, np.float32)
        apart = np.linalg.norm(self.goal_points[:, None] - goal_px, axis=-1)
        nearest_px = apart.min(axis=1)
        index = np.zeros(0, int)
        for beside_px in _BESIDE_PX:
            if len(index) < LITTLE:
                index = np.flatnonzero(nearest_px < beside_px)
        near = np.argsort(apart[index], axis=1)[:, :_NEAREST]
        carried = _moved_with(self.goal_points[index], goal_px[near], live_px[near], motion[:, :2])
        kept = is_at(places, self.goal_points[index]) & is_at(places, carried)
        return index[kept], carried[kept], scores[near[kept, 0]]

    def _none(self, doubt: str) -> Matches:
        return replace(Matches.none(len(self.goal_points)), doubt=doubt)

    @property
    def _tried(self) -> str:
        return " and ".join([self._own, *(stage.name for stage in self._stages if not stage.slow)])

    @property
    def _searching(self) -> str:
        return f"{self._tried} match too little: {SEARCHING} {self._search.stage.name}, at most about {_SECONDS} s"

    @property
    def _searching_anew(self) -> str:
        return f"{self._own} matches too little on the way: {SEARCHING} {self._tried}"

    @property
    def _failed(self) -> str:
        names = ", ".join([self._own, *(stage.name for stage in self._stages)])
        hint = f"; {self._missing}" if self._missing else ""
        return f"no match with {names}: bring the camera nearer to the goal's view{hint}"


def _moved_with(points: np.ndarray, goal_px: np.ndarray, live_px: np.ndarray, A: np.ndarray) -> np.ndarray:
    """Where points (M, 2) px of the goal image are in the live one, by the nearest matches of each, (M, K, 2) px.

    They give a local affine map each, by ridge regression towards A (2, 2), that of the whole image.
    """
    weights = 1 / (np.linalg.norm(goal_px - points[:, None], axis=-1) + _APART_PX) ** 2
    weights /= weights.sum(axis=1, keepdims=True)
    goal_mean, live_mean = (np.einsum("mk,mki->mi", weights, px) for px in (goal_px, live_px))
    goal_px, live_px = goal_px - goal_mean[:, None], live_px - live_mean[:, None]
    spread = np.einsum("mk,mki,mkj->mij", weights, goal_px, goal_px) + _APART_PX**2 * np.eye(2)
    missing = np.einsum("mk,mki,mkj->mij", weights, live_px - goal_px @ A.T, goal_px)
    local = A + missing @ np.linalg.inv(spread)
    return live_mean + np.einsum("mij,mj->mi", local, points - goal_mean)
