"""Depth in metres of the goal and the live image, as far as it is to be believed."""

import dataclasses

import numpy as np

from depth_pc_ros.control.command_record import CommandRecord
from depth_pc_ros.control.depth_check import DepthCheck
from depth_pc_ros.geometry.camera import Intrinsics, check_depth, sample_depth
from depth_pc_ros.pose.candidates import poses_from_depth
from depth_pc_ros.types import Goal, LawOutput, Matches, Observation


class MeasuredDepth:
    """Holds the goal with its measured depth; drops all measured depth where `DepthCheck` finds it wrong.

    goal: with its distance, and with its depth where that is used. problem: why measured depth is not used; empty:
    nothing is wrong with it.

    record: of the commands, kept by their owner. default_distance_m: of a goal without distance and depth.
    """

    def __init__(self, record: CommandRecord, default_distance_m: float) -> None:
        self._check = DepthCheck(record)
        self._default_distance_m = self._distance_m = default_distance_m
        self._given: Goal | None = None
        self.goal: Goal | None = None
        self.problem = ""

    def set_goal(self, goal: Goal | None) -> None:
        """A new goal, as it is given; None: none."""
        self._given = goal
        self.reset()

    def set_goal_relative_depth(self, depth: np.ndarray) -> None:
        """Estimated depth (H, W) of the goal image. Raises ImageError."""
        if self._given is not None and self.goal is not None:
            self._given = self._given.with_relative_depth(depth)
            self.goal = dataclasses.replace(self.goal, relative_depth=self._given.relative_depth)

    def reset(self) -> None:
        """Use measured depth again, unless its values alone show that it is wrong."""
        self._check.reset()
        given = self.goal = self._given
        self._use("" if given is None else self._check.problem_of(given.metric_depth_m, given.distance_m))

    def begin(self) -> None:
        """Compare no pose with earlier ones, as after a gap."""
        self._check.begin()

    @property
    def distance_m(self) -> float:
        """The goal's distance: given, else its median depth, else the default."""
        return self._distance_m

    def live(self, depth: np.ndarray | None, matches: Matches, intrinsics: Intrinsics) -> np.ndarray:
        """Depth (N,) m of the live points; NaN where unknown, or not used. depth: (H, W) m, None: not measured.

        Depth that cannot be in metres is dropped, as no pose could be found with it. Raises ImageError.
        """
        if depth is None or self.problem:
            return np.full(len(matches.matched), np.nan)
        live = sample_depth(check_depth(depth, intrinsics.size), matches.current_points)
        problem = self._check.problem_of(live[matches.matched])
        if problem:
            self._use(problem)
            live[:] = np.nan
        return live

    def see(self, observation: Observation, law: LawOutput, stamp_s: float) -> bool:
        """Whether measured depth is found wrong just now; then it is not used any more."""
        T_cam_goal = law.T_cam_goal if law.metric else None
        if law.T_cam_goal is None:  # the law solves for no pose
            seen = observation.matched
            poses = poses_from_depth(  # the first is enough, so the second is not solved for
                observation.goal[seen], observation.current[seen], observation.goal_depth_m[seen],
                observation.current_depth_m[seen], observation.focal_px,
            )  # fmt: skip
            T_cam_goal = next(poses, None)
        problem = self._check.see(T_cam_goal, observation, law.inliers, stamp_s)
        if problem:
            self._use(problem)
        return bool(problem)

    def _use(self, problem: str) -> None:
        """Use the depth where no problem with it is known; the goal's distance follows from that."""
        self.problem = f"measured depth is not used: {problem}" if problem else ""
        goal = self._given
        if goal is None:
            return
        if problem:
            goal = dataclasses.replace(goal, metric_depth_m=np.full(goal.num_keypoints, np.nan))
        known = goal.metric_depth_m[np.isfinite(goal.metric_depth_m)]
        median_m = float(np.median(known)) if known.size else self._default_distance_m
        self._distance_m = median_m if goal.distance_m is None else goal.distance_m
        self.goal = dataclasses.replace(goal, distance_m=self._distance_m)
