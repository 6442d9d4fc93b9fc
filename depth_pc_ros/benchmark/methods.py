"""The methods under test. One small class each; adding one touches this file (or a file of its own) and METHODS.

A method gets a view from the goal and then frame by frame an image, and answers a `StepResult`. Every method runs in
the same command loop, `Servo`: the same velocity law, limits and stopping rule.
"""

from dataclasses import replace
from typing import ClassVar

import numpy as np

from depth_pc_ros.benchmark.cns_law import CnsLaw, check_checkout
from depth_pc_ros.benchmark.episodes import Places
from depth_pc_ros.benchmark.fault_rows import row_of
from depth_pc_ros.benchmark.flow import CompactFlow, DisFlow, FlowMatcher
from depth_pc_ros.benchmark.method import NOWHERE, GivenPbvs, Method, pair_model, speed_options
from depth_pc_ros.benchmark.raft import RaftFlow
from depth_pc_ros.benchmark.regressor_method import AlexNetMethod, RegressorMethod, SiameSe3Method
from depth_pc_ros.benchmark.settings import Settings
from depth_pc_ros.benchmark.task import Frame, Task
from depth_pc_ros.benchmark.watched import DisturbedMatcher, WatchedLaw
from depth_pc_ros.config import MatcherConfig, PipelineConfig
from depth_pc_ros.control.base import ControlLaw
from depth_pc_ros.control.laws import make_law
from depth_pc_ros.control.servo import Servo
from depth_pc_ros.errors import CheckpointError, ConfigError
from depth_pc_ros.geometry import se3
from depth_pc_ros.perception.factory import make_matcher
from depth_pc_ros.pipeline import ServoPipeline
from depth_pc_ros.types import Goal, Matches, StepResult

ESTIMATE_EVERY = 6  # frames: 8 estimates a second at the paper's 50 Hz


class Oracle(Method):
    """PBVS on the true poses: the result of perfect perception.

    It sees no image: its keypoints are a grid of true points in the scene's cylinder (r 0.2 m, h 0.1 m), projected
    into both cameras, and their distances feed the same stopping rule as every other method's keypoints.
    """

    needs_images = False
    label = "oracle"

    def start(self, task: Task, disturb_matches) -> None:
        xy = np.linspace(-0.2, 0.2, 9)
        grid = np.stack(np.meshgrid(xy, xy, (-0.05, 0.05)), axis=-1).reshape(-1, 3)
        self._points_world = task.centre + grid[np.hypot(grid[:, 0], grid[:, 1]) <= 0.2]
        self._task = task
        self._law = GivenPbvs(se3.transform(se3.inverse(task.T_world_goal), task.centre))
        self._servo = Servo(PipelineConfig(min_matches=4, **speed_options(self.settings, task)), self._law)
        self._servo.set_goal(Goal.from_images(self._project(task.T_world_goal), task.intrinsics, task.distance_m))

    def _project(self, T_world_cam: np.ndarray) -> np.ndarray:
        return self._task.intrinsics.project(se3.transform(se3.inverse(T_world_cam), self._points_world))

    def step(self, frame: Frame) -> StepResult:
        pixels = self._project(frame.T_world_cam)
        seen = np.isfinite(pixels).all(axis=1)
        self._law.T_cam_goal = se3.inverse(frame.T_world_cam) @ self._task.T_world_goal
        result = self._servo.update(Matches(pixels, seen, seen.astype(np.float32)), frame.stamp_s)
        return replace(result, twist=self._servo.answer(), depth_source="true")


class PipelineMethod(Method):
    """`ServoPipeline` with the keypoints of the settings and one of its control laws."""

    controller = ""
    options: ClassVar[dict] = {}  # of `PipelineConfig`, besides those of the settings

    def __init__(self, settings: Settings, places: Places = NOWHERE):
        super().__init__(settings, places)
        self._matcher = self.make_matcher()  # report a missing file of weights here
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
        chosen = {name: getattr(self.settings, name) for name in ("matcher", "track", "wide_baseline")}
        return make_matcher(MatcherConfig(**chosen, **weights))

    def make_law(self, config: PipelineConfig) -> ControlLaw:
        """The control law; default: the one that `controller` names."""
        return make_law(config)

    def start(self, task: Task, disturb_matches) -> None:
        config = PipelineConfig(
            controller=self.controller,
            freeze_depth=self.settings.freeze_depth,
            find_scale=self.settings.find_scale,
            **speed_options(self.settings, task),
            **row_of(self.settings.fault).options,
            **self.options,
        )
        self.law = WatchedLaw(self.make_law(config))
        self.matcher = DisturbedMatcher(self._matcher, disturb_matches)
        self._pipeline = ServoPipeline(config, self.matcher, self.law)
        relative = None if self._estimator is None else self._estimator(task.view.image)
        self._pipeline.set_goal(
            task.view.image, task.intrinsics.matrix, task.distance_m, task.view.depth_m, relative,
            **({} if task.mask is None else {"mask": task.mask}),
        )  # fmt: skip
        self._frames = 0

    def step(self, frame: Frame) -> StepResult:
        return self._pipeline.step(frame.view.image, frame.stamp_s, frame.view.depth_m, frame.age_s)

    def beside(self, frame: Frame) -> None:
        if self._estimator is not None and self._frames % ESTIMATE_EVERY == 0:
            self._pipeline.add_relative_depth(self._estimator(frame.view.image), frame.stamp_s)
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


