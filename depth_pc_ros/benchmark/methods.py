"""The methods under test. One small class each; adding one touches this file (or a file of its own) and METHODS.

A method gets a goal and then frame by frame an image, and answers a `StepResult`. Every method runs under the same
velocity law and the same stopping rule.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from depth_pc_ros.benchmark.episodes import Places
from depth_pc_ros.benchmark.flow import DisFlow, FlowMatcher, RaftFlow
from depth_pc_ros.benchmark.settings import Settings
from depth_pc_ros.config import MatcherConfig, PipelineConfig
from depth_pc_ros.control.limits import Ramp, VelocityLaw
from depth_pc_ros.control.stopping import StoppingRule
from depth_pc_ros.errors import ConfigError
from depth_pc_ros.geometry import se3
from depth_pc_ros.geometry.camera import Intrinsics
from depth_pc_ros.perception.tracking import make_matcher
from depth_pc_ros.pipeline import ServoPipeline
from depth_pc_ros.types import Matches, ServoState, StepResult

_NOWHERE = Places()
ESTIMATE_EVERY = 6  # frames: 8 estimates a second at the paper's 50 Hz


@dataclass(frozen=True)
class Goal:
    """What a method is told about the goal.

    image: (H, W, 3) uint8 RGB, or None for methods without eyes. depth_m: (H, W) metres or None. distance_m: the
    prior, camera to scene centre; None: not told. peaks: m/s and rad/s, as `paper_peaks` gives them. T_world_goal
    (4, 4) and centre (3,) are for the oracle only.
    """

    image: np.ndarray | None
    depth_m: np.ndarray | None
    distance_m: float | None
    intrinsics: Intrinsics
    peaks: tuple[float, float]
    T_world_goal: np.ndarray
    centre: np.ndarray


@dataclass(frozen=True)
class Frame:
    """One moment. image, depth_m as in `Goal`. T_world_cam (4, 4) is for the oracle only."""

    image: np.ndarray | None
    depth_m: np.ndarray | None
    stamp_s: float
    T_world_cam: np.ndarray


def paper_peaks(T_world_start: np.ndarray, T_world_goal: np.ndarray) -> tuple[float, float]:
    """Twice the straight way a second, m/s and rad/s (poses (4, 4)).

    The paper's law begins so where the camera goes straight.
    """
    law = VelocityLaw.from_config(PipelineConfig(speed="paper"))
    twist = law.target(se3.pbvs_twist(se3.inverse(T_world_start) @ T_world_goal))
    return float(np.linalg.norm(twist[:3])), float(np.linalg.norm(twist[3:]))


def speed_options(settings: Settings, goal: Goal) -> dict:
    """The velocity law's options of `PipelineConfig` in this episode."""
    if settings.speed != "paper_peaks":
        return {"speed": settings.speed}
    linear, angular = np.maximum(goal.peaks, 0.001).tolist()
    return {"speed": "swift", "max_linear": linear, "max_angular": angular}


class Method:
    """Base of all methods. has_eyes: needs images; without, nothing is rendered. places: where weights are."""

    has_eyes = True

    def __init__(self, settings: Settings, places: Places = _NOWHERE):
        self.settings, self.places = settings, places

    @property
    def label(self) -> str:
        """Name in the tables."""
        raise NotImplementedError

    def set_goal(self, goal: Goal, disturb_matches) -> None:
        """Start on a goal. disturb_matches: applied to `Matches` before control. Raises GoalError."""
        raise NotImplementedError

    def step(self, frame: Frame) -> StepResult:
        raise NotImplementedError

    def beside(self, frame: Frame) -> None:
        """Called after each `step` for what another process does in life; its time is not the method's."""


class Oracle(Method):
    """PBVS on the true poses, the scene's centre straight to its place: what perfect perception would give.

    It sees no image: its keypoints are a grid of true points in the scene's cylinder (r 0.2 m, h 0.1 m), projected
    into both cameras, and their distances feed the same stopping rule as every other method's keypoints.
    """

    has_eyes = False
    label = "oracle"

    def set_goal(self, goal: Goal, disturb_matches) -> None:
        config = PipelineConfig(**speed_options(self.settings, goal))
        self._law = VelocityLaw.from_config(config)
        self._stopping = StoppingRule(config.stop_error, config.stop_hold_s, config.stop_precision)
        xy = np.linspace(-0.2, 0.2, 9)
        grid = np.stack(np.meshgrid(xy, xy, (-0.05, 0.05)), axis=-1).reshape(-1, 3)
        grid = grid[np.hypot(grid[:, 0], grid[:, 1]) <= 0.2]
        self._points_world = goal.centre + grid
        self._centre = se3.transform(se3.inverse(goal.T_world_goal), goal.centre)  # in the goal camera
        self._goal = goal
        self._goal_px = self._project(goal.T_world_goal)
        self._ramp = Ramp()

    def _project(self, T_world_cam: np.ndarray) -> np.ndarray:
        return self._goal.intrinsics.project(se3.transform(se3.inverse(T_world_cam), self._points_world))

    def step(self, frame: Frame) -> StepResult:
        focal = self._goal.intrinsics.focal
        distances = np.linalg.norm(self._project(frame.T_world_cam) - self._goal_px, axis=1) / focal
        seen = np.isfinite(distances)
        if not seen.any():
            return StepResult(np.zeros(6), ServoState.LOST, "the scene is behind the camera")
        error = self._stopping.mean_error(np.nan_to_num(distances), seen)
        numbers = {"num_matches": int(seen.sum()), "error": error, "error_px": error * focal, "depth_source": "true"}
        if self._stopping.converged(error, frame.stamp_s):
            return StepResult(np.zeros(6), ServoState.CONVERGED, **numbers)
        target = self._law.target(
            se3.pbvs_twist(se3.inverse(frame.T_world_cam) @ self._goal.T_world_goal, self._centre)
        )
        command = self._ramp.follow(self._law, target, frame.stamp_s)
        return StepResult(command.copy(), ServoState.SERVOING, **numbers)


