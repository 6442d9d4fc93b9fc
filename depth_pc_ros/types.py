"""Plain data passed between the parts. No behaviour beyond checks and small derived values."""

from dataclasses import dataclass, field, replace
from enum import IntEnum

import numpy as np

from depth_pc_ros.errors import GoalError
from depth_pc_ros.geometry.camera import (
    Intrinsics,
    check_depth,
    check_relative_depth,
    sample_depth,
    sample_nearest,
)


class ServoState(IntEnum):
    """State of the servo; the numbers equal the constants of `depth_pc_interfaces/msg/ServoStatus`."""

    INACTIVE = 0
    NO_GOAL = 1
    DISABLED = 2
    SERVOING = 3
    CONVERGED = 4
    STALE_INPUT = 5
    LOST = 6
    LIMITED = 7
    TF_ERROR = 8
    FAULT = 9
    AMBIGUOUS = 10
    FROZEN = 11
    NOT_FOLLOWING = 12
    CONTRADICTED = 13
    ADAPTER_LOST = 14


MOVING_STATES = (ServoState.SERVOING, ServoState.LIMITED)
# A person has to look: only disabling and enabling end them.
LATCHED_STATES = (ServoState.FAULT, ServoState.FROZEN, ServoState.NOT_FOLLOWING, ServoState.CONTRADICTED)


def check_distance(distance: float | None) -> float | None:
    """Return a goal distance in metres, or None for "not known"; raise GoalError when it is not finite and > 0."""
    if distance is None:
        return None
    if not (np.isfinite(distance) and distance > 0):
        raise GoalError(f"distance: expected metres > 0, or none when unknown, got {distance}")
    return float(distance)


@dataclass(frozen=True)
class Goal:
    """The goal: the goal image's keypoints and what is known about them.

    keypoints: (N, 2) float64 px. intrinsics: of goal and live image. metric_depth_m: (N,) depth z in metres at the
    keypoints, NaN where unknown. relative_depth: (N,) up to scale and shift, larger = farther, NaN where unknown;
    None: not estimated. distance_m: camera to scene centre at the goal, the distance prior; None: not known.
    Raises GoalError when one of them does not fit.
    """

    keypoints: np.ndarray
    intrinsics: Intrinsics
    metric_depth_m: np.ndarray
    relative_depth: np.ndarray | None = None
    distance_m: float | None = None

    def __post_init__(self) -> None:
        check_distance(self.distance_m)
        count = len(self.keypoints)
        for name, shape in (("keypoints", (count, 2)), ("metric_depth_m", (count,)), ("relative_depth", (count,))):
            value = getattr(self, name)
            if value is not None and np.shape(value) != shape:
                raise GoalError(f"{name}: expected shape {shape}, got {np.shape(value)}")
        if not np.isfinite(self.keypoints).all():
            raise GoalError("keypoints: expected finite pixels, got NaN or inf")

    @classmethod
    def from_images(
        cls,
        keypoints: np.ndarray,
        intrinsics: Intrinsics,
        distance: float | None = None,
        depth: np.ndarray | None = None,
        relative_depth: np.ndarray | None = None,
    ) -> "Goal":
        """Sample depth images at the keypoints.

        keypoints: (N, 2) px. distance: m. depth: (H, W) metres of the goal image, or None. relative_depth: (H, W) of
        the goal image, larger = farther, any scale and shift, or None. Raises GoalError, ImageError.
        """
        keypoints = np.asarray(keypoints, dtype=np.float64)
        metric = np.full(len(keypoints), np.nan)
        if depth is not None:
            metric = sample_depth(check_depth(depth, intrinsics.size, "goal depth"), keypoints)
        goal = cls(keypoints, intrinsics, metric, distance_m=check_distance(distance))
        return goal if relative_depth is None else goal.with_relative_depth(relative_depth)

    def with_relative_depth(self, depth: np.ndarray) -> "Goal":
        """The same goal with estimated depth, given as (H, W) of its image. Raises ImageError."""
        depth = check_relative_depth(depth, self.intrinsics.size, "goal relative depth")
        return replace(self, relative_depth=sample_nearest(depth, self.keypoints))

    @property
    def num_keypoints(self) -> int:
        return len(self.keypoints)

    @property
    def has_metric_depth(self) -> bool:
        return bool(np.isfinite(self.metric_depth_m).any())


