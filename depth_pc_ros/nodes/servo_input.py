"""The controller's input: goal, depth and matches, joined by `goal_id` and by stamp."""

from collections import deque

import numpy as np
from sensor_msgs.msg import Image

from depth_pc_interfaces.msg import KeypointMatches, ServoGoal
from depth_pc_ros.control.servo import Servo
from depth_pc_ros.errors import DepthPcError
from depth_pc_ros.nodes.conversions import (
    depth_to_metres,
    goal_from_msg,
    matches_from_msg,
    relative_depth_from_image,
    stamp_to_seconds,
)
from depth_pc_ros.types import ServoState, StepResult

_DEPTHS_KEPT = 5


class ServoInput:
    """Feeds a `Servo` with messages. Every answer is a `StepResult`: wrong input gives a state and a message.

    max_depth_age_s: depth further than this from the image in time is not used.
    """

    def __init__(self, servo: Servo, max_depth_age_s: float):
        self._servo = servo
        self._max_depth_age_s = max_depth_age_s
        self._goal: ServoGoal | None = None
        self._goal_problem = ""  # why the servo could not take it
        self._depths: deque[tuple[float, Image]] = deque(maxlen=_DEPTHS_KEPT)
        self._goal_relative: Image | None = None  # estimated depth of the newest goal that has one
        self._relative_s = float("nan")  # stamp of the newest estimated depth; NaN: none has come yet
        self.depth_age_s = float("nan")  # of the depth used last, at its image's time
        self.problem = ""  # with the newest goal's estimated depth

    @property
    def goal_id(self) -> int:
        """Identity of the goal; 0: none."""
        return 0 if self._goal is None else self._goal.goal_id

    def set_goal(self, goal: ServoGoal) -> None:
        """Take a goal as the keypoint node published it; goal_id 0 clears."""
        self._goal = goal if goal.goal_id else None
        self.problem = self._goal_problem = ""
        self._servo.clear_goal()
        if self._goal is None:
            return
        try:
            self._servo.set_goal(goal_from_msg(goal))
        except DepthPcError as error:
            self._goal_problem = str(error)
            return
        self._use_goal_relative()

    def set_distance(self, distance: float) -> None:
        """Change the distance (m) of the goal that is set; there must be one."""
        self._goal.distance = distance
        self.set_goal(self._goal)

    def add_depth(self, msg: Image) -> None:
        """Take a metric depth image."""
        self._depths.append((stamp_to_seconds(msg.header.stamp), msg))

    def add_relative_depth(self, msg: Image) -> None:
        """Take an estimated depth of a live image. Raises ImageError."""
        self._relative_s = stamp_to_seconds(msg.header.stamp)
        self._servo.add_relative_depth(relative_depth_from_image(msg), self._relative_s)

    def set_goal_relative_depth(self, msg: Image) -> None:
        """Take the estimated depth of a goal image, before or after the goal itself."""
        self._goal_relative = msg
        if self._servo.goal is not None:
            self._use_goal_relative()

    def _use_goal_relative(self) -> None:
        """Give the servo the estimated depth of its goal, if it has come. A wrong one is dropped: it is not needed."""
        msg = self._goal_relative
        if msg is not None and msg.header.stamp == self._goal.header.stamp:
            try:
                self._servo.set_goal_relative_depth(relative_depth_from_image(msg, "goal relative depth"))
            except DepthPcError as error:
                self.problem = str(error)

    def awaits_depth(self, stamp_s: float) -> bool:
        """True when depth images, or estimates, arrive and the one of this time has not come yet."""
        return bool(self._depths and self._depths[-1][0] < stamp_s) or self._relative_s < stamp_s

    def stop_awaiting(self) -> None:
        """Stop waiting for depth until one comes again."""
        self._depths.clear()
        self._relative_s = float("nan")

    def step(self, msg: KeypointMatches, age_s: float = 0.0) -> StepResult:
        """One frame of matches. age_s: how old their image is, s."""
        self.depth_age_s = float("nan")
        stamp_s = stamp_to_seconds(msg.header.stamp)
        state, message = self._goal_state(msg)
        if state is None:
            try:
                result = self._servo.update(matches_from_msg(msg), stamp_s, self._depth_at(stamp_s), age_s)
            except DepthPcError as error:
                state, message = ServoState.STALE_INPUT, str(error)
        if state is not None:
            self._servo.abort()
            return StepResult.stopped(state, message)
        if result.depth_source == "estimated":
            self.depth_age_s = result.depth_age_s
        return result

    def _goal_state(self, msg: KeypointMatches) -> tuple[ServoState | None, str]:
        """Why these matches do not fit the goal, as a state and a message; (None, ""): they do."""
        if self._goal is None or msg.goal_id == 0:
            return ServoState.NO_GOAL, "no goal image has been set"
        if self._goal_problem:
            return ServoState.NO_GOAL, self._goal_problem
        if msg.goal_id != self.goal_id:
            return ServoState.STALE_INPUT, f"the matches are of goal {msg.goal_id}, not {self.goal_id}"
        return None, ""

    def _depth_at(self, stamp_s: float) -> np.ndarray | None:
        """Depth (H, W) in metres nearest to this time; None when there is none near enough."""
        if not self._depths:
            return None
        depth_stamp_s, msg = min(self._depths, key=lambda depth: abs(depth[0] - stamp_s))
        if abs(stamp_s - depth_stamp_s) > self._max_depth_age_s:
            return None
        self.depth_age_s = stamp_s - depth_stamp_s
        return depth_to_metres(msg)
