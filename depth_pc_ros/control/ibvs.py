"""Image-based visual servoing.

Source: F. Chaumette, S. Hutchinson, "Visual servo control. I. Basic approaches", IEEE RAM 13(4), 2006, eq. 13:
`v = -L_mean^+ e`, with the mean of the interaction matrices at the current and at the goal points (E. Malis, 2004).
"""

import numpy as np

from depth_pc_ros.control.agreeing import Agreeing
from depth_pc_ros.control.base import ControlLaw
from depth_pc_ros.errors import PoseError
from depth_pc_ros.geometry.interaction import interaction_matrix
from depth_pc_ros.types import LawOutput, Observation


class Ibvs(ControlLaw):
    """`v = -((L + L*) / 2)^+ (s - s*)` over all matched points, depth from the observation or the distance prior."""

    MAX_CONDITION = 1e6  # condition number of L_mean; above, some direction of motion is not observed

    def __init__(self) -> None:
        self._agreeing = Agreeing()

    def reset(self) -> None:
        self._agreeing.reset()

    def __call__(self, observation: Observation) -> LawOutput:
        seen = self._agreeing(observation)
        goal, current = observation.goal[seen], observation.current[seen]
        goal_depth = observation.goal_depth_m[seen]
        goal_depth = np.where(np.isfinite(goal_depth), goal_depth, observation.distance_m)
        current_depth = observation.current_depth_m[seen]
        current_depth = np.where(np.isfinite(current_depth), current_depth, goal_depth)

        L = 0.5 * (interaction_matrix(current, current_depth) + interaction_matrix(goal, goal_depth)).reshape(-1, 6)
        singular = np.linalg.svd(L, compute_uv=False)
        if singular[-1] * self.MAX_CONDITION < singular[0]:
            raise PoseError(f"the {len(goal)} matched points do not fix all six directions of motion")
        twist = -np.linalg.lstsq(L, (current - goal).ravel(), rcond=None)[0]
        return LawOutput(twist, seen.copy())
