"""Feeds a servo with recorded images: what all replays share."""

import sys
import time
from collections.abc import Callable

import numpy as np

from depth_pc_ros.config import PipelineConfig
from depth_pc_ros.control.laws import make_law
from depth_pc_ros.control.servo import Servo
from depth_pc_ros.geometry import se3
from depth_pc_ros.geometry.camera import Intrinsics
from depth_pc_ros.perception.factory import make_matcher
from depth_pc_ros.perception.goal_mask import allowed_places
from depth_pc_ros.replay.result import Replay, ReplayFrame
from depth_pc_ros.replay.watched_law import WatchedLaw
from depth_pc_ros.types import Goal, Matches, StepResult

Estimator = Callable[[np.ndarray], np.ndarray]  # relative depth (H, W) of an image (H, W, 3) uint8 RGB


class Player:
    """A matcher and a servo, set up as the nodes set them up, and what came of it in `replay`.

    raw_size: (width, height) px of the camera's images, of which the option `roi` is a part. on_view: called with the
    stamp in ns, the image (H, W, 3) uint8 RGB and its matched points (M, 2) px, of every image.
    """

    def __init__(
        self, config: PipelineConfig, raw_size: tuple[int, int], estimator: Estimator | None, lockstep: bool = False,
        on_view: Callable[[int, np.ndarray, np.ndarray], None] = lambda stamp_ns, image, points: None,
    ):  # fmt: skip
        self.config, self.raw_size, self.estimator, self._on_view = config, raw_size, estimator, on_view
        self.matcher = make_matcher(config)
        self.law = WatchedLaw(make_law(config))
        self.servo = Servo(config, self.law)
        if "torch" in sys.modules:  # as in the nodes: sums in another order have other last digits
            sys.modules["torch"].set_num_threads(1)
        self.replay = Replay(lockstep)
        self._first_ns: int | None = None

    def set_goal(
        self, image: np.ndarray, camera: Intrinsics, distance: float | None = None, depth: np.ndarray | None = None,
        keep_moving: bool = False,
    ) -> None:  # fmt: skip
        """See `ServoPipeline.set_goal`. Its relative depth is estimated where there is an estimator."""
        allowed = allowed_places(self.config, camera.size, roi_size=self.raw_size)
        self.replay.num_keypoints = self.matcher.set_goal(image, camera, allowed)
        self.use_goal(Goal.from_images(self.matcher.goal_points, camera, distance, depth), image, keep_moving)

    def use_goal(self, goal: Goal, image: np.ndarray, keep_moving: bool = False) -> None:
        """Servo to this goal, whose keypoints in an image come from elsewhere."""
        self.servo.set_goal(goal, keep_moving)
        self.replay.goal = image
        if self.estimator is not None:
            self.servo.set_goal_relative_depth(self.estimator(image))

    def match(self, stamp_ns: int, image: np.ndarray, recorded: Matches | None = None) -> Matches:
        """Matches of the next image (H, W, 3) uint8 RGB, of this time: the recorded ones, where they are given."""
        matches = self.matcher.match(image) if recorded is None else recorded
        self._on_view(stamp_ns, image, matches.current_points[matches.matched])
        return matches

    def look(self, matches: Matches, stamp_s: float, depth: np.ndarray | None, age_s: float) -> StepResult:
        """One frame, see `Servo.update`; `note` keeps what came of it."""
        self.law.output = None
        return self.servo.update(matches, stamp_s, depth, age_s)

    def note(
        self, stamp_ns: int, result: StepResult, twist: np.ndarray, begin_s: float, enabled: bool = True, **recorded
    ) -> None:
        """Keep what came of an image. begin_s: when work on it began (`time.perf_counter`)."""
        if self._first_ns is None:
            self._first_ns = stamp_ns
        frame = ReplayFrame(
            stamp_ns=stamp_ns,
            t_s=1e-9 * (stamp_ns - self._first_ns),
            enabled=enabled,
            state=result.state,
            message=result.message,
            matches=result.num_matches,
            error_px=result.error_px,
            twist=twist,
            T_goal_cam=self._pose(),
            wall_ms=1e3 * (time.perf_counter() - begin_s),
            **recorded,
        )
        self.replay.frames.append(frame)

    def _pose(self) -> np.ndarray | None:
        output = self.law.output
        if output is None or output.T_cam_goal is None:
            return None
        T = output.T_cam_goal.copy()
        T[:3, 3] *= 1.0 if output.metric else self.servo.scale
        return se3.inverse(T)
