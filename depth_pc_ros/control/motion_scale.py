"""Scale from motion: true lengths over those of the distance prior, from commanded and observed translation."""

import numpy as np

from depth_pc_ros.control.command_record import CommandRecord
from depth_pc_ros.geometry import se3


class MotionScale:
    """Poses from images alone are right up to one factor, that of the distance prior; commanded motion is in metres.

    Observed positions are the commanded ones, divided by the factor and shifted: a line, fitted by least squares over
    the last centimetres of the path. The fit begins at the last factor, weighted like a few frames of motion. Where the
    pose jumps or the camera does not follow its commands, a new line begins, and the factor stays.

    A slowed arm looks like a distance prior that is too small, so the factor grows slowly, is bounded, and does not
    grow where commands are not obeyed. It falls at once: a factor that is too small only makes the servo slow.

    factor: multiply observed lengths by it to get metres. record: of the commands, kept by their owner.
    """

    LOWEST, HIGHEST = 0.25, 2.2
    MEMORY_M = 0.06  # path after which the weight of a position has fallen by e; constant at rest
    TRUST_M2 = 3e-4  # weight of the factor that a line begins with, as a sum of squared path
    GROWTH_M = 0.03  # path in which the factor grows by 63 % of the difference to the fit
    STEP_M = 0.01  # path between two positions that are compared
    JUMP, JUMP_M = 4.0, 0.015  # observed over commanded translation of one image, above which the solution jumped
    FOLLOWS, FOLLOWS_M = 0.3, 0.04  # least share of so much path that a camera must have moved to follow
    ALIKE = 0.8  # least squared correlation of observed and commanded translation

    def __init__(self, record: CommandRecord) -> None:
        self._record = record
        # Translation commanded since the line began, goal axes, m: until now, and until the last comparison.
        self._commanded: np.ndarray = np.zeros(3)
        self._compared: np.ndarray = np.zeros(3)
        self.reset()

    def reset(self) -> None:
        """Back to the prior."""
        self.factor = 1.0
        self._seen_s = -np.inf  # stamp of the last pose
        self.begin_line()

    def begin_line(self) -> None:
        """Keep the factor, and compare no position with earlier ones."""
        self._position: np.ndarray | None = None  # observed in the last image, goal axes, m of the prior
        self._obeyed = True  # whether all commands of this line were

    def see(self, T_cam_goal: np.ndarray, stamp_s: float) -> None:
        """Take the pose (4, 4) of the image of this time; its lengths are those of the prior."""
        commanded, obeyed = self._record.translation(self._seen_s, stamp_s)
        self._seen_s = stamp_s
        T_goal_cam = se3.inverse(T_cam_goal)
        commanded, position = T_goal_cam[:3, :3] @ commanded, T_goal_cam[:3, 3]
        last, self._position = self._position, position
        if last is None or obeyed != self._obeyed or self._jumped(commanded, position - last):
            self._obeyed = obeyed
            self._start(position)
            return
        self._commanded = self._commanded + commanded
        length = float(np.linalg.norm(self._commanded - self._compared))
        if length < self.STEP_M:
            return
        if not self._follows(position):
            self._start(position)
            return
        self._compared = self._commanded
        self._add(np.stack([self._commanded, position]), np.exp(-length / self.MEMORY_M))
        self._update(length)

    def _jumped(self, commanded: np.ndarray, seen: np.ndarray) -> bool:
        return bool(np.linalg.norm(seen) > self.JUMP * np.linalg.norm(commanded) + self.JUMP_M)

    def _start(self, position: np.ndarray) -> None:
        """A new line begins at this position (3,)."""
        self._slope = 1 / self.factor  # observed over commanded, before anything is compared
        self._commanded = self._compared = np.zeros(3)
        self._check = self._commanded, position, self.factor  # at the last check whether the camera follows
        self._weight = 1.0
        self._mean = np.stack([self._commanded, position])  # of positions commanded and observed
        self._spread = np.zeros(3)  # sums of products: commanded squared, commanded times observed, observed squared

    def _follows(self, position: np.ndarray) -> bool:
        """Whether the camera follows its commands, checked every FOLLOWS_M; if not, the factor's growth is undone."""
        commanded, since, factor = self._check
        path = self._commanded - commanded
        length = np.linalg.norm(path)
        if length < self.FOLLOWS_M:
            return True
        self._check = self._commanded, position, self.factor
        if (position - since) @ path >= self.FOLLOWS * length**2:
            return True
        self.factor = min(self.factor, factor)
        return False

    def _add(self, pair: np.ndarray, kept: float) -> None:
        """One more pair (2, 3) of positions in the weighted means and sums of squares."""
        self._weight = kept * self._weight + 1
        off = pair - self._mean
        self._mean = self._mean + off / self._weight
        left = pair - self._mean
        self._spread = kept * self._spread + np.array([off[0] @ left[0], off[0] @ left[1], off[1] @ left[1]])

    def _update(self, length: float) -> None:
        """The factor after `length` more metres of path."""
        commanded, both, seen = self._spread
        if both <= 0 or both**2 < self.ALIKE * commanded * seen:
            return
        found = (self.TRUST_M2 + commanded) / (self.TRUST_M2 * self._slope + both)
        found = np.clip(found, self.LOWEST, self.HIGHEST)
        if found < self.factor:
            self.factor = float(found)
        elif self._obeyed:
            self.factor += float((found - self.factor) * -np.expm1(-length / self.GROWTH_M))
