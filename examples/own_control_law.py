"""A control law of your own: partitioned image-based visual servoing.

    python examples/own_control_law.py --level L

A law gets an `Observation` (where the goal's keypoints are, where they are now, their depths as far as known) and
answers a `LawOutput`: the camera twist `[v, w]` that would remove the error in about one second (unit gain), and the
matches that it relied on. Speed limits, acceleration limits and the stopping rule are not its task. It raises
PoseError when no reliable twist exists: the camera then stands still until a later image gives one.

This law takes the motion along the optical axis and the rotation about it from scale and rotation of the whole image.
The other four directions come from the image Jacobian at the goal, on keypoints with that scale and rotation removed:
so a large rotation about the optical axis does not disturb them.

Source of the idea: P. Corke, S. Hutchinson, "A new partitioned approach to image-based visual servo control", IEEE
Transactions on Robotics and Automation 17(4), 2001. There, scale and rotation come from an area and a line.
"""

import cv2
import numpy as np
from servo_in_simulation import SimWorld, arguments, report, servo

from depth_pc_ros.config import PipelineConfig
from depth_pc_ros.control.base import ControlLaw
from depth_pc_ros.errors import PoseError
from depth_pc_ros.geometry.interaction import interaction_matrix
from depth_pc_ros.pipeline import ServoPipeline
from depth_pc_ros.types import LawOutput, Observation

V_XY, V_Z, W_XY, W_Z = [0, 1], 2, [3, 4], 5  # parts of a twist


class PartitionedIbvs(ControlLaw):
    """v_z and w_z from the similarity between goal and live image, the rest from the residual."""

    INLIER_PX = 40.0  # relief and tilt are no similarity: this much residual is allowed

    def __call__(self, observation: Observation) -> LawOutput:
        seen = observation.matched
        goal, current = observation.goal[seen], observation.current[seen]
        similarity, _ = cv2.estimateAffinePartial2D(
            goal, current, ransacReprojThreshold=self.INLIER_PX / observation.focal_px
        )
        if similarity is None:
            raise PoseError(f"partitioned: no similarity explains the {len(goal)} matches")
        scale = np.hypot(similarity[0, 0], similarity[1, 0])
        R = similarity[:, :2] / scale  # from goal to live image; also from the rotated camera to the camera

        twist = np.zeros(6)
        # At distance d the scene is seen d* / d times as large as at the goal.
        twist[V_Z] = observation.distance_m * (1 / scale - 1)
        twist[W_Z] = np.arctan2(R[1, 0], R[0, 0])
        # The residual after this rotation and translation along the axis.
        error = current @ R / scale - goal
        L = interaction_matrix(goal, np.full(len(goal), observation.distance_m)).reshape(-1, 6)
        across = np.linalg.lstsq(L[:, [*V_XY, *W_XY]], -error.ravel(), rcond=None)[0]
        twist[V_XY], twist[W_XY] = R @ across[:2], R @ across[2:]
        return LawOutput(twist, seen.copy())


def main() -> int:
    flags = arguments("Servo a simulated camera with a control law of your own.").parse_args()
    with SimWorld(seed=flags.seed, level=flags.level) as world:
        pipeline = ServoPipeline(PipelineConfig(), law=PartitionedIbvs())
        return report(world, *servo(pipeline, world))


if __name__ == "__main__":
    raise SystemExit(main())
