"""Keypoint matchers: the goal's features are extracted once, each live image is matched against them.

One small base class holds the matching; a subclass only names its detector. Matching is nearest neighbour with
Lowe's ratio test, one goal keypoint per live keypoint, then a vote on rotation, scale and translation of the
whole image, then a robust geometric check (MAGSAC), then a sub-pixel alignment of the matched patches: a detector's
positions of one corner differ between two images by up to a pixel.

Source of ratio test and vote: D. G. Lowe, "Distinctive image features from scale-invariant keypoints", IJCV 2004.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from depth_pc_ros.config import MatcherConfig
from depth_pc_ros.errors import DepthPcError, GoalError, GoalTextureError
from depth_pc_ros.geometry.camera import Intrinsics
from depth_pc_ros.geometry.magsac import magsac
from depth_pc_ros.perception.goal_mask import check_mask
from depth_pc_ros.types import Matches

AKAZE_THRESHOLD = 0.0002  # a fifth of OpenCV's: more keypoints on plain objects; max_keypoints bounds the rest
MOST_MATCHES = 300  # in use at a time: more take time and add little
_ITERATIONS = 2000  # of MAGSAC
_LOOSER = 3.0  # factor of its tolerance, for matches that are not aligned
_NEAR_PX, _NEAR_TOLERANCE_PX = 8.0, 4.0  # median displacement near the goal; of a homography there
# The alignment: largest displacement (px), and largest mean difference of equalised grey values, between those of right
# matches and those of unrelated patches.
_ALIGN_WINDOW = (21, 21)
_ALIGN_PX, _ALIKE = 4.0, 20.0
_FORESHORTENED, _TOO_LONG = 1.4, 6.0  # an ellipse's axes in the live image, of a circle in the goal image
_LOOSE_PX = 10.0  # the affine map need not fit the relief
# The vote: number of matches that vote, and how far another may differ: rad, log ratio, px, share of the distance.
_VOTERS = 64
_VOTE_ROTATION, _VOTE_SCALE = np.radians(30), np.log(1.6)
_VOTE_TRANSLATION_PX, _VOTE_TRANSLATION_SHARE = 20.0, 0.35
# With this many voted matches, more are searched where these predict them: fewer may agree by chance, with more it is
# not worth the time.
_VOTE_MIN, _SPARSE = 24, 100
_OTHER_PX = 12.0  # a match of another motion than the goal's own place is at least so far from it


@dataclass(frozen=True)
class Features:
    """Keypoints of one image.

    points: (N, 2) float64 px. descriptors: (N, D). grey: the image (H, W) uint8.
    """

    points: np.ndarray
    descriptors: np.ndarray
    grey: np.ndarray


@dataclass(frozen=True)
class OrientedFeatures(Features):
    """Keypoints of a detector that measures their angles (N,) rad and sizes (N,) px."""

    angles: np.ndarray
    sizes: np.ndarray


class Matcher:
    """Base of all matchers. Subclasses set the OpenCV norm and build the detector."""

    norm = cv2.NORM_HAMMING

    def __init__(self, config: MatcherConfig):
        self.config = config
        self._detector = self._make_detector()
        self._brute_force = cv2.BFMatcher(self.norm)
        self._goal: Features | None = None
        self._intrinsics: Intrinsics | None = None
        self._allowed: np.ndarray | None = None

    def _make_detector(self):
        raise NotImplementedError

    def forget(self) -> None:
        """Forget the last image: nothing to forget here."""

    def follow(self, matches: Matches, grey: np.ndarray) -> None:
        """Follow other matches, of a live image (H, W) uint8: nothing is followed here."""

    def detect_next(self) -> None:
        """Detect keypoints in the next image: it is done in every image."""

    @property
    def goal_points(self) -> np.ndarray:
        """The goal's keypoints (N, 2) float64 in px."""
        if self._goal is None:
            raise GoalError("matcher: no goal image has been set; call set_goal first")
        return self._goal.points

    @property
    def goal_grey(self) -> np.ndarray | None:
        """The goal image (H, W) uint8; None: none is set."""
        return None if self._goal is None else self._goal.grey

    def set_goal(self, image: np.ndarray, intrinsics: Intrinsics, mask: np.ndarray | None = None) -> int:
        """Extract the goal's features, return their number. image: (H, W, 3) uint8 RGB, rectified.

        mask: (H, W) uint8 or bool, zero where nothing is to be matched in goal and live images; None: all is matched.
        Raises ImageError (mask), or GoalTextureError when there are too few; the old goal stays.
        """
        before = self._allowed
        self.allow(None if mask is None else check_mask(mask, intrinsics.size))
        try:
            features = self._goal_features(image)
        except DepthPcError:
            self.allow(before)
            raise
        self._goal, self._intrinsics = features, intrinsics
        self._goal_equalised = _equalised(features.grey)
        return len(features.points)

    def _goal_features(self, image: np.ndarray) -> Features:
        """The features of a goal image. Raises GoalTextureError."""
        features = self.detect(image)
        if len(features.points) < self.config.min_keypoints:
            raise GoalTextureError(
                f"goal image: {self.config.matcher} finds {len(features.points)} keypoints, at least "
                f"{self.config.min_keypoints} are needed; show more texture, or move closer"
            )
        return features

    def allow(self, allowed: np.ndarray | None) -> None:
        """From now on, match only where `allowed` (H, W) bool is true, in goal and live images; None: everywhere."""
        self._allowed = allowed

    def is_allowed(self, goal_px: np.ndarray, live_px: np.ndarray) -> np.ndarray:
        """Mask (M,) of matches, (M, 2) px in goal and live image, that lie where it is allowed."""
        return is_at(self._allowed, goal_px) & is_at(self._allowed, live_px)

    def detect(self, image: np.ndarray) -> Features:
        """The strongest keypoints of an image (H, W, 3) uint8 RGB, where it is allowed."""
        grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
        allowed = None if self._allowed is None else self._allowed.astype(np.uint8)
        keypoints, descriptors = self._described(grey, allowed)
        if not keypoints:
            return OrientedFeatures(np.zeros((0, 2)), np.zeros((0, 1), np.uint8), grey, np.zeros(0), np.zeros(0))
        table = np.array([(*k.pt, np.radians(k.angle), k.size, k.response) for k in keypoints], dtype=np.float64)
        if len(table) > self.config.max_keypoints:
            strongest = np.sort(np.argsort(-table[:, 4], kind="stable")[: self.config.max_keypoints])
            table, descriptors = table[strongest], descriptors[strongest]
        return OrientedFeatures(table[:, :2], descriptors, grey, table[:, 2], table[:, 3])

    def _described(self, grey: np.ndarray, allowed: np.ndarray | None):
        """OpenCV's keypoints and descriptors (N, D), where `allowed` (H, W) uint8 is not zero; None: everywhere."""
        return self._detector.detectAndCompute(grey, allowed)

    def match(self, image: np.ndarray) -> Matches:
        """Matches of a live image (H, W, 3) uint8 RGB with the goal."""
        return self.match_features(self.detect(image))

    def match_features(self, features: Features) -> Matches:
        """Matches of a live image's features with the goal."""
        return self._rigid_matches(features, *self._candidates(features))

    def match_other(self, features: Features, explained: np.ndarray) -> tuple[Matches, int]:
        """Matches of a motion other than none at all, the next step of a sequential consensus after `match_features`.

        explained: (H, W) bool, where goal and live image are explained already. With them comes of how many the patches
        look alike.
        """
        goal_left, live_left = ~is_at(explained, self.goal_points), ~is_at(explained, features.points)
        away = np.subtract.outer((self.goal_points @ (1, 1j)).astype(np.complex64), features.points @ (1, 1j))
        allowed = (np.abs(away) > _OTHER_PX) & np.logical_and.outer(goal_left, live_left)
        other = self._rigid_matches(features, *self._candidates(features, allowed.astype(np.uint8)))
        _, alike = self.aligned(
            features.grey, goal_px=self.goal_points[other.matched], live_px=other.current_points[other.matched]
        )
        return other, int(np.count_nonzero(alike))

    def _rigid_matches(self, features: Features, goal_index, live_px, scores) -> Matches:
        """Those of the candidates that are rigid, aligned."""
        goal = self.goal_points
        keep = some(np.flatnonzero(self.rigid(goal[goal_index], live_px)))
        goal_index, live_px, scores = goal_index[keep], live_px[keep], scores[keep]

        current = np.full(goal.shape, np.nan)
        matched = np.zeros(len(goal), dtype=bool)
        score = np.zeros(len(goal), dtype=np.float32)
        current[goal_index] = live_px
        if self.config.refine:
            current[goal_index], _ = self.aligned(features.grey, goal[goal_index], current[goal_index])
        matched[goal_index] = True
        score[goal_index] = scores
        return Matches(current, matched, score)

    def _candidates(self, features: Features, allowed=None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Goal indices (M,), live positions (M, 2) px and scores (M,) of matches, one to one, to check for rigidity.

        allowed: (goal, live) uint8, pairs to choose from; None: all.
        """
        goal_index, live_index, scores = self._voted(features, self._putative(features, allowed))
        if _VOTE_MIN <= len(goal_index) < _SPARSE:
            near = self._near(features, goal_index, live_index)
            guided = self._voted(features, self._putative(features, near if allowed is None else near & allowed))
            if len(guided[0]) > len(goal_index):
                goal_index, live_index, scores = guided
        return goal_index, features.points[live_index], scores

    def _putative(self, features: OrientedFeatures, allowed=None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Indices into goal and live features, and scores, after the ratio test; one to one.

        allowed: (goal, live) uint8, pairs to choose from; None: all.
        """
        if len(features.points) < 2:
            return np.zeros(0, int), np.zeros(0, int), np.zeros(0, np.float32)
        pairs = self._brute_force.knnMatch(self._goal.descriptors, features.descriptors, k=2, mask=allowed)
        rows = [(p[0].queryIdx, p[0].trainIdx, p[0].distance, p[1].distance) for p in pairs if len(p) == 2]
        table = np.array(rows, dtype=np.float64).reshape(-1, 4)
        ratio = table[:, 2] / np.maximum(table[:, 3], 1e-9)
        kept = ratio < self.config.ratio
        if self._allowed is not None:
            index = table[:, :2].astype(int)
            kept &= self.is_allowed(self._goal.points[index[:, 0]], features.points[index[:, 1]])
        table, ratio = table[kept], ratio[kept]
        order = np.argsort(table[:, 2], kind="stable")
        _, first = np.unique(table[order, 1], return_index=True)
        best = np.sort(order[first])
        return table[best, 0].astype(int), table[best, 1].astype(int), (1 - ratio[best]).astype(np.float32)

    def _voted(self, live: OrientedFeatures, putative) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Those of the putative matches that the vote keeps."""
        goal_index, live_index, scores = putative
        kept = self._vote(live, goal_index, live_index)
        return goal_index[kept], live_index[kept], scores[kept]

    def _near(self, live: OrientedFeatures, goal_index: np.ndarray, live_index: np.ndarray) -> np.ndarray:
        """Pairs (goal, live) uint8 whose rotation, scale and translation are about those of the few given matches.

        With fewer alternatives the ratio test keeps more matches, also where the view has changed a lot.
        """
        goal = self._goal
        rotation = np.angle(np.exp(1j * (live.angles[live_index] - goal.angles[goal_index])).mean())
        log_scale = np.median(np.log(live.sizes[live_index] / goal.sizes[goal_index]))
        goal_z, live_z = goal.points @ (1, 1j), live.points @ (1, 1j)
        away = goal_z - goal_z[goal_index].mean()
        expected = live_z[live_index].mean() + np.exp(log_scale + 1j * rotation) * away
        tolerance = _VOTE_TRANSLATION_PX + _VOTE_TRANSLATION_SHARE * np.abs(away)

        def differ(a: np.ndarray, b: np.ndarray) -> np.ndarray:
            return np.subtract.outer(a.astype(np.float32), b.astype(np.float32))

        square = differ(expected.real, live_z.real) ** 2 + differ(expected.imag, live_z.imag) ** 2
        near = square < (tolerance.astype(np.float32) ** 2)[:, None]
        near &= np.abs(differ(np.log(goal.sizes) + log_scale, np.log(live.sizes))) < _VOTE_SCALE
        rotation_error = np.abs(differ(np.mod(goal.angles + rotation, 2 * np.pi), np.mod(live.angles, 2 * np.pi)))
        near &= (rotation_error < _VOTE_ROTATION) | (rotation_error > 2 * np.pi - _VOTE_ROTATION)
        return near.astype(np.uint8)

    def _vote(self, live: OrientedFeatures, goal_index: np.ndarray, live_index: np.ndarray) -> np.ndarray:
        """Mask (M,) of putative matches in the largest group with alike rotation, scale and translation.

        The angles and sizes of a match's keypoints give rotation and scale of the image around it, and so predict every
        other match. Wrong matches agree on this by chance much less often than on epipolar geometry.
        """
        if len(goal_index) == 0:
            return np.zeros(0, dtype=bool)
        goal_px, live_px = self._goal.points[goal_index], live.points[live_index]
        rotation = live.angles[live_index] - self._goal.angles[goal_index]
        log_scale = np.log(live.sizes[live_index] / self._goal.sizes[goal_index])
        seeds = np.unique(np.linspace(0, len(rotation) - 1, _VOTERS).astype(int))
        rotation_error = np.angle(np.exp(1j * (rotation - rotation[seeds, None])))
        # Pixels as complex numbers: rotation and scale are one product.
        goal_z, live_z = goal_px @ (1, 1j), live_px @ (1, 1j)
        away = live_z - live_z[seeds, None]
        expected = np.exp(log_scale + 1j * rotation)[seeds, None] * (goal_z - goal_z[seeds, None])
        alike = (
            (np.abs(rotation_error) < _VOTE_ROTATION)
            & (np.abs(log_scale - log_scale[seeds, None]) < _VOTE_SCALE)
            & (np.abs(away - expected) < _VOTE_TRANSLATION_PX + _VOTE_TRANSLATION_SHARE * np.abs(away))
        )
        return alike[np.argmax(np.count_nonzero(alike, axis=1))]

    def rigid(self, goal_px: np.ndarray, live_px: np.ndarray, loosely: bool = False) -> np.ndarray:
        """Mask (M,) of matches, (M, 2) px in goal and live image, that one rigid motion explains; loosely: about.

        Near the goal the epipolar geometry degenerates (every match is on its own epipolar line), but there a
        homography explains the parallax of a scene's relief to within a few pixels, so it is used instead, with a wider
        tolerance. What it leaves out may still be right, as far from the plane: the epipolar geometry may keep it.
        """
        if len(goal_px) < 8:
            return np.zeros(len(goal_px), dtype=bool)
        if np.median(np.linalg.norm(goal_px - live_px, axis=1)) >= _NEAR_PX:
            return self._epipolar(goal_px, live_px, _LOOSER if loosely else 1.0)
        _, mask = cv2.findHomography(goal_px, live_px, magsac(_NEAR_TOLERANCE_PX, _ITERATIONS))
        kept = _as_bool(mask, len(goal_px))
        return kept if kept.all() else kept | self._epipolar(goal_px, live_px)

    def _epipolar(self, goal_px: np.ndarray, live_px: np.ndarray, looser: float = 1.0) -> np.ndarray:
        """Mask (M,) of matches that agree with one essential matrix; looser: factor of the tolerance."""
        # On pixels scaled like normalised coordinates times one focal length, the threshold stays in pixels.
        K = self._intrinsics.matrix
        _, mask = cv2.findEssentialMat(
            goal_px, live_px, K, K, None, None, magsac(looser * self.config.ransac_px, _ITERATIONS)
        )  # fmt: skip
        return _as_bool(mask, len(goal_px))

    def aligned(self, grey: np.ndarray, goal_px: np.ndarray, live_px: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Sub-pixel live positions (M, 2), and which (M,) were found: the others stay where they are.

        Lucas-Kanade from the goal image, brought to the live one by `image_motion`, `grey` (H, W) uint8.
        Source: B. Lucas, T. Kanade, "An iterative image registration technique", IJCAI 1981.
        """
        motion = image_motion(goal_px, live_px)
        if motion is None:
            return live_px, np.zeros(len(live_px), dtype=bool)
        size = grey.shape[::-1]
        warped = cv2.warpAffine(self._goal_equalised, motion, size, borderMode=cv2.BORDER_REPLICATE)
        warped_px = (goal_px @ motion[:, :2].T + motion[:, 2]).astype(np.float32)
        guess = live_px.astype(np.float32)
        aligned, found, difference = cv2.calcOpticalFlowPyrLK(
            warped, _equalised(grey), warped_px, guess.copy(),
            winSize=_ALIGN_WINDOW, maxLevel=0, flags=cv2.OPTFLOW_USE_INITIAL_FLOW,
        )  # fmt: skip
        alike = (found.ravel() > 0) & (difference.ravel() < _ALIKE)
        alike &= np.linalg.norm(aligned - guess, axis=1) < _ALIGN_PX
        return np.where(alike[:, None], aligned.astype(np.float64), live_px), alike


def _as_bool(mask: np.ndarray | None, count: int) -> np.ndarray:
    """OpenCV's mask as (count,) bool; nothing where it found no model."""
    return np.zeros(count, dtype=bool) if mask is None else mask.ravel().astype(bool)


def image_motion(goal_px: np.ndarray, live_px: np.ndarray) -> np.ndarray | None:
    """The similarity (2, 3) that fits most matches; an affine map where the view is foreshortened; None: none fits."""
    if len(goal_px) < 4:
        return None
    affine, _ = cv2.estimateAffine2D(goal_px, live_px, ransacReprojThreshold=_LOOSE_PX)
    if affine is not None:
        long, short = np.linalg.svd(affine[:, :2], compute_uv=False)
        if _FORESHORTENED * short < long < _TOO_LONG * short:
            return affine
    return cv2.estimateAffinePartial2D(goal_px, live_px)[0]


def some(index: np.ndarray) -> np.ndarray:
    """At most MOST_MATCHES of the indices (M,), evenly: keypoints come in the order of their scale and place."""
    return index[np.linspace(0, len(index) - 1, min(len(index), MOST_MATCHES)).round().astype(int)]


def is_at(mask: np.ndarray | None, pixels: np.ndarray) -> np.ndarray:
    """Values (M,) of a mask (H, W) bool at pixels (M, 2); outside, those of its border. None: true everywhere."""
    if mask is None:
        return np.ones(len(pixels), dtype=bool)
    column, row = np.clip(np.rint(pixels), 0, np.array(mask.shape[::-1]) - 1).astype(int).T
    return mask[row, column]


def _equalised(grey: np.ndarray) -> np.ndarray:
    """The image (H, W) uint8 with the same mean and contrast everywhere, so that another light looks the same."""
    side, noise, mean, contrast = (21, 21), 4.0, 128.0, 40.0
    local_mean = cv2.boxFilter(grey, cv2.CV_32F, side)
    variance = cv2.subtract(cv2.sqrBoxFilter(grey, cv2.CV_32F, side), cv2.multiply(local_mean, local_mean))
    deviation = cv2.sqrt(cv2.add(cv2.max(variance, 0.0), noise**2))
    centred = cv2.subtract(grey, local_mean, dtype=cv2.CV_32F)
    return cv2.add(cv2.divide(centred, deviation, scale=contrast), mean, dtype=cv2.CV_8U)


class AkazeMatcher(Matcher):
    """P. F. Alcantarilla et al., "Fast explicit diffusion for accelerated features in nonlinear scale spaces", 2013."""

    def _make_detector(self):
        return cv2.AKAZE_create(threshold=AKAZE_THRESHOLD)


class SiftMatcher(Matcher):
    """D. G. Lowe, "Distinctive image features from scale-invariant keypoints", IJCV 2004."""

    norm = cv2.NORM_L2

    def _make_detector(self, **options):
        return cv2.SIFT_create(**{"nfeatures": self.config.max_keypoints, **options})

    def _described(self, grey: np.ndarray, allowed: np.ndarray | None):
        """See `Matcher`. OpenCV counts the keypoints before it applies the mask: here those that are left count."""
        if allowed is None:
            return super()._described(grey, allowed)
        detector = self._make_detector(nfeatures=0)
        keypoints = sorted(detector.detect(grey, allowed), key=lambda keypoint: -keypoint.response)
        return detector.compute(grey, keypoints[: self.config.max_keypoints])


class OrbMatcher(Matcher):
    """E. Rublee et al., "ORB: an efficient alternative to SIFT or SURF", ICCV 2011."""

    def _make_detector(self):
        return cv2.ORB_create(nfeatures=self.config.max_keypoints)


class BriskMatcher(Matcher):
    """S. Leutenegger et al., "BRISK: binary robust invariant scalable keypoints", ICCV 2011."""

    def _make_detector(self):
        return cv2.BRISK_create()
