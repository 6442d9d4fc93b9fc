"""How many metres a metre of the distance prior is worth: from the motion that was commanded and the motion seen."""

from collections import deque

import numpy as np

from depth_pc_ros.control.intervals import interval_s
from depth_pc_ros.geometry import se3

_COMMANDS_KEPT = 512
_LONGEST_S = 0.25  # no command is obeyed for longer: then the adapter stops the arm


class MotionScale:
    """Poses from images alone are right up to one factor, that of the distance prior; motion commanded is in metres.

    Positions seen are those commanded, divided by the factor and shifted: a line, fitted by least squares over the
    last centimetres of the way. It begins at the last factor, which weighs like a few frames of motion. Where the pose
    jumps or the camera does not follow its commands, a new line begins, and the factor stays.

    An arm that is slowed down looks like a distance too short, so the factor grows slowly, little, and never where
    commands are not obeyed; it falls at once, for a factor too small only makes the servo slow.

    factor: multiply seen lengths by it to get metres.
    """

    LOWEST, HIGHEST = 0.25, 2.2
    MEMORY_M = 0.06  # of the way after which a position counts e times less; none is forgotten at rest
    TRUST_M2 = 3e-4  # the factor that a line begins with weighs like so much sum of squared way
    GROWTH_M = 0.03  # of the way in which the factor grows to 63 % of what is found
    STEP_M = 0.01  # of the way between two positions that are compared
    JUMP, JUMP_M = 4.0, 0.015  # from image to image, way seen so much longer than commanded is another solution
    FOLLOWS, FOLLOWS_M = 0.3, 0.04  # share that must be seen of so much way; less is a camera that does not follow
    ALIKE = 0.8  # squared correlation of ways seen and commanded below which they tell nothing

    def __init__(self):
        self.reset()

    def reset(self) -> None:
        """Back to the prior."""
        self.factor = 1.0
        self._commands: deque[tuple[float, float, np.ndarray, bool]] = deque(maxlen=_COMMANDS_KEPT)
        self.begin_line()

    def begin_line(self) -> None:
        """Keep the factor, and compare no position with earlier ones."""
        self._position = None  # seen in the last image, goal axes, m of the prior
        self._obeyed = True  # whether all commands of this line were

    def moved(self, velocity: np.ndarray, begin_s: float, end_s: float, obeyed: bool = True) -> None:
        """Add a velocity (3,), m/s, camera axes, that was commanded from `begin_s` to `end_s` of the images' clock.

        obeyed: False where something limits the camera's motion.
        """
        end_s = min(end_s, begin_s + _LONGEST_S)
        if end_s > begin_s and velocity.any():
            self._commands.append((begin_s, end_s, velocity.copy(), obeyed))

    def see(self, T_cam_goal: np.ndarray, stamp_s: float) -> None:
        """Take the pose (4, 4) of the image of this time; its lengths are those of the prior."""
        way, obeyed = self._way_until(stamp_s)
        T_goal_cam = se3.inverse(T_cam_goal)
        way, position = T_goal_cam[:3, :3] @ way, T_goal_cam[:3, 3]
        last, self._position = self._position, position
        if last is None or obeyed != self._obeyed or self._jumped(way, position - last):
            self._obeyed = obeyed
            self._start(position)
            return
        self._commanded = self._commanded + way
        length = np.linalg.norm(self._commanded - self._compared)
        if length < self.STEP_M:
            return
        if not self._follows(position):
            self._start(position)
            return
        self._compared = self._commanded
        self._add(np.stack([self._commanded, position]), np.exp(-length / self.MEMORY_M))
        self._update(length)

    def _way_until(self, stamp_s: float) -> tuple[np.ndarray, bool]:
        """The way (3,) commanded since the last image, m, camera axes, and whether it was obeyed."""
        way, obeyed = np.zeros(3), True
        while self._commands and self._commands[0][0] < stamp_s:
            begin_s, end_s, velocity, sure = self._commands.popleft()
            way += interval_s(begin_s, min(end_s, stamp_s)) * velocity
            obeyed = obeyed and sure
            if end_s > stamp_s:
                self._commands.appendleft((stamp_s, end_s, velocity, sure))
        return way, obeyed

    def _jumped(self, way: np.ndarray, seen: np.ndarray) -> bool:
        return np.linalg.norm(seen) > self.JUMP * np.linalg.norm(way) + self.JUMP_M

    def _start(self, position: np.ndarray) -> None:
        """A new line begins at this position (3,)."""
        self._slope = 1 / self.factor  # seen by commanded, before anything is compared
        self._commanded = self._compared = np.zeros(3)  # since the start, goal axes, m: now, and at the last comparison
        self._check = self._commanded, position, self.factor  # when it was last asked whether the camera follows
        self._weight = 1.0
        self._mean = np.stack([self._commanded, position])  # of positions commanded and seen
        self._spread = np.zeros(3)  # sums of products: commanded twice, commanded and seen, seen twice

    def _follows(self, position: np.ndarray) -> bool:
        """Whether the camera went where it was sent, asked every FOLLOWS_M; if not, the factor grows back."""
        commanded, since, factor = self._check
        way = self._commanded - commanded
        length = np.linalg.norm(way)
        if length < self.FOLLOWS_M:
            return True
        self._check = self._commanded, position, self.factor
        if (position - since) @ way >= self.FOLLOWS * length**2:
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
        """The factor after `length` more metres of way."""
        commanded, both, seen = self._spread
        if both <= 0 or both**2 < self.ALIKE * commanded * seen:
            return
        found = (self.TRUST_M2 + commanded) / (self.TRUST_M2 * self._slope + both)
        found = np.clip(found, self.LOWEST, self.HIGHEST)
        if found < self.factor:
            self.factor = float(found)
        elif self._obeyed:
            self.factor += float((found - self.factor) * -np.expm1(-length / self.GROWTH_M))
