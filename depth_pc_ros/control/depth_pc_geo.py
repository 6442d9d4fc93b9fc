"""The default law: position-based servoing on the matches that a network accepts.

Source of the network: Depth-PC, arXiv 2411.17195; see `networks.depth_pc_geo` for what differs.
"""

from dataclasses import replace

import numpy as np

from depth_pc_ros.control.base import ControlLaw
from depth_pc_ros.control.match_judge import MatchJudge
from depth_pc_ros.control.pbvs import Pbvs, pbvs_output
from depth_pc_ros.errors import PoseError
from depth_pc_ros.pose.solver import Problem, View
from depth_pc_ros.pose.tracker import PoseTracker
from depth_pc_ros.types import LawOutput, Observation


class DepthPcGeo(ControlLaw):
    """The network judges the matches and gives a start for the pose; relative depth may give the goal's shape.

    Both only help where the geometry alone is ambiguous: pose and depths come from the solver that `Pbvs` uses, with
    its trust in unknown relief and its measured live depth. Metric goal depth is trusted less: a tighter sigma explains
    too few matches where most are wrong. How much of the relative depth the scene has is found by the solver: networks
    are often wrong about real images, and then it is none of it.
    """

    METRIC_SIGMA = 0.03  # relative, of metric goal depth
    # Of points without measured depth where other points have one: only the measured ones set the scale.
    HOLE_SIGMA = 2.0

    def __init__(self, model: str = "depth_pc_geo", freeze_depth: bool = True):
        self._judge = MatchJudge(model)
        self._tracker = PoseTracker(freeze_depth)

    def reset(self) -> None:
        self._judge.reset()
        self._tracker.reset()

    def __call__(self, observation: Observation) -> LawOutput:
        predicted = []
        if self._judge.due(observation, self._tracker.recheck_due):
            predicted = [self._judge.judge(observation)]
        seen = self._judge.believed(observation)
        problem = self._problem(observation)
        view = View(seen, observation.current[seen], observation.current_depth_m[seen])
        try:
            estimate = self._tracker.track(problem, view, [(T, problem.rho_prior) for T in predicted])
        except PoseError:
            self._judge.forget_judgement()
            raise
        return pbvs_output(observation.goal, estimate)

    def _problem(self, observation: Observation) -> Problem:
        """The goal's depth: as measured, else a plane at its distance, and its normalised depth for the shape."""
        problem = Problem.from_depth(
            observation.goal,
            observation.goal_depth_m,
            observation.distance_m,
            observation.focal_px,
            measured_sigma=self.METRIC_SIGMA,
            guess_sigma=self.HOLE_SIGMA if np.isfinite(observation.goal_depth_m).any() else Pbvs.RELIEF_SIGMA,
        )
        shape = self._judge.normalised_depth
        return replace(problem, shape=shape) if problem.tilts and np.any(shape) else problem
