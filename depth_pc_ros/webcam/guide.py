"""The servo as a guide: images in, and how far a person still has to move the camera."""

from dataclasses import dataclass, field

import numpy as np

from depth_pc_ros.config import PipelineConfig
from depth_pc_ros.control.servo import Servo
from depth_pc_ros.errors import ImageError
from depth_pc_ros.geometry.camera import Rectifier, check_image
from depth_pc_ros.perception.factory import make_matcher
from depth_pc_ros.types import Goal, Matches, ServoState, StepResult
from depth_pc_ros.webcam.advice import Move, advise

WAKE_PX = 5.0  # a hand trembles


@dataclass(frozen=True)
class Sight:
    """What is seen in one image (H, W, 3) uint8 RGB, rectified. moves: to do; none at the goal, or where it is lost."""

    image: np.ndarray
    matches: Matches
    result: StepResult
    moves: list[Move] = field(default_factory=list)

    @property
    def instruction(self) -> str:
        """What to do, in one line; else what is missing."""
        if self.moves:
            return ", ".join(move.words for move in self.moves)
        if self.result.converged:
            return "you are there"
        return self.result.message or "hold still"


class Guide:
    """Matcher and servo, whose commands nobody obeys: so none are given, and none are held against the image.

    rectifier: from the camera's raw images to those that are worked on, `rectifier.target`. distance_m: camera to scene
    at the goal; None: lengths are known only as a share of it. live: a slow search for matches does not hold the
    picture up. Raises CheckpointError, ConfigError.
    """

    def __init__(
        self, matcher: str, controller: str, rectifier: Rectifier, distance_m: float | None = None, live: bool = False
    ):
        config = PipelineConfig(
            matcher=matcher, controller=controller, check_motion=False, find_scale=False, wake_px=WAKE_PX
        )
        self.rectifier = rectifier
        self.goal_image: np.ndarray | None = None  # rectified
        self._distance_m = distance_m
        self._prior_m = config.default_distance if distance_m is None else distance_m
        self._matcher = make_matcher(config, background=live, repeats=not live)
        self._servo = Servo(config)

    @property
    def goal_points(self) -> np.ndarray:
        """The goal's keypoints (N, 2) px; none before `set_goal`."""
        return np.zeros((0, 2)) if self.goal_image is None else self._matcher.goal_points

    def set_goal(self, raw: np.ndarray) -> int:
        """Take a raw image of the camera, (H, W, 3) uint8 RGB, as the goal; returns its number of keypoints.

        Raises ImageError, GoalTextureError; the old goal then stays.
        """
        check_image(raw, "goal image")
        size, expected = raw.shape[1::-1], self.rectifier.source.size
        if size != expected:
            raise ImageError(
                "goal image: is {} x {}, the camera's pictures are {} x {}: take it with the same camera".format(
                    *size, *expected
                )
            )
        image, intrinsics = self.rectifier.image(raw), self.rectifier.target
        count = self._matcher.set_goal(image, intrinsics)
        self._servo.set_goal(Goal.from_images(self._matcher.goal_points, intrinsics, self._distance_m))
        self.goal_image = image
        return count

    def see(self, raw: np.ndarray, stamp_s: float) -> Sight:
        """The next raw image of the camera and its time in s, strictly growing. Raises ImageError."""
        image = self.rectifier.image(raw)
        matches = Matches.none(0) if self.goal_image is None else self._matcher.match(image)
        result = self._servo.update(matches, stamp_s)
        moves = []
        if result.state is ServoState.SERVOING and result.T_cam_goal is not None:
            moves = advise(result.T_cam_goal, self._prior_m, self._distance_m is not None)
        return Sight(image, matches, result, moves)
