"""Which twist is sent next: on the way to the target while moving, zeros after any stop, then nothing."""

import numpy as np

from depth_pc_ros.control.limits import Ramp, VelocityLaw
from depth_pc_ros.nodes.stop import ZeroBurst


class TwistOutput:
    """The controller's output at a fixed rate (`tick`) or in lockstep (`answer`). Starts from rest after every stop.

    command: (6,) twist sent last, zero at rest. velocity_law: may be replaced at any time.
    """

    def __init__(self, velocity_law: VelocityLaw):
        self.velocity_law = velocity_law
        self._burst = ZeroBurst()
        self._ramp = Ramp()
        self._moving = False

    @property
    def command(self) -> np.ndarray:
        return self._ramp.command

    def _rest(self) -> None:
        self._ramp.rest()
        self._moving = False

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
        if target is None:
            return None
        self._moving = True
        return self._ramp.step(self.velocity_law, target, dt_s)

    def answer(self, target: np.ndarray | None, stamp_s: float) -> np.ndarray:
        """The one twist (6,) for the frame of this time. target: (6,), None: stop (this zero is enough)."""
        self._burst.cancel()
        if target is None:
            self._rest()
            return self.command
        self._moving = True
        return self._ramp.follow(self.velocity_law, target, stamp_s)
