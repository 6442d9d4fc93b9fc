"""The command loop: a target in, twists within the limits out, zeros after any stop, and a record of all of it."""

import numpy as np

from depth_pc_ros.control.command_record import CommandRecord
from depth_pc_ros.control.limits import Ramp, VelocityLaw


class ZeroBurst:
    """After a stop, a few zero twists and then silence.

    One zero could be lost, and endless zeros would block other sources of motion and make simulated arms sag.

        burst.start()               # at the stop
        if burst.tick(): publish_zero()  # at every tick of a timer
    """

    def __init__(self, count: int = 5):
        self.count = count
        self._remaining = 0

    def start(self) -> None:
        """The next `count` ticks are zeros."""
        self._remaining = self.count

    def cancel(self) -> None:
        """No more zeros: motion continues."""
        self._remaining = 0

    def tick(self) -> bool:
        """True when a zero twist is due now."""
        due = self._remaining > 0
        self._remaining -= due
        return due


class CommandLoop:
    """Approaches a target within the limits, at a fixed rate (`command`) or once per image (`answer`).

    Starts from rest after every stop, and again only when a new target has come. velocity_law: may be replaced at any
    time. record: what was commanded. obeyed: set it to False while something limits the camera's motion.
    """

    def __init__(self, velocity_law: VelocityLaw):
        self.velocity_law = velocity_law
        self.record = CommandRecord()
        self.obeyed = True
        self._ramp = Ramp()
        self._burst = ZeroBurst()
        self._moving = self._stop_due = False
        self._target: np.ndarray | None = None
        self._counted_s = -np.inf  # until when the motion of the newest command is in the record

    @property
    def twist(self) -> np.ndarray:
        """The newest command (6,), zero at rest."""
        return self._ramp.command

    @property
    def heading(self) -> bool:
        """It approaches a target, and no stop is due."""
        return self._target is not None and not self._stop_due

    def aim(self, target: np.ndarray | None) -> None:
        """Approach this twist (6,) from the next command on; None: the next command stops, whatever target follows."""
        self._target = None if target is None else target.copy()
        self._stop_due = self._stop_due or target is None

    def stop(self, acts_s: float | None = None) -> None:
        """Rest; the next commands are zeros if there was motion.

        acts_s: when that stops the camera, s of the images' clock; None: no motion is recorded after the last call.
        """
        if acts_s is not None:
            self.count_until(acts_s)
        self._target = None
        self._rest()

    def _rest(self) -> None:
        if self._moving:
            self._burst.start()
        self._ramp.rest()
        self._moving = self._stop_due = False

    def replace(self, twist: np.ndarray) -> None:
        """Another twist (6,) moves the camera in place of the newest command, as in a recording."""
        self._ramp.command = twist.copy()

    def count_until(self, acts_s: float) -> None:
        """The newest command moves the camera until this time of the images' clock: put that into the record."""
        self.record.add(self.twist, self._counted_s, acts_s, self.obeyed)
        self._counted_s = acts_s

    def command(self, dt_s: float, acts_s: float) -> np.ndarray | None:
        """Twist (6,) to send now, `dt_s` after the last call; None: send nothing.

        acts_s: when it begins to move the camera, s of the images' clock. A burst of zeros that has begun is finished
        before any new motion.
        """
        self.count_until(acts_s)
        if self._stop_due:
            self._rest()
        if self._burst.tick():
            return np.zeros(6)
        if self._target is None:
            return None
        self._moving = True
        return self._ramp.step(self.velocity_law, self._target, dt_s).copy()

    def answer(self, stamp_s: float, acts_s: float) -> np.ndarray:
        """The one twist (6,) that answers the image of this time; one zero is enough to stop.

        acts_s: as in `command`.
        """
        self.count_until(acts_s)
        if self._stop_due:
            self._rest()
        self._burst.cancel()
        if self._target is None:
            return np.zeros(6)
        self._moving = True
        return self._ramp.follow(self.velocity_law, self._target, stamp_s).copy()
