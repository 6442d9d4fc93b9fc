"""Image-based visual servoing.

Source: F. Chaumette, S. Hutchinson, "Visual servo control. I. Basic approaches", IEEE RAM 13(4), 2006, eq. 13:
`v = -L_mean^+ e`, with the mean of the interaction matrices at the current and at the goal points (E. Malis, 2004).
"""

import numpy as np

from depth_pc_ros.control.base import ControlLaw
from depth_pc_ros.control.pbvs import Pbvs
from depth_pc_ros.errors import PoseError
from depth_pc_ros.geometry import se3
from depth_pc_ros.geometry.interaction import interaction_matrix
from depth_pc_ros.types import LawOutput, Observation


class Ibvs(ControlLaw):
    """`v = -((L + L*) / 2)^+ (s - s*)` over the matches that agree on one relative pose, with the depths of that pose.

    One depth for all points would do on a plane that the camera faces. Of other scenes it makes the law unstable where
    the matches are in a part of the image (E. Malis, P. Rives, "Robustness of image-based visual servoing with respect
    to depth distribution errors", ICRA 2003).
    """

    MAX_CONDITION = 1e6  # condition number of L_mean; above, some direction of motion is not observed

    def __init__(self) -> None:
        self._pose = Pbvs()

    def reset(self) -> None:
        self._pose.reset()

    def __call__(self, observation: Observation) -> LawOutput:
        estimate = self._pose.estimate(observation)
        seen = estimate.inliers
        goal, current = observation.goal[seen], observation.current[seen]
        goal_depth = 1 / estimate.rho[seen]
        points = goal_depth[:, None] * np.column_stack([goal, np.ones(len(goal))])
        current_depth = se3.transform(estimate.T_cam_goal, points)[:, 2]

        L = 0.5 * (interaction_matrix(current, current_depth) + interaction_matrix(goal, goal_depth)).reshape(-1, 6)
        singular = np.linalg.svd(L, compute_uv=False)
        if singular[-1] * self.MAX_CONDITION < singular[0]:
            raise PoseError(f"the {len(goal)} matched points do not fix all six directions of motion")
        twist = -np.linalg.lstsq(L, (current - goal).ravel(), rcond=None)[0]
        return LawOutput(twist, seen, estimate.T_cam_goal, estimate.metric)
