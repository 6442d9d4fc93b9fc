"""Measured depth held against its own statistics, the given distance, the other view, and the commanded motion."""

from collections import deque
from typing import NamedTuple

import numpy as np

from depth_pc_ros.control.command_record import CommandRecord
from depth_pc_ros.geometry import se3
from depth_pc_ros.types import Observation

_LAGS_S = np.array([0.0, 0.15, 0.3])  # of the motion behind the record


class _Step(NamedTuple):
    """From one image to the next: translation (3,) in lengths of the depth; commanded ones (lags, 3), and angles."""

    seen: np.ndarray
    commanded: np.ndarray
    angles: np.ndarray
    R_goal_cam: np.ndarray
    stamp_s: float


class DepthCheck:
    """Finds depth that is not in metres, or otherwise wrong by a factor outside `ALLOWED`.

    An arm is never faster than commanded, but it may be slower. So depth that seems too small has to be smaller than
    the arm's slowness explains; that shows in its rotation, else 0.15 of the commanded speed are taken for possible.

    record: of the commands, kept by their owner.
    """

    PLAUSIBLE_M = (0.02, 20.0)  # median depth in front of a wrist camera
    ALLOWED = (0.7, 1.4)  # measured over true
    GIVEN = (0.25, 4.0)  # measured over a distance that a person gave, which may be rough
    FEWEST = 8  # points with depth
    IMAGES = 5  # in a row that have to show a problem
    PATH_M, WINDOW_M, WINDOW_S = 0.02, 0.2, 3.0  # commanded path that is needed, that is looked back at
    SLACK_M, DRIFT_M_S = 0.04, 0.025  # translation by a wrong lever arm, by a moving target
    TURN = np.radians(6.0)  # a commanded rotation that shows the arm's speed
    SLOWEST = 0.15

    def __init__(self, record: CommandRecord) -> None:
        self._record = record
        self.reset()

    def reset(self) -> None:
        """Forget all images."""
        self._in_a_row = 0
        self.begin()

    def begin(self) -> None:
        """Compare no pose with earlier ones, as after a gap."""
        self._last: tuple[np.ndarray, float] | None = None
        self._steps: deque[_Step] = deque()

    def problem_of(self, depth_m: np.ndarray, distance_m: float | None = None) -> str:
        """What is wrong with measured depths (N,), NaN where unknown; empty: nothing.

        distance_m: from camera to scene, where a person gave it.
        """
        known = depth_m[np.isfinite(depth_m)]
        if not known.size:
            return ""
        median = float(np.median(known))
        low, high = self.PLAUSIBLE_M
        if not low <= median <= high:
            return f"its median is {median:.3g} m" + _unit(median / 0.5)
        factor = 1.0 if distance_m is None else median / distance_m
        if not self.GIVEN[0] <= factor <= self.GIVEN[1]:
            return f"its median is {median:.3g} m, the given distance {distance_m:.3g} m" + _unit(factor)
        return ""

    def see(self, T_cam_goal: np.ndarray | None, observation: Observation, inliers: np.ndarray, stamp_s: float) -> str:
        """What is wrong with the depth of this image and its goal; empty: nothing, or it is too early to say.

        T_cam_goal: (4, 4), lengths from the measured depth; None: there is no such pose. inliers: (N,) bool.
        """
        problem = self.problem_of(observation.current_depth_m[inliers])
        if T_cam_goal is not None and not problem:
            problem = self._between_views(T_cam_goal, observation, inliers) or self._against_motion(T_cam_goal, stamp_s)
        self._in_a_row = self._in_a_row + 1 if problem else 0
        return problem if self._in_a_row >= self.IMAGES else ""

    def _between_views(self, T_cam_goal: np.ndarray, observation: Observation, inliers: np.ndarray) -> str:
        goal_depth_m, current_depth_m = observation.goal_depth_m, observation.current_depth_m
        both = inliers & np.isfinite(goal_depth_m) & np.isfinite(current_depth_m)
        if np.count_nonzero(both) < self.FEWEST:
            return ""
        points = np.column_stack([observation.goal[both], np.ones(np.count_nonzero(both))]) * goal_depth_m[both, None]
        expected_m = se3.transform(T_cam_goal, points)[:, 2]
        factor = float(np.median(current_depth_m[both] / np.maximum(expected_m, 1e-6)))
        if self.ALLOWED[0] <= factor <= self.ALLOWED[1]:
            return ""
        return f"the live depth is {factor:.3g} times what the goal's depth lets expect" + _unit(factor)

    def _against_motion(self, T_cam_goal: np.ndarray, stamp_s: float) -> str:
        T_goal_cam = se3.inverse(T_cam_goal)
        last, self._last = self._last, (T_goal_cam, stamp_s)
        if last is None:
            return ""
        R = T_goal_cam[:3, :3]
        motions, obeyed = self._record.motions(last[1] - _LAGS_S, stamp_s - _LAGS_S)
        if not obeyed:
            self._steps.clear()
            return ""
        seen = T_goal_cam[:3, 3] - last[0][:3, 3]
        self._steps.append(_Step(seen, motions[:, :3] @ R.T, motions[:, 3:] @ R.T, R, stamp_s))
        commanded = np.array([step.commanded for step in self._steps])  # (images, lags, 3)
        left_m = np.cumsum(np.linalg.norm(commanded[::-1, 0], axis=1))
        while len(self._steps) > 1 and (
            left_m[len(self._steps) - 1] > self.WINDOW_M or stamp_s - self._steps[0].stamp_s > self.WINDOW_S
        ):
            self._steps.popleft()
        steps = list(self._steps)
        commanded = commanded[-len(steps) :]
        if left_m[len(steps) - 1] < self.PATH_M:
            return ""
        seen = np.array([step.seen for step in steps])
        # The median over the images resists a jump of the solution; the sum over them is less noisy.
        length2 = np.maximum((commanded[:, 0] ** 2).sum(axis=1), 1e-12)
        factor = float(np.median((seen * commanded[:, 0]).sum(axis=1) / length2))
        seen_m = np.linalg.norm(seen.sum(axis=0))
        commanded_m = np.linalg.norm(commanded.sum(axis=0), axis=1)
        slack_m = self.SLACK_M + self.DRIFT_M_S * (stamp_s - steps[0].stamp_s)
        if factor > self.ALLOWED[1] and np.all(seen_m > self.ALLOWED[1] * commanded_m + slack_m):
            return f"by the commanded motion it is about {factor:.2g} times too large" + _unit(factor)
        speed = self._speed(steps)
        if factor < self.ALLOWED[0] * speed.min() and np.all(seen_m + slack_m < self.ALLOWED[0] * speed * commanded_m):
            factor = max(factor, 1e-3) / float(np.median(speed))
            return f"by the commanded motion it is about {1 / factor:.2g} times too small" + _unit(factor)
        return ""

    def _speed(self, steps: list[_Step]) -> np.ndarray:
        """Speed of the arm over the commanded one (lags,), at most 1, from its rotation, else the lowest possible."""
        commanded = np.linalg.norm(sum(step.angles for step in steps), axis=1)
        seen = se3.rotation_angle(steps[0].R_goal_cam.T @ steps[-1].R_goal_cam)
        found = np.clip(seen / np.maximum(commanded, 1e-9), self.SLOWEST, 1.0)
        return np.where(commanded < self.TURN, self.SLOWEST, found)


def _unit(factor: float) -> str:
    """What so large a factor is likely to mean, measured over true."""
    if 200 < factor < 5000:
        return ": it looks like millimetres"
    if 20 < factor <= 200:
        return ": it looks like centimetres"
    return ": it looks like kilometres" if 0.0002 < factor < 0.005 else ""
