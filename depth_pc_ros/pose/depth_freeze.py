"""The last centimetres: the depths found on the path are frozen, and each image is solved for the pose alone."""

import dataclasses
from collections import deque

import numpy as np

from depth_pc_ros.geometry import se3
from depth_pc_ros.pose.solver import SIGMA_PX, Problem, Solution


class DepthFreeze:
    """Decides when the goal's depths are frozen, and keeps them.

    At the goal an image holds no information about depth, and a pose that is solved together with depths takes a
    translation for a rotation that almost hides it: its noise is five to ten times that of a pose with known depths.
    The path to the goal has shown them. That they are a little wrong does no harm: at the goal itself every depth fits.

    They are frozen once the goal is near and the views on the path have determined the depths well for the noise that
    images have, and released when the camera is farther off again or the frozen depths no longer explain an image.
    Entered and left at different distances, so it does not flutter. In blurred images they are not frozen: depths
    wrong by 2 % and more make the last correction slow, and the servo stops millimetres short.
    """

    NEAR, NEAR_RAD = 0.05, np.radians(4.0)  # translation as a share of the distance to the scene, and rotation
    LEAVE = 2.0  # times as far
    KNOWN = 0.005  # relative standard deviation of the depths: so well must most of them be known
    FRAMES = 5  # near the goal, over which the noise is judged

    def __init__(self, enabled: bool = True):
        """enabled: False: depths are never frozen."""
        self._enabled = enabled
        self._noise_px: deque[float] = deque(maxlen=self.FRAMES)
        self.release()

    def release(self) -> None:
        """Depths are solved for again."""
        self._rho = self._rho_info = None
        self._noise_px.clear()

    @property
    def frozen(self) -> bool:
        return self._rho is not None

    def apply(self, problem: Problem) -> Problem:
        """The same problem with the frozen depths in place of its prior."""
        return dataclasses.replace(problem, rho_prior=self._rho, rho_info=self._rho_info)

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
            self._rho, self._rho_info = solution.rho, problem.rho_info + solution.rho_info
