"""The last centimetres: the depths found on the way are held, and each image is asked for the pose alone."""

import dataclasses
from collections import deque

import numpy as np

from depth_pc_ros.control.pose_solver import SIGMA_PX, Problem, Solution
from depth_pc_ros.geometry import se3


class TerminalStage:
    """Decides when the goal's depths are held, and holds them.

    At the goal an image tells no depth, and a pose that is solved together with depths takes a shift for a turn that
    almost hides it: its noise is five to ten times that of a pose with known depths. The way to the goal has told them.
    That they are a little wrong does no harm: at the goal itself every depth fits.

    They are held once the goal is near and the views on the way have told the depths well for the noise that images
    have, and let go when the camera is farther off again or the held depths no longer explain an image. Entered and
    left at different distances, so it does not flutter. In blurred images they are not held: depths wrong by 2 % and
    more make the last correction slow, and the servo stops millimetres short.
    """

    NEAR, NEAR_RAD = 0.05, np.radians(4.0)  # shift as a share of the distance to the scene, and turn
    LEAVE = 2.0  # times as far
    KNOWN = 0.005  # relative standard deviation of the depths: so well must most of them be known
    FRAMES = 5  # near the goal, over which the noise is judged

    def __init__(self, enabled: bool = True):
        """enabled: False: depths are never held."""
        self._enabled = enabled
        self._noise_px = deque(maxlen=self.FRAMES)
        self.let_go()

    def let_go(self) -> None:
        """Depths are solved for again."""
        self._rho = self._rho_info = None
        self._noise_px.clear()

    @property
    def holds(self) -> bool:
        return self._rho is not None

    def held(self, problem: Problem) -> Problem:
        """The same problem with the held depths in place of its prior."""
        return dataclasses.replace(problem, rho_prior=self._rho, rho_info=self._rho_info)

    def look(self, problem: Problem, solution: Solution, seen: np.ndarray) -> None:
        """Hold or let go, by the solution of a frame. seen: (M,) the points that its last view supports."""
        if not self._enabled:
            return
        T = solution.poses[-1]
        shift = np.linalg.norm(T[:3, 3]) * np.median(solution.rho[seen])
        far = max(shift / self.NEAR, se3.rotation_angle(T[:3, :3]) / self.NEAR_RAD)
        if self.holds:
            if far > self.LEAVE:
                self.let_go()
            return
        if far > 1:
            self._noise_px.clear()
            return
        self._noise_px.append(solution.noise_px)
        # What views tell is for matches as noisy as SIGMA_PX says; what was known before does not depend on them.
        told = solution.rho_info[seen] * (SIGMA_PX / max(np.median(self._noise_px), 1e-6)) ** 2
        known = 1 / np.sqrt(np.median(solution.rho[seen] ** 2 * (problem.rho_info[seen] + told)))
        if len(self._noise_px) == self.FRAMES and known < self.KNOWN:
            self._rho, self._rho_info = solution.rho, problem.rho_info + solution.rho_info
