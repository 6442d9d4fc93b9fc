"""Position-based visual servoing on a robust relative pose.

Law: F. Chaumette, S. Hutchinson, "Visual servo control. I. Basic approaches", IEEE RAM 13(4), 2006, eq. 16: with
`T_cam_goal = (R, t)` the camera goes straight to the goal, `v = t`, `w = theta u (R)`, decoupled, at unit gain.
"""

import numpy as np

from depth_pc_ros.control.base import ControlLaw
from depth_pc_ros.control.pose_solver import TwoViewProblem, TwoViewSolution, refine
from depth_pc_ros.control.pose_start import candidate_poses
from depth_pc_ros.errors import PoseError
from depth_pc_ros.geometry import se3
from depth_pc_ros.types import LawOutput, Observation


def pbvs_twist(T_cam_goal: np.ndarray) -> np.ndarray:
    """Camera twist (6,) at unit gain that leads straight to the goal pose. T_cam_goal: (4, 4)."""
    return np.concatenate([T_cam_goal[:3, 3], se3.log_so3(T_cam_goal[:3, :3])])


class Pbvs(ControlLaw):
    """Solves the relative pose of each frame, from the last frame's pose where that still explains the matches.

    Depths are solved anew in every frame from their prior (metric depth, else the distance prior). A filter that
    carries them from frame to frame was tried and dropped: near the goal it bends the goal's relief until the
    remaining error looks like structure, and the servo stops centimetres away.
    """

    RELIEF_SIGMA = 0.1  # relative, of a point's depth about the distance prior where metric depth is unknown
    METRIC_SIGMA = 0.01  # relative, of metric goal depth
    MIN_SHARE, MIN_INLIERS = 0.35, 6  # support below which a pose is not trusted
    WARM_SHARE = 0.7  # a warm start that explains this share of the matches needs no fresh candidates

    def __init__(self):
        self.reset()

    def reset(self) -> None:
        self._T_cam_goal = None

    def __call__(self, observation: Observation) -> LawOutput:
        seen = np.flatnonzero(observation.matched)
        solution = self._solve(self._problem(observation, seen))
        support = np.count_nonzero(solution.inliers)
        if support < max(self.MIN_INLIERS, self.MIN_SHARE * len(seen)):
            self._T_cam_goal = None
            raise PoseError(f"pbvs: only {support} of {len(seen)} matches agree on one relative pose")
        self._T_cam_goal = solution.T_cam_goal
        inliers = np.zeros(len(observation.goal), dtype=bool)
        inliers[seen[solution.inliers]] = True
        return LawOutput(pbvs_twist(solution.T_cam_goal), inliers)

    def _problem(self, observation: Observation, seen: np.ndarray) -> TwoViewProblem:
        depth = observation.goal_depth_m[seen]
        metric = np.isfinite(depth)
        rho = 1.0 / np.where(metric, depth, observation.distance_m)
        sigma = np.where(metric, self.METRIC_SIGMA, self.RELIEF_SIGMA) * rho
        return TwoViewProblem(
            goal=observation.goal[seen],
            current=observation.current[seen],
            rho_prior=rho,
            rho_info=1.0 / sigma**2,
            current_depth_m=observation.current_depth_m[seen],
            focal_px=observation.focal_px,
        )

    def _solve(self, problem: TwoViewProblem) -> TwoViewSolution:
        solutions = []
        if self._T_cam_goal is not None:
            solutions.append(refine(problem, self._T_cam_goal, problem.rho_prior))
            if np.mean(solutions[0].inliers) >= self.WARM_SHARE:
                return solutions[0]
        solutions += [refine(problem, T, rho) for T, rho in candidate_poses(problem)]
        return min(solutions, key=lambda solution: solution.cost)
