"""`ServoPipeline`: images in, camera twists out. The one object that nodes, benchmark and users share; no ROS."""

import dataclasses
import time
from pathlib import Path

import numpy as np

from depth_pc_ros.config import PipelineConfig
from depth_pc_ros.control.base import ControlLaw
from depth_pc_ros.control.servo import Servo
from depth_pc_ros.errors import GoalError, ImageError
from depth_pc_ros.geometry.camera import Intrinsics, check_depth, check_image, check_relative_depth
from depth_pc_ros.perception.factory import AnyMatcher, make_matcher
from depth_pc_ros.perception.goal_mask import allowed_places
from depth_pc_ros.types import Goal, StepResult, check_distance


class ServoPipeline:
    """Visual servoing on one goal image.

        pipeline = ServoPipeline.from_config()
        pipeline.set_goal(goal_rgb, K, distance=0.6)
        while not (result := pipeline.step(camera.read(), time.monotonic())).converged:
            robot.move(result.twist)
        robot.move(result.twist)  # zero

    Twists are `[v, w]`, m/s and rad/s, in the camera's optical frame (z forward, x right, y down). Each is assumed to
    be obeyed until the next step, for 0.25 s at most; without metric depth that gives the scale of the distance. Where
    something else slows the camera down, set `find_scale=False`.
    """

    USUAL_AGE_S = 0.1  # assumed latency from an image to the motion that answers it

    def __init__(self, config: PipelineConfig, matcher: AnyMatcher | None = None, law: ControlLaw | None = None):
        """matcher, law: in place of those that `config` names (see `perception.factory.AnyMatcher`)."""
        self.config = config
        self.matcher: AnyMatcher = make_matcher(config) if matcher is None else matcher
        self.servo = Servo(config, law)

    @classmethod
    def from_config(cls, path: str | Path | None = None, **overrides) -> "ServoPipeline":
        """Build from a YAML file of `PipelineConfig` keys (optional) and keyword overrides of it."""
        return cls(PipelineConfig.load(path, **overrides))

    def set_goal(
        self,
        image: np.ndarray,
        K: np.ndarray,
        distance: float | None = None,
        depth: np.ndarray | None = None,
        relative_depth: np.ndarray | None = None,
        mask: np.ndarray | None = None,
    ) -> int:
        """Set the goal and return its number of keypoints.

        image: (H, W, 3) uint8 RGB, rectified. K: (3, 3) camera matrix in px. distance: camera to scene centre at the
        goal, metres; None: the depth's median, else the configured default. depth: (H, W) metres or None.
        relative_depth: (H, W) up to scale and shift, larger = farther, such as `RelativeDepth` gives, or None.
        mask: (H, W) uint8 or bool, zero where nothing is to be matched, such as a gripper in view, or None. It holds
        for goal and live images, together with the options `mask` and `roi`.

        Raises ImageError, CameraError, GoalError, GoalTextureError (too little texture), ConfigError (`roi`); the old
        goal then stays.
        """
        check_image(image, "goal image")
        intrinsics = Intrinsics.from_matrix(K, image.shape[1], image.shape[0])
        check_distance(distance)
        if depth is not None:
            check_depth(depth, intrinsics.size, "goal depth")
        if relative_depth is not None:
            check_relative_depth(relative_depth, intrinsics.size, "goal relative depth")
        allowed = allowed_places(self.config, intrinsics.size, mask)
        masks = () if allowed is None else (allowed,)  # a matcher of the user's own need not know masks
        count = self.matcher.set_goal(image, intrinsics, *masks)
        self.servo.set_goal(
            Goal.from_images(self.matcher.goal_points, intrinsics, distance, depth, relative_depth)
        )  # fmt: skip
        return count

    def add_relative_depth(self, depth: np.ndarray, stamp_s: float) -> None:
        """Relative depth (H, W) of the image that `step` got, or will get, with this stamp; later images use it too."""
        self.servo.add_relative_depth(depth, stamp_s)

    def reset(self) -> None:
        """Keep the goal, forget everything else, and start again from zero speed."""
        self.servo.reset()
        self.matcher.forget()

    def step(
        self, image: np.ndarray, stamp_s: float, depth: np.ndarray | None = None, age_s: float = USUAL_AGE_S
    ) -> StepResult:
        """One frame: match, solve, limit.

        image: (H, W, 3) uint8 RGB of the goal's size and camera. stamp_s: its time in seconds, strictly growing.
        depth: (H, W) metres of this image, or None. age_s: latency from the image to the motion that answers it, s:
        transport, this step's own time, the lag of the arm. Too small a value overshoots, too large a value is slow; 0
        is for a simulator that waits for each twist. Raises GoalError before `set_goal`, ImageError on a wrong image.
        """
        if self.servo.goal is None:
            raise GoalError("step: no goal image has been set; call set_goal first")
        check_image(image)
        size = self.servo.goal.intrinsics.size
        if image.shape[1::-1] != size:
            raise ImageError(f"image: expected the goal's size {size}, got {image.shape[1::-1]}")
        start = time.perf_counter()
        features = self.matcher.detect(image)
        detected = time.perf_counter()
        matches = self.matcher.match_features(features)
        matched = time.perf_counter()
        result = self.servo.update(matches, stamp_s, depth, age_s)
        twist = self.servo.answer()
        done = time.perf_counter()
        timings = {
            "detect": 1e3 * (detected - start),
            "match": 1e3 * (matched - detected),
            "control": 1e3 * (done - matched),
        }
        return dataclasses.replace(result, twist=twist, timings_ms=timings)
