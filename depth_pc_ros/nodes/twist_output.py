"""Which twist is sent next: on the way to the target while moving, zeros after any stop, then nothing."""

import numpy as np

from depth_pc_ros.control.limits import VelocityLaw
from depth_pc_ros.nodes.stop import ZeroBurst


class TwistOutput:
    """The controller's output at a fixed rate (`tick`) or in lockstep (`answer`). Starts from rest after every stop.

    command: (6,) twist sent last, zero at rest. velocity_law: may be replaced at any time.
    """

    FIRST_STEP_S = 0.04  # in lockstep, the first frame after a stop has no interval yet

    def __init__(self, velocity_law: VelocityLaw):
        self.velocity_law = velocity_law
        self._burst = ZeroBurst()
        self._rest()

    def _rest(self) -> None:
        self.command = np.zeros(6)
        self._moving = False
        self._last_stamp_s = None

    def stop(self) -> None:
        """Rest; the next ticks are zeros if there was motion."""
        if self._moving:
            self._burst.start()
        self._rest()

    def tick(self, target: np.ndarray | None, dt_s: float) -> np.ndarray | None:
        """Twist (6,) to send now, dt_s after the last tick; None: send nothing. target: (6,), None: stop.

        A burst of zeros that has begun is finished before any new motion.
        """
        if target is None:
            self.stop()
        if self._burst.tick():
            return np.zeros(6)
        return None if target is None else self._approach(target, dt_s)

    def answer(self, target: np.ndarray | None, stamp_s: float) -> np.ndarray:
        """The one twist (6,) for the frame of this time. target: (6,), None: stop (this zero is enough)."""
        self._burst.cancel()
        if target is None:
            self._rest()
            return self.command
        dt_s = self.FIRST_STEP_S
        if self._last_stamp_s is not None:  # whole nanoseconds: equal intervals are equal at any time of day
            dt_s = round(stamp_s - self._last_stamp_s, 9)
        self._last_stamp_s = stamp_s
        return self._approach(target, dt_s)

    def _approach(self, target: np.ndarray, dt_s: float) -> np.ndarray:
        self._moving = True
        self.command = self.velocity_law.approach(self.command, target, dt_s)
        return self.command
