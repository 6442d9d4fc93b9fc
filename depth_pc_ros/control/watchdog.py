"""When an input must not be acted on: age of stamps, silence. Pure logic, times are passed in as seconds."""

import math


def stamp_problem(what: str, stamp_s: float, now_s: float, max_age_s: float, max_future_s: float = 0.1) -> str:
    """What is wrong with the time stamp of `what`; "" when nothing. All in seconds, stamp and now of one clock."""
    if not (math.isfinite(stamp_s) and stamp_s > 0):
        return f"{what} has no time stamp (zero); its source must stamp it"
    age_s = now_s - stamp_s
    if age_s < -max_future_s:
        return f"{what} is stamped {-age_s:.2f} s in the future; compare the clocks, and use_sim_time"
    if age_s > max_age_s:
        return f"{what} is {age_s:.2f} s old, at most {max_age_s:.2f} s is allowed"
    return ""


class ClockWatch:
    """Sees a clock that was set (by a bag that loops, a reset simulator, a time server), against a steady one.

    gap_s: steady time between the last two looks; a long one: whoever looks was held up.
    """

    MAX_BACK_S = 0.1  # stamps are not newer for so long at most, so that nothing has to be done about it
    MAX_AHEAD_S = 1.0  # of the steady clock, as simulated time may run faster

    def __init__(self) -> None:
        self._last: tuple[float, float] | None = None
        self.gap_s = 0.0

    def jump(self, now_s: float, steady_s: float) -> str:
        """What happened to the clock since the last look; "" when nothing. A clock at zero has not begun yet."""
        last_now_s, last_steady_s = self._last or (0.0, steady_s)
        self._last = now_s, steady_s
        self.gap_s = steady_s - last_steady_s
        passed_s = now_s - last_now_s
        if passed_s < -self.MAX_BACK_S:
            return f"the clock was set back by {-passed_s:.1f} s"
        if last_now_s > 0 and passed_s - self.gap_s > self.MAX_AHEAD_S:
            return f"the clock jumped ahead by {passed_s - self.gap_s:.1f} s"
        return ""


class InputWatchdog:
    """Watches one input by the age of its stamps and, on a steady clock, by when it was last received.

    timeout_s: longest silence. max_age_s, max_future_s: allowed difference of stamp and clock on receipt.
    Silence is measured on a steady clock, so that a stopped `/clock` is silence too.
    """

    def __init__(self, what: str, timeout_s: float, max_age_s: float, max_future_s: float = 0.1):
        self.what = what
        self.timeout_s = timeout_s
        self.max_age_s = max_age_s
        self.max_future_s = max_future_s
        self._received_s: float | None = None
        self._stamp_problem = ""

    def receive(self, stamp_s: float, now_s: float, steady_s: float) -> str:
        """Note a message; returns what is wrong with its stamp, "" when nothing."""
        self._received_s = steady_s
        self._stamp_problem = stamp_problem(self.what, stamp_s, now_s, self.max_age_s, self.max_future_s)
        return self._stamp_problem

    def problem(self, steady_s: float) -> str:
        """Why the newest message must not be acted on now; "" when it may."""
        return self.silence(steady_s) or self._stamp_problem

    def silence(self, steady_s: float) -> str:
        """The problem when no message came for too long, whatever their stamps; "" when one did."""
        if self._received_s is None:
            return f"no {self.what} has arrived"
        silence_s = steady_s - self._received_s
        if silence_s > self.timeout_s:
            return f"no {self.what} for {silence_s:.1f} s, at most {self.timeout_s:.2f} s is allowed"
        return ""
