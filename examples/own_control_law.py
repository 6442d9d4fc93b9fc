"""A control law of your own: partitioned image-based visual servoing.

    python examples/own_control_law.py --level L

A law gets an `Observation` (where the goal's keypoints are, where they are now, their depths as far as known) and
answers a `LawOutput`: the camera twist `[v, w]` that would remove the error in about one second (unit gain), and the
matches that it relied on. Speed limits, acceleration limits and the stopping rule are not its business. It raises
PoseError when no twist can be trusted: the camera then stands still, and the next image is another chance.

This law takes the motion along the optical axis and the rotation about it from how the whole image has grown and
turned. The other four directions come from the image Jacobian at the goal, on keypoints that are turned and scaled back
first: so a large rotation about the optical axis does not disturb them.

Source of the idea: P. Corke, S. Hutchinson, "A new partitioned approach to image-based visual servo control", IEEE
Transactions on Robotics and Automation 17(4), 2001. There, growth and turn come from an area and a line.
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
    """v_z and w_z from the similarity between goal and live image, the rest from what the similarity leaves."""

    INLIER_PX = 40.0  # relief and tilt are no similarity: this much difference from it is allowed

    def __call__(self, observation: Observation) -> LawOutput:
        seen = observation.matched
        goal, current = observation.goal[seen], observation.current[seen]
        similarity, _ = cv2.estimateAffinePartial2D(
            goal, current, ransacReprojThreshold=self.INLIER_PX / observation.focal_px
        )
        if similarity is None:
            raise PoseError(f"partitioned: no similarity explains the {len(goal)} matches")
        growth = np.hypot(similarity[0, 0], similarity[1, 0])
        R = similarity[:, :2] / growth  # from goal to live image; also from the turned camera to the camera

        twist = np.zeros(6)
        # At distance d the scene is seen d* / d times as large as at the goal.
        twist[V_Z] = observation.distance_m * (1 / growth - 1)
        twist[W_Z] = np.arctan2(R[1, 0], R[0, 0])
        # What a camera would see that has turned and approached by this already.
        error = current @ R / growth - goal
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
