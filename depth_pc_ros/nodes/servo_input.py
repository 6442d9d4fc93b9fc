"""The controller's input: goal, depth and matches, joined by `goal_id` and by stamp."""

from collections import deque

import numpy as np
from sensor_msgs.msg import Image

from depth_pc_interfaces.msg import KeypointMatches, ServoGoal
from depth_pc_ros.control.servo import Servo
from depth_pc_ros.errors import DepthPcError
from depth_pc_ros.nodes.bounds import check_header, check_image_msg, goal_distance, opencv_errors
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
        self.goal_problem = ""  # why the newest goal was refused; the one before it is kept
        self._depths: deque[tuple[float, Image]] = deque(maxlen=_DEPTHS_KEPT)
        self._goal_relative: list[Image] = []  # estimated depth of the goal, and of the goal that may come next
        self._relative_s = float("nan")  # stamp of the newest estimated depth; NaN: none has come yet
        self.depth_age_s = float("nan")  # of the depth used last, at its image's time
        self.problem = ""  # with the newest goal's estimated depth

    @property
    def goal_id(self) -> int:
        """Identity of the goal; 0: none."""
        return 0 if self._goal is None else self._goal.goal_id

    def set_goal(self, goal: ServoGoal) -> None:
        """Take a goal as the keypoint node published it; goal_id 0 clears. See `goal_problem`."""
        self.goal_problem = ""
        if not goal.goal_id:
            self._goal, self.problem = None, ""
            self._servo.clear_goal()
            return
        try:
            with opencv_errors("goal"):
                self._servo.set_goal(goal_from_msg(goal), goal.keep_moving)
        except DepthPcError as error:
            self.goal_problem = f"goal {goal.goal_id} was refused: {error}"
            if self._servo.goal is None:
                self._goal = goal  # matches are of this one
            return
        self._goal, self.problem = goal, ""
        self._use_goal_relative()

    def set_distance(self, distance: float) -> None:
        """Change the distance (m) of the goal that is set; there must be one. Raises GoalError."""
        self._goal.distance = goal_distance(distance) or 0.0
        self._goal.keep_moving = False
        self.set_goal(self._goal)

    def add_depth(self, msg: Image) -> None:
        """Take a metric depth image. Raises ImageError."""
        check_image_msg(msg, "depth image", 1)
        self._depths.append((stamp_to_seconds(msg.header.stamp), msg))

    def add_relative_depth(self, msg: Image) -> None:
        """Take an estimated depth of a live image. Raises ImageError."""
        check_header(msg.header, "relative depth")
        self._relative_s = stamp_to_seconds(msg.header.stamp)
        size = None if self._servo.goal is None else self._servo.goal.intrinsics.size
        self._servo.add_relative_depth(relative_depth_from_image(msg, size=size), self._relative_s)

    def set_goal_relative_depth(self, msg: Image) -> None:
        """Take the estimated depth of a goal image, before or after the goal itself. Raises ImageError."""
        check_image_msg(msg, "goal relative depth", 4)
        stamp = None if self._goal is None else self._goal.header.stamp
        self._goal_relative = [kept for kept in self._goal_relative if kept.header.stamp == stamp != msg.header.stamp]
        self._goal_relative.append(msg)
        self._use_goal_relative()

    def _use_goal_relative(self) -> None:
        """Give the servo the estimated depth of its goal, if it has come. A wrong one is dropped: it is not needed."""
        if self._servo.goal is None:
            return
        of_goal = [msg for msg in self._goal_relative if msg.header.stamp == self._goal.header.stamp]
        for msg in of_goal:
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
                with opencv_errors("matches"):
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
        if self._servo.goal is None:
            return ServoState.NO_GOAL, self.goal_problem
        if msg.goal_id != self.goal_id:
            refused = f"; {self.goal_problem}" if self.goal_problem else ""
            return ServoState.STALE_INPUT, f"the matches are of goal {msg.goal_id}, not {self.goal_id}{refused}"
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