class CompactFlowMethod(PipelineMethod):
    """Image-based servoing on a small flow network of our own, where no weights of RAFT are at hand."""

    controller = "ibvs"

    def __init__(self, settings: Settings, places: Places = NOWHERE, model: str = ""):
        self._model = pair_model("compact_flow", model)
        super().__init__(settings, places)

    @property
    def label(self) -> str:
        return self._matcher.name

    def make_matcher(self) -> FlowMatcher:
        return FlowMatcher(CompactFlow(self._model))


class LearnedMethod(PipelineMethod):
    """A learned law. model: a folder of weights, or the name of one that ships."""

    def __init__(self, settings: Settings, places: Places = NOWHERE, model: str = ""):
        from depth_pc_ros.networks.checkpoint import load_policy  # only now: importing torch takes a while
        from depth_pc_ros.package_files import find_model

        super().__init__(settings, places)
        self.options = {"model": str(find_model(model or self.controller))}
        policy, _, header = load_policy(self.options["model"])
        if policy != self.controller:
            raise CheckpointError(f"methods: expected weights of {self.controller}, {model} has those of {policy}")
        self._digest = header["sha256"][:8]

    @property
    def label(self) -> str:
        return f"{self.controller} ({self._digest})"


class DepthPcMethod(LearnedMethod):
    """The paper's network."""

    controller = "depth_pc"


class DepthPcGeoMethod(LearnedMethod):
    """The network that judges matches, in front of the geometric law."""

    controller = "depth_pc_geo"


class CnsMethod(PipelineMethod):
    """CNS with its public weights, from a checkout of its repository, on our keypoints and in our command loop."""

    controller = "ibvs"  # only names a law for the configuration: make_law gives CNS's

    def __init__(self, settings: Settings, places: Places = NOWHERE, model: str = ""):
        super().__init__(settings, places)
        self._checkout = check_checkout(model)

    label = "cns"

    def make_law(self, config: PipelineConfig) -> ControlLaw:
        return CnsLaw(self._checkout)


METHODS: dict[str, type[Method]] = {
    "oracle": Oracle,
    "pbvs": PbvsMethod,
    "ibvs": IbvsMethod,
    "flow_ibvs": FlowIbvsMethod,
    "depth_pc": DepthPcMethod,
    "depth_pc_geo": DepthPcGeoMethod,
    "cns": CnsMethod,
    "alexnet": AlexNetMethod,
    "siame_se3": SiameSe3Method,
    "compact_flow": CompactFlowMethod,
}
_WITH_WEIGHTS = (LearnedMethod, CnsMethod, RegressorMethod, CompactFlowMethod)


def check_methods(names) -> list[str]:
    """Return the method names if all are known, each once; else raise ConfigError. See `make_method`."""
    for name in names:
        method, _, model = name.partition("@")
        if model and not issubclass(METHODS.get(method, Method), _WITH_WEIGHTS):
            raise ConfigError(f"methods: {method!r} has no weights to choose, got {name!r}")
        if method not in METHODS:
            raise ConfigError(f"methods: unknown method {name!r}; known: {', '.join(METHODS)}")
    if not names or len(set(names)) < len(names):
        raise ConfigError(f"methods: expected different names, got {','.join(names)!r}")
    return list(names)


def make_method(name: str, settings: Settings, places: Places = NOWHERE) -> Method:
    """The method of that name; `NAME@FOLDER` is a learned one with the weights of a folder."""
    method, _, model = name.partition("@")
    return METHODS[method](settings, places, model) if model else METHODS[method](settings, places)
