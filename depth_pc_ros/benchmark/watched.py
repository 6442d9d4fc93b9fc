"""Matcher and law as the servo has them, with a look at what goes through them."""

from depth_pc_ros.control.base import ControlLaw
from depth_pc_ros.perception.factory import AnyMatcher
from depth_pc_ros.types import LawOutput, Matches, Observation


class DisturbedMatcher:
    """A matcher whose matches are made worse before the servo sees them; the same interface. last: the newest ones."""

    def __init__(self, matcher: AnyMatcher, disturb):
        self._matcher = matcher
        self._disturb = disturb
        self.last: Matches | None = None

    def __getattr__(self, name: str):
        return getattr(self._matcher, name)

    def match_features(self, features) -> Matches:
        self.last = self._disturb(self._matcher.match_features(features))
        return self.last


class WatchedLaw(ControlLaw):
    """A law that keeps its newest answer; None: it has given none since the last image that it saw."""

    def __init__(self, law: ControlLaw):
        self._law = law
        self.last: LawOutput | None = None

    def reset(self) -> None:
        self._law.reset()
        self.last = None

    def __call__(self, observation: Observation) -> LawOutput:
        self.last = None
        self.last = self._law(observation)
        return self.last