@dataclass(frozen=True)
class Matches:
    """Where the goal's N keypoints are seen in one live image.

    current_points: (N, 2) float64 px, NaN where not matched. matched: (N,) bool. scores: (N,) float32 in [0, 1],
    larger is more reliable, 0 where not matched. agreement: share, in [0, 1], of the goal's texture that is where these
    matches say; NaN: not near the goal, or unknown. doubt: why the picture contradicts that the goal is reached, or, of
    no matches, what is searched meanwhile.
    """

    current_points: np.ndarray
    matched: np.ndarray
    scores: np.ndarray
    agreement: float = float("nan")
    doubt: str = ""

    def __post_init__(self) -> None:
        n = len(self.current_points)
        for name, shape in (("current_points", (n, 2)), ("matched", (n,)), ("scores", (n,))):
            got = np.shape(getattr(self, name))
            if got != shape:
                raise ValueError(f"{name}: expected shape {shape}, got {got}")
        if not np.isfinite(self.current_points[self.matched]).all():
            raise ValueError("current_points: expected finite pixels where matched, got NaN or inf")

    @classmethod
    def none(cls, count: int) -> "Matches":
        """None of `count` keypoints is matched."""
        return cls(np.full((count, 2), np.nan), np.zeros(count, dtype=bool), np.zeros(count, dtype=np.float32))

    @property
    def num_matched(self) -> int:
        return int(np.count_nonzero(self.matched))


@dataclass(frozen=True)
class Observation:
    """What a control law sees of one frame. All arrays index the goal's N keypoints.

    goal, current: (N, 2) normalised coordinates, `current` NaN where not matched. matched: (N,) bool.
    goal_depth_m, current_depth_m: (N,) depth z in metres in the goal / current camera, NaN where unknown.
    goal_relative_depth, current_relative_depth: (N,) the same up to scale and shift, larger = farther, NaN where
    unknown; None: not estimated.
    distance_m: camera to scene centre at the goal (the distance prior). focal_px: converts normalised errors to pixels.
    """

    goal: np.ndarray
    current: np.ndarray
    matched: np.ndarray
    goal_depth_m: np.ndarray
    current_depth_m: np.ndarray
    distance_m: float
    focal_px: float
    goal_relative_depth: np.ndarray | None = None
    current_relative_depth: np.ndarray | None = None


@dataclass(frozen=True)
class LawOutput:
    """Output of a control law: the twist at unit gain (6,) in m and rad (times 1/s), and its inliers (N,) bool.

    T_cam_goal: the pose (4, 4) that the twist leads to; None: the law solves for no pose. metric: its lengths and
    the twist's come from measured depth; False: they are right only up to the factor of the distance prior.
    """

    twist: np.ndarray
    inliers: np.ndarray
    T_cam_goal: np.ndarray | None = None
    metric: bool = False


@dataclass(frozen=True)
class StepResult:
    """Outcome of one frame.

    twist: (6,) float64 `[v, w]`, m/s and rad/s, camera optical frame; zero unless SERVOING. From `ServoPipeline.step`
    it is the command of this frame; from `Servo.update` the target that the next commands approach.
    error: mean distance of matched keypoints to their goal on the normalised plane, NaN when unknown.
    error_px: the same in pixels. agreement: as in `Matches`. depth_source: where the live depth came from, `camera` or
    `estimated`; else `goal` where only the goal's is known, else `none`. depth_age_s: of an estimate. depth_problem:
    why measured depth is not used; empty: nothing is wrong with it. timings_ms: milliseconds by stage. T_cam_goal: pose
    (4, 4) that the law has solved for, as in `LawOutput`; None where it solves for none, and in states without error.
    """

    twist: np.ndarray
    state: ServoState
    message: str = ""
    num_matches: int = 0
    error: float = float("nan")
    error_px: float = float("nan")
    agreement: float = float("nan")
    depth_source: str = "none"
    depth_age_s: float = float("nan")
    depth_problem: str = ""
    timings_ms: dict[str, float] = field(default_factory=dict)
    T_cam_goal: np.ndarray | None = None

    @classmethod
    def stopped(cls, state: ServoState, message: str, num_matches: int = 0) -> "StepResult":
        """No motion, and why."""
        return cls(np.zeros(6), state, message, num_matches)

    @property
    def converged(self) -> bool:
        return self.state is ServoState.CONVERGED
