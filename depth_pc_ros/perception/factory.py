"""Matchers by name, and the interface that a matcher of your own needs."""

from typing import Any, Protocol

import numpy as np

from depth_pc_ros.config import LEARNED_MATCHERS, MatcherConfig
from depth_pc_ros.geometry.camera import Intrinsics
from depth_pc_ros.perception.checked import CheckedMatcher
from depth_pc_ros.perception.matchers import AkazeMatcher, BriskMatcher, Matcher, OrbMatcher, SiftMatcher
from depth_pc_ros.perception.tracking import TrackingMatcher
from depth_pc_ros.perception.wide_baseline import WideBaselineMatcher
from depth_pc_ros.perception.wide_stages import make_stages
from depth_pc_ros.types import Matches

_MATCHERS = {"akaze": AkazeMatcher, "sift": SiftMatcher, "orb": OrbMatcher, "brisk": BriskMatcher}


class AnyMatcher(Protocol):
    """The interface that `ServoPipeline` needs; see `Matcher` for shapes and errors."""

    @property
    def goal_points(self) -> np.ndarray: ...

    def set_goal(self, image: np.ndarray, intrinsics: Intrinsics) -> int: ...  # and `mask`, where one is used

    def detect(self, image: np.ndarray) -> Any: ...

    def match_features(self, features: Any) -> Matches: ...

    def forget(self) -> None: ...


def make_detecting_matcher(config: MatcherConfig) -> Matcher:
    """The matcher that `config.matcher` names, without tracking. ConfigError: its weights are missing."""
    if config.matcher in LEARNED_MATCHERS:
        from depth_pc_ros.perception.learned_matcher import LearnedMatcher  # only now: importing torch takes a while

        return LearnedMatcher(config)
    return _MATCHERS[config.matcher](config)


def make_matcher(config: MatcherConfig, background: bool = False, repeats: bool = True) -> CheckedMatcher:
    """The matcher that `config.matcher` names, tracking its matches where `config.track` says so, and checking them.

    Tracking needs the alignment with the goal's patches: without `refine` there is none. The search across a wide
    baseline needs tracking. background: a slow search for matches does not hold up the images, see
    `WideBaselineMatcher`. repeats: the same images give the same matches; else no detection holds them up either, see
    `TrackingMatcher`.
    """
    matcher = make_detecting_matcher(config)
    if not (config.track and config.refine):
        return CheckedMatcher(matcher)
    tracker = TrackingMatcher(matcher, background=not repeats)
    stages, missing = make_stages(config)
    if not stages:
        return CheckedMatcher(tracker)
    return CheckedMatcher(WideBaselineMatcher(tracker, config.matcher.upper(), stages, missing, background))
