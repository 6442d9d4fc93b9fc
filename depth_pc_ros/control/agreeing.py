"""Few matches must agree on one relative pose, also for a law without one: wrong ones would lead it astray."""

import numpy as np

from depth_pc_ros.control.pbvs import Pbvs
from depth_pc_ros.types import Observation


class Agreeing:
    """Which matches a law without a pose may use: all of many, of a few those that one relative pose explains."""

    FEW = 60  # matches; of more the check for rigidity is enough

    def __init__(self) -> None:
        self._pose = Pbvs()

    def reset(self) -> None:
        """Forget all earlier frames."""
        self._pose.reset()

    def __call__(self, observation: Observation) -> np.ndarray:
        """Mask (N,) of the matches. Raises PoseError where too few agree."""
        if np.count_nonzero(observation.matched) >= self.FEW:
            self.reset()
            return observation.matched
        return self._pose.estimate(observation).inliers