class DisturbedMatcher:
    """A matcher whose matches are made worse before the servo sees them; the same interface."""

    def __init__(self, matcher, disturb):
        self._matcher = matcher
        self._disturb = disturb

    def __getattr__(self, name: str):
        return getattr(self._matcher, name)

    def match_features(self, features) -> Matches:
        return self._disturb(self._matcher.match_features(features))


class PipelineMethod(Method):
    """`ServoPipeline` with the keypoints of the settings and one of its control laws."""

    controller = ""
    options: ClassVar[dict] = {}  # of `PipelineConfig`, besides those of the settings

    def __init__(self, settings: Settings, places: Places = _NOWHERE):
        super().__init__(settings, places)
        self._matcher = self.make_matcher()  # a missing file of weights is better named now
        self._estimator = None
        if settings.depth == "estimated":
            from depth_pc_ros.perception.relative_depth import RelativeDepth  # only now: importing torch takes a while

            self._estimator = RelativeDepth(settings.depth_model)

    @property
    def label(self) -> str:
        return self.controller

    def make_matcher(self):
        """The matcher in front of the law; default: that of the settings."""
        weights = {name: str(getattr(self.places, name) or "") for name in ("matcher_weights", "lightglue_weights")}
        return make_matcher(MatcherConfig(matcher=self.settings.matcher, track=self.settings.track, **weights))

    def set_goal(self, goal: Goal, disturb_matches) -> None:
        config = PipelineConfig(
            controller=self.controller,
            freeze_depth=self.settings.freeze_depth,
            find_scale=self.settings.find_scale,
            **speed_options(self.settings, goal),
            **self.options,
        )
        self._pipeline = ServoPipeline(config, DisturbedMatcher(self._matcher, disturb_matches))
        relative = None if self._estimator is None else self._estimator(goal.image)
        self._pipeline.set_goal(goal.image, goal.intrinsics.matrix, goal.distance_m, goal.depth_m, relative)
        self._frames = 0

    def step(self, frame: Frame) -> StepResult:
        return self._pipeline.step(frame.image, frame.stamp_s, frame.depth_m, age_s=0.0)

    def beside(self, frame: Frame) -> None:
        if self._estimator is not None and self._frames % ESTIMATE_EVERY == 0:
            self._pipeline.add_relative_depth(self._estimator(frame.image), frame.stamp_s)
        self._frames += 1


class IbvsMethod(PipelineMethod):
    """Image-based servoing."""

    controller = "ibvs"


class PbvsMethod(PipelineMethod):
    """Position-based servoing on a robust pose from a few views."""

    controller = "pbvs"


class FlowIbvsMethod(PipelineMethod):
    """Image-based servoing on dense optical flow: RAFT where its weights were given, else DIS."""

    controller = "ibvs"

    @property
    def label(self) -> str:
        return f"flow_ibvs ({self._matcher.name})"

    def make_matcher(self) -> FlowMatcher:
        weights = self.settings.raft_weights
        return FlowMatcher(RaftFlow(weights) if weights else DisFlow())


class LearnedMethod(PipelineMethod):
    """A learned law. model: a folder of weights, or the name of one that ships."""

    def __init__(self, settings: Settings, places: Places = _NOWHERE, model: str = ""):
        from depth_pc_ros.networks.checkpoint import load_policy  # only now: importing torch takes a while
        from depth_pc_ros.package_files import find_model

        super().__init__(settings, places)
        self.options = {"model": str(find_model(model or self.controller))}
        self._digest = load_policy(self.options["model"])[2]["sha256"][:8]

    @property
    def label(self) -> str:
        return f"{self.controller} ({self._digest})"


class DepthPcMethod(LearnedMethod):
    """The paper's network."""

    controller = "depth_pc"


class DepthPcGeoMethod(LearnedMethod):
    """The network that judges matches, in front of the geometric law."""

    controller = "depth_pc_geo"


METHODS: dict[str, type[Method]] = {
    "oracle": Oracle,
    "pbvs": PbvsMethod,
    "ibvs": IbvsMethod,
    "flow_ibvs": FlowIbvsMethod,
    "depth_pc": DepthPcMethod,
    "depth_pc_geo": DepthPcGeoMethod,
}


def check_methods(names) -> list[str]:
    """Return the method names if all are known, each once; else raise ConfigError. See `make_method`."""
    for name in names:
        method, _, model = name.partition("@")
        if model and not issubclass(METHODS.get(method, Method), LearnedMethod):
            raise ConfigError(f"methods: {method!r} has no weights to choose, got {name!r}")
        if method not in METHODS:
            raise ConfigError(f"methods: unknown method {name!r}; known: {', '.join(METHODS)}")
    if not names or len(set(names)) < len(names):
        raise ConfigError(f"methods: expected different names, got {','.join(names)!r}")
    return list(names)


def make_method(name: str, settings: Settings, places: Places = _NOWHERE) -> Method:
    """The method of that name; `NAME@FOLDER` is a learned one with the weights of a folder."""
    method, _, model = name.partition("@")
    return METHODS[method](settings, places, model) if model else METHODS[method](settings, places)
