"""Near the goal the depths found on the path are frozen, and each image is solved for the pose alone."""

import dataclasses
from collections import deque

import numpy as np

from depth_pc_ros.geometry import se3
from depth_pc_ros.pose.solver import SIGMA_PX, Problem, Solution


class DepthFreeze:
    """Decides when the goal's depths are frozen, and keeps them.

    At the goal an image has no information about depth, and a pose that is solved together with depths is noisy: it
    confuses a translation with a rotation that almost cancels it. The views on the path have determined the depths.
    Small errors in them do no harm: at the goal itself every depth fits.

    They are frozen once the goal is near and the views on the path have determined the depths well for the noise of
    the images, and released when the camera is farther off again or the frozen depths no longer explain an image.
    The two distances differ, so that it does not switch back and forth. In blurred images they are not frozen: errors
    in the depths would make the last correction slow, and the servo would stop too early.
    """

    NEAR, NEAR_RAD = 0.05, np.radians(4.0)  # translation as a share of the distance to the scene, and rotation
    LEAVE = 2.0  # times as far
    KNOWN = 0.005  # largest median relative standard deviation of the depths
    FRAMES = 5  # near the goal, over which the noise is measured

    def __init__(self, enabled: bool = True):
        """enabled: False: depths are never frozen."""
        self._enabled = enabled
        self._noise_px: deque[float] = deque(maxlen=self.FRAMES)
        self.release()

    def release(self) -> None:
        """Solve for the depths again."""
        self._depths: tuple[np.ndarray, np.ndarray] | None = None  # inverse depths and their information
        self._noise_px.clear()

    @property
    def frozen(self) -> bool:
        return self._depths is not None

    def apply(self, problem: Problem) -> Problem:
        """The same problem with the frozen depths in place of its prior; as it is where none are frozen."""
        if self._depths is None:
            return problem
        rho, info = self._depths
        return dataclasses.replace(problem, rho_prior=rho, rho_info=info, tilts=False, tail=np.inf)

    def update(self, problem: Problem, solution: Solution, seen: np.ndarray) -> None:
        """Freeze or release, by the solution of a frame. seen: (M,) indices of the last view's inliers."""
        if not self._enabled:
            return
        T = solution.poses[-1]
        translation = np.linalg.norm(T[:3, 3]) * np.median(solution.rho[seen])
        far = max(translation / self.NEAR, se3.rotation_angle(T[:3, :3]) / self.NEAR_RAD)
        if self.frozen:
            if far > self.LEAVE:
                self.release()
            return
        if far > 1:
            self._noise_px.clear()
            return
        self._noise_px.append(solution.noise_px)
        # The information of the views is for matches as noisy as SIGMA_PX; the prior's does not depend on them.
        seen_info = solution.rho_info[seen] * (SIGMA_PX / max(np.median(self._noise_px), 1e-6)) ** 2
        known = 1 / np.sqrt(np.median(solution.rho[seen] ** 2 * (problem.rho_info[seen] + seen_info)))
        if len(self._noise_px) == self.FRAMES and known < self.KNOWN:
            self._depths = solution.rho, problem.rho_info + solution.rho_info
