"""Position-based visual servoing on a robust relative pose.

The camera rotates towards the goal while the centre of the matches moves straight to its goal position in the camera's
frame (`geometry.se3.pbvs_twist`): a rotation about the camera would move matches at one side out of view.

Source: F. Chaumette, S. Hutchinson, "Visual servo control. I. Basic approaches", IEEE RAM 13(4), 2006.
"""

import numpy as np

from depth_pc_ros.control.base import ControlLaw
from depth_pc_ros.geometry import se3
from depth_pc_ros.pose.solver import Problem, View
from depth_pc_ros.pose.tracker import PoseEstimate, PoseTracker
from depth_pc_ros.types import LawOutput, Observation


def pbvs_output(goal: np.ndarray, estimate: PoseEstimate) -> LawOutput:
    """The twist for an estimated pose. goal: (N, 2) normalised goal points."""
    inliers = estimate.inliers
    # On the mean ray of the goal; a few far points would bias a mean of points.
    centre = np.append(goal[inliers].mean(axis=0), 1.0) / estimate.rho[inliers].mean()
    twist = se3.pbvs_twist(estimate.T_cam_goal, centre)
    return LawOutput(twist, inliers, estimate.T_cam_goal, estimate.metric)


class Pbvs(ControlLaw):
    """The pose from all matches, depth as it is measured, else about the depth prior."""

    RELIEF_SIGMA = 0.4  # relative, of a point's depth about the depth prior where it is not measured
    METRIC_SIGMA = 0.01  # relative, of metric goal depth

    def __init__(self, freeze_depth: bool = True):
        self._tracker = PoseTracker(freeze_depth)

    def reset(self) -> None:
        self._tracker.reset()

    def __call__(self, observation: Observation) -> LawOutput:
        return pbvs_output(observation.goal, self.estimate(observation))

    def estimate(self, observation: Observation) -> PoseEstimate:
        """Pose and depths of the next image. Raises PoseError where too few matches agree."""
        seen = np.flatnonzero(observation.matched)
        view = View(seen, observation.current[seen], observation.current_depth_m[seen])
        return self._tracker.track(self._problem(observation), view)

    def _problem(self, observation: Observation) -> Problem:
        return Problem.from_depth(
            observation.goal,
            observation.goal_depth_m,
            observation.distance_m,
            observation.focal_px,
            measured_sigma=self.METRIC_SIGMA,
            guess_sigma=self.RELIEF_SIGMA,
        )
