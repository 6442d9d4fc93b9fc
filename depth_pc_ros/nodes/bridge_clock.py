"""How a simulated world and the nodes share time: in lockstep, or on the wall clock. Pure logic, no ROS."""

import numpy as np

_STILL = np.zeros(6)
_MAX_STEP_S = 0.04


class Lockstep:
    """Simulated time waits: one frame goes out, one command answers it, the world takes exactly one step.

    A command answers a frame when its stamp is not older than the frame's. While the last answer was motion, the
    world waits `timeout_s` of wall time for the next one, else only `idle_s`. It then takes its step without motion.
    """

    def __init__(self, idle_s: float, timeout_s: float):
        self._idle_s = idle_s
        self._timeout_s = timeout_s
        self._driven = False
        self.frame_sent(0, 0.0)

    def frame_sent(self, stamp_ns: int, steady_s: float) -> None:
        """The frame to answer from now on."""
        self._stamp_ns = stamp_ns
        self._sent_s = steady_s

    def answer(self, twist: np.ndarray, stamp_ns: int) -> bool:
        """Take a command; True when it is the frame's answer, so that the world now steps with it."""
        on_time = stamp_ns >= self._stamp_ns
        if on_time or twist.any():  # delayed motion also shows an active servo
            self._driven = bool(twist.any())
        return on_time

    def timed_out(self, steady_s: float) -> bool:
        """Whether the wait is over, so that the world now steps without an answer."""
        waited_s = steady_s - self._sent_s
        if waited_s < (self._timeout_s if self._driven else self._idle_s):
            return False
        self._driven = False
        return True


class RealTime:
    """Motion follows the newest command until that is `timeout_s` old."""

    def __init__(self, timeout_s: float, steady_s: float):
        self._timeout_s = timeout_s
        self._now_s = steady_s
        self.stop()

    def command(self, twist: np.ndarray, steady_s: float) -> None:
        """The twist from now on; call `pieces` first, so that the time until now moves with the old one."""
        self._twist = twist
        self._expires_s = steady_s + self._timeout_s

    def stop(self) -> None:
        """No motion until the next command."""
        self._twist = _STILL
        self._expires_s = -np.inf

    def pieces(self, steady_s: float) -> list[tuple[np.ndarray, float]]:
        """Twists and how many seconds each acted since the last call, in short steps."""
        start_s, self._now_s = self._now_s, steady_s
        expiry_s = min(max(self._expires_s, start_s), steady_s)
        pieces = []
        for twist, duration_s in ((self._twist, expiry_s - start_s), (_STILL, steady_s - expiry_s)):
            count = max(int(np.ceil(duration_s / _MAX_STEP_S)), 0)
            pieces += [(twist, duration_s / max(count, 1))] * count
        return pieces
