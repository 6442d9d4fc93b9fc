"""How many metres a metre of the distance prior is worth: from the motion that was commanded and the motion seen."""

import numpy as np

from depth_pc_ros.geometry import se3


class MotionScale:
    """Poses from images alone are right up to one factor, that of the distance prior; motion commanded is in metres.

    Positions seen are those commanded, divided by the factor and shifted: a line, fitted by least squares over the
    last decimetres of the way. It begins at the prior's own factor 1, which weighs like a few frames of motion. Where
    the pose jumps, or the camera does not follow its commands, a new line begins, and the factor stays.

    factor: multiply seen lengths by it to get metres.
    """

    MEMORY_M = 0.15  # of the way after which a position counts e times less; none is forgotten at rest
    TRUST_M2 = 1e-3  # the prior weighs like so much sum of squared way
    STEP_M = 0.01  # of the way between two positions that are compared
    JUMP, JUMP_M = 4.0, 0.03  # a step seen so much longer than commanded is another solution of the pose
    FOLLOWS, FOLLOWS_M = 0.2, 0.04  # share that must be seen of so much way; less is a camera that does not follow
    ALIKE = 0.8  # squared correlation of ways seen and commanded below which they tell nothing
    RANGE = 4.0  # the prior is believed to within this factor

    def __init__(self):
        self.reset()

    def reset(self) -> None:
        """Back to the prior."""
        self.factor = 1.0
        self._way = np.zeros(3)  # commanded since the last position, camera axes, m
        self._begin_anew()

    def _begin_anew(self) -> None:
        self._last, self._slope = None, 1 / self.factor
        self._check = None  # way commanded (3,), position (3,) and factor when it was last asked whether it follows
        self._commanded = np.zeros(3)  # since the start, goal axes, m
        self._weight = 0.0
        self._mean = np.zeros((2, 3))  # of positions commanded and seen
        self._spread = np.zeros(3)  # sums of products: commanded twice, commanded and seen, seen twice

    def moved(self, way_m: np.ndarray) -> None:
        """Add commanded motion (3,) in m, camera axes."""
        self._way += way_m

    def see(self, T_cam_goal: np.ndarray) -> None:
        """Take the pose (4, 4) of a frame; its lengths are those of the prior."""
        T_goal_cam = se3.inverse(T_cam_goal)
        step, position = T_goal_cam[:3, :3] @ self._way, T_goal_cam[:3, 3]
        length = np.linalg.norm(step)
        if self._last is not None and length < self.STEP_M:
            return
        self._way = np.zeros(3)
        if self._last is not None:
            jumped = self.factor * np.linalg.norm(position - self._last) > self.JUMP * length + self.JUMP_M
            if jumped or not self._follows(step, position):
                self._begin_anew()
        self._last = position
        self._commanded += step
        if self._check is None:
            self._check = self._commanded.copy(), position, self.factor
        self._add(np.stack([self._commanded, position]), np.exp(-length / self.MEMORY_M))
        commanded, both, seen = self._spread
        if both > 0 and both**2 > self.ALIKE * commanded * seen:
            factor = (self.TRUST_M2 + commanded) / (self.TRUST_M2 * self._slope + both)
            self.factor = float(np.clip(factor, 1 / self.RANGE, self.RANGE))

    def _follows(self, step: np.ndarray, position: np.ndarray) -> bool:
        """Whether the camera went where it was sent, asked every FOLLOWS_M; if not, the factor is what it was."""
        commanded, since, factor = self._check
        way = self._commanded + step - commanded
        length = np.linalg.norm(way)
        if length < self.FOLLOWS_M:
            return True
        self._check = None
        if factor * (position - since) @ way >= self.FOLLOWS * length**2:
            return True
        self.factor = factor
        return False

    def _add(self, pair: np.ndarray, kept: float) -> None:
        """One more pair (2, 3) of positions in the weighted means and sums of squares."""
        self._weight = kept * self._weight + 1
        off = pair - self._mean
        self._mean = self._mean + off / self._weight
        left = pair - self._mean
        self._spread = kept * self._spread + np.array([off[0] @ left[0], off[0] @ left[1], off[1] @ left[1]])
