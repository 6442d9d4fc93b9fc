"""The servo without images: matches in, speed-limited twist and state out.

`ServoPipeline` puts a matcher in front of it; the controller node feeds it matches from a topic.
"""

import cv2
import numpy as np

from depth_pc_ros.config import ControlConfig
from depth_pc_ros.control.base import ControlLaw
from depth_pc_ros.control.depth_track import DepthTrack
from depth_pc_ros.control.ibvs import Ibvs
from depth_pc_ros.control.intervals import interval_s
from depth_pc_ros.control.limits import VelocityLaw
from depth_pc_ros.control.motion_scale import MotionScale
from depth_pc_ros.control.pbvs import Pbvs
from depth_pc_ros.control.stopping import StoppingRule
from depth_pc_ros.errors import ConfigError, GoalError, PoseError
from depth_pc_ros.geometry.camera import (
    Intrinsics,
    check_depth,
    check_relative_depth,
    sample_depth,
    sample_nearest,
)
from depth_pc_ros.types import LawOutput, Matches, Observation, ServoState, StepResult


def make_law(config: ControlConfig) -> ControlLaw:
    """The law that `config.controller` names. CheckpointError when a learned law's model cannot be loaded, ConfigError
    when what it runs on is not installed.
    """
    if config.controller == "ibvs":
        return Ibvs()
    if config.controller == "pbvs":
        return Pbvs(config.freeze_depth)
    try:
        from depth_pc_ros.control.depth_pc import DepthPc, DepthPcGeo  # only now: importing torch takes a while
    except ImportError as error:
        raise ConfigError(
            f"controller: {config.controller} needs torch, torch-geometric and safetensors ({error}); install them, or "
            "choose pbvs or ibvs"
        ) from None
    model = config.model or config.controller
    return DepthPc(model) if config.controller == "depth_pc" else DepthPcGeo(model, config.freeze_depth)


def check_distance(distance) -> float | None:
    """Return a goal distance in metres, or None for "not known"; raise GoalError when it is not finite and > 0."""
    if distance is None:
        return None
    if not (np.isfinite(distance) and distance > 0):
        raise GoalError(f"distance: expected metres > 0, or none when unknown, got {distance}")
    return float(distance)


def _goal_values(relative_depth: np.ndarray, goal_points: np.ndarray, intrinsics: Intrinsics) -> np.ndarray:
    """Relative depth (N,) of the goal's keypoints from that of its image (H, W)."""
    size = (intrinsics.width, intrinsics.height)
    return sample_nearest(check_relative_depth(relative_depth, size, "goal relative depth"), goal_points)


