"""Plain data passed between the parts. No behaviour beyond checks and small derived values."""

from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np


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


@dataclass(frozen=True)
class Matches:
    """Goal keypoints and where they are seen now.

    goal_points: (N, 2) float64 px in the goal image. current_points: (N, 2) float64 px now, NaN where not matched.
    matched: (N,) bool. scores: (N,) float32 in [0, 1], larger is surer, 0 where not matched.
    """

    goal_points: np.ndarray
    current_points: np.ndarray
    matched: np.ndarray
    scores: np.ndarray

    def __post_init__(self):
        n = len(self.goal_points)
        for name, shape in (("goal_points", (n, 2)), ("current_points", (n, 2)), ("matched", (n,)), ("scores", (n,))):
            got = np.shape(getattr(self, name))
            if got != shape:
                raise ValueError(f"{name}: expected shape {shape}, got {got}")
        if not np.isfinite(self.goal_points).all():
            raise ValueError("goal_points: expected finite pixels, got NaN or inf")
        if not np.isfinite(self.current_points[self.matched]).all():
            raise ValueError("current_points: expected finite pixels where matched, got NaN or inf")

    @property
    def num_matched(self) -> int:
        return int(np.count_nonzero(self.matched))


@dataclass(frozen=True)
class Observation:
    """What a control law sees of one frame. All arrays index the goal's N keypoints.

    goal, current: (N, 2) normalised coordinates, `current` NaN where not matched. matched: (N,) bool.
    goal_depth_m, current_depth_m: (N,) depth z in metres in the goal / current camera, NaN where unknown.
    goal_relative_depth, current_relative_depth: (N,) the same up to scale and shift, larger = farther, NaN where
    unknown; None: nothing better than the metric depth.
    distance_m: camera to scene centre at the goal (a prior). focal_px: turns normalised errors into pixels.
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
    """What a control law answers: the twist at unit gain (6,) in m and rad (times 1/s), and its inliers (N,) bool.

    T_cam_goal: the pose (4, 4) that the twist leads to, where its lengths are right only up to the factor of the
    distance prior; None: the law solves for no pose, or its lengths are metres.
    """

    twist: np.ndarray
    inliers: np.ndarray
    T_cam_goal: np.ndarray | None = None


@dataclass(frozen=True)
class StepResult:
    """Outcome of one frame.

    twist: (6,) float64 `[v, w]` to command now, m/s and rad/s, camera optical frame; zero unless SERVOING.
    error: mean distance of matched keypoints to their goal on the normalised plane, NaN when unknown.
    error_px: the same in pixels. depth_source: where the live depth came from, `camera` or `estimated`; else `goal`
    where only the goal's is known, else `none`. depth_age_s: of an estimate. timings_ms: milliseconds by stage.
    """

    twist: np.ndarray
    state: ServoState
    message: str = ""
    num_matches: int = 0
    error: float = float("nan")
    error_px: float = float("nan")
    depth_source: str = "none"
    depth_age_s: float = float("nan")
    timings_ms: dict[str, float] = field(default_factory=dict)

    @property
    def converged(self) -> bool:
        return self.state is ServoState.CONVERGED