class Servo:
    """Control law, velocity law and stopping rule around one goal.

    States it gives: NO_GOAL, SERVOING, CONVERGED, STALE_INPUT (stamp not newer), LOST (too few matches, or no pose;
    `depth_pc_geo` also where its network answers NaN), FAULT (a law answered NaN; stays until `reset`). The twist is
    zero in every state but SERVOING. A converged servo moves again when the error grows past the stopping error.
    """

    def __init__(self, config: ControlConfig, law: ControlLaw | None = None):
        """law: in place of the one that `config` names."""
        self.config = config
        self.velocity_law = VelocityLaw.from_config(config)
        self._law = make_law(config) if law is None else law
        self._stopping = StoppingRule(config.stop_error, config.stop_hold_s, config.stop_precision)
        self._goal = self._goal_relative = None
        self._depth_track = DepthTrack(config.max_relative_depth_age_s)
        self._scale = MotionScale()
        self.reset()

    def set_goal(
        self,
        goal_points: np.ndarray,
        intrinsics: Intrinsics,
        distance: float | None = None,
        depth: np.ndarray | None = None,
        relative_depth: np.ndarray | None = None,
    ) -> None:
        """Start on a new goal; the old one stays when this raises GoalError or ImageError.

        goal_points: (N, 2) px. intrinsics: of goal and live image. distance: camera to scene centre at the goal, m;
        None: the configured default, or the depth's median. depth: (H, W) metres at the goal, or None.
        relative_depth: (H, W) of the goal image, larger = farther, any scale and shift, or None (see also
        `set_goal_relative_depth`).
        """
        distance = check_distance(distance)
        goal_points = np.asarray(goal_points, dtype=np.float64)
        goal_depth = np.full(len(goal_points), np.nan)
        relative = None if relative_depth is None else _goal_values(relative_depth, goal_points, intrinsics)
        if depth is not None:
            size = (intrinsics.width, intrinsics.height)
            goal_depth = sample_depth(check_depth(depth, size, "goal depth"), goal_points)
        if distance is None:
            known = np.isfinite(goal_depth)
            distance = float(np.median(goal_depth[known])) if known.any() else self.config.default_distance
        self._goal = (goal_points, intrinsics.normalise(goal_points), goal_depth, distance)
        self._goal_relative = relative
        self._intrinsics = intrinsics
        self.reset()

    def set_goal_relative_depth(self, depth: np.ndarray) -> None:
        """Estimated depth (H, W) of the goal image, larger = farther; may come at any time after `set_goal`."""
        if self._goal is None:
            raise GoalError("goal relative depth: no goal has been set")
        self._goal_relative = _goal_values(depth, self._goal[0], self._intrinsics)

    def add_relative_depth(self, depth: np.ndarray, stamp_s: float) -> None:
        """Estimated depth (H, W) of the live image of this time; it may come before its matches, or long after."""
        if self._goal is None:
            return
        size = (self._intrinsics.width, self._intrinsics.height)
        self._depth_track.add(check_relative_depth(depth, size), stamp_s)

    def clear_goal(self) -> None:
        """Forget the goal."""
        self._goal = self._goal_relative = None
        self.reset()

    def reset(self) -> None:
        """Forget everything but the goal: filters, convergence, faults, and the scale that motion told."""
        self._scale.reset()
        self.resume()

    def resume(self) -> None:
        """As `reset`, after a gap in which the camera stood still: what motion told of the scale stays true."""
        self._scale.begin_line()
        self._law.reset()
        self._stopping.reset()
        self._depth_track.reset()
        self._last_stamp_s = -np.inf
        self._converged = False
        self._fault = ""

    @property
    def scale(self) -> float:
        """The true distance over the one that was given, as far as motion has told; 1 where nothing is to be told."""
        return self._scale.factor

    def moved(self, twist: np.ndarray, begin_s: float, end_s: float, obeyed: bool = True) -> None:
        """Tell that this twist (6,) moves the camera from `begin_s` to `end_s`, in the time of the images' stamps.

        Motion tells the scale of the distance. obeyed: False where something limits the motion.
        """
        if self.config.find_scale:
            self._scale.moved(twist[:3], begin_s, end_s, obeyed)

    def update(
        self, matches: Matches, stamp_s: float, depth: np.ndarray | None = None, age_s: float = 0.0
    ) -> StepResult:
        """One frame. matches: against this goal. stamp_s: the image's time, s, strictly growing.

        depth: (H, W) metres of the current image, or None. age_s: from the image to the motion that answers it, s; a
        long time, or a long interval between images, lowers the gain (see `VelocityLaw.target`). The result's twist is
        speed limited, not yet acceleration limited (see `VelocityLaw.approach`, which runs at the rate of publication).
        """
        if self._goal is None:
            return self._stopped(ServoState.NO_GOAL, "no goal image has been set")
        if self._fault:
            return self._stopped(ServoState.FAULT, self._fault)
        goal_px, goal, goal_depth, distance = self._goal
        if len(matches.goal_points) != len(goal_px):
            raise GoalError(f"matches: expected the goal's {len(goal_px)} keypoints, got {len(matches.goal_points)}")
        if not (np.isfinite(stamp_s) and stamp_s > self._last_stamp_s):
            return self._stopped(
                ServoState.STALE_INPUT, f"image stamp {stamp_s} s is not newer than {self._last_stamp_s} s", matches
            )  # fmt: skip
        self._depth_track.remember(matches.current_points, stamp_s)
        frame_s = interval_s(self._last_stamp_s, stamp_s) if np.isfinite(self._last_stamp_s) else 0.0
        self._last_stamp_s = stamp_s
        if matches.num_matched < self.config.min_matches:
            return self._lost(f"{matches.num_matched} matches, at least {self.config.min_matches} are needed", matches)

        current_depth, depth_source = self._current_depth(matches, depth)
        relative, depth_age_s = self._depth_track.at(stamp_s)
        if relative is not None and depth_source != "camera":
            depth_source = "estimated"
        observation = Observation(
            goal=goal,
            current=self._intrinsics.normalise(matches.current_points),
            matched=matches.matched,
            goal_depth_m=goal_depth,
            current_depth_m=current_depth,
            distance_m=distance,
            focal_px=self._intrinsics.focal,
            goal_relative_depth=None if np.isfinite(goal_depth).any() else self._goal_relative,
            current_relative_depth=None if depth_source == "camera" else relative,
        )
        try:
            law = self._law(observation)
        except (PoseError, cv2.error, np.linalg.LinAlgError) as error:  # a degenerate frame is no reason to stay down
            return self._lost(str(error), matches)
        if not np.isfinite(law.twist).all():
            self._fault = f"control law {self.config.controller} answered a twist that is not finite"
            return self._stopped(ServoState.FAULT, self._fault, matches)
        delay_s = max(age_s, 0.0) + 0.5 * frame_s
        target = self.velocity_law.target(self._in_metres(law, stamp_s), delay_s)
        # A slow law must not pass for one that no longer improves.
        self._stopping.hold_s = max(self.config.stop_hold_s, 0.25 / self.velocity_law.gain_behind(delay_s))
        return self._judged(law, target, observation, stamp_s, matches, (depth_source, depth_age_s))

    def _in_metres(self, law: LawOutput, stamp_s: float) -> np.ndarray:
        """The law's twist (6,), its lengths corrected by what motion tells of the true distance."""
        if not self.config.find_scale or law.T_cam_goal is None:
            self._scale.begin_line()
            return law.twist
        self._scale.see(law.T_cam_goal, stamp_s)
        return np.concatenate([self._scale.factor * law.twist[:3], law.twist[3:]])

    def _lost(self, message: str, matches: Matches) -> StepResult:
        self._stopping.reset()
        self._scale.begin_line()
        return self._stopped(ServoState.LOST, message, matches)

    def _judged(self, law, target, observation, stamp_s, matches, depth) -> StepResult:
        distances = np.linalg.norm(observation.current - observation.goal, axis=1)
        error = self._stopping.mean_error(np.nan_to_num(distances), law.inliers)
        self._converged = (self._converged and error <= self.config.stop_error) or self._stopping.converged(
            error, stamp_s
        )
        state = ServoState.CONVERGED if self._converged else ServoState.SERVOING
        return StepResult(
            twist=np.zeros(6) if self._converged else target,
            state=state,
            num_matches=matches.num_matched,
            error=error,
            error_px=error * self._intrinsics.focal,
            depth_source=depth[0],
            depth_age_s=depth[1],
        )

    def _current_depth(self, matches: Matches, depth) -> tuple[np.ndarray, str]:
        if depth is not None:
            depth = check_depth(depth, (self._intrinsics.width, self._intrinsics.height))
            return sample_depth(depth, matches.current_points), "camera"
        known = self._goal_relative is not None or np.isfinite(self._goal[2]).any()
        source = "goal" if known else "none"
        return np.full(len(matches.goal_points), np.nan), source

    @staticmethod
    def _stopped(state: ServoState, message: str, matches: Matches | None = None) -> StepResult:
        return StepResult(np.zeros(6), state, message, matches.num_matched if matches else 0)
