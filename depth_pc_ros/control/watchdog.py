"""When an input must not be acted on: age of stamps, silence. Pure logic, times are passed in as seconds."""

import math
import statistics
from collections import deque

MAX_FUTURE_S = 0.1  # that a stamp may be ahead, as clocks of two machines differ


def stamp_problem(what: str, stamp_s: float, now_s: float, max_age_s: float, max_future_s: float = MAX_FUTURE_S) -> str:
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

    Read the clock before the steady one: a process held up between the two then sees a clock that is late, not ahead.
    gap_s: steady time between the last two looks; a long one: whoever looks was held up.
    """

    MAX_BACK_S = 0.1  # stamps are not newer for so long at most, so that nothing has to be done about it
    MAX_AHEAD_S = 1.0  # of the steady clock, as simulated time may run faster
    MAX_BEHIND_S = 5.0  # longest delay that a clock may make up for later, all at once

    def __init__(self) -> None:
        self._looked: tuple[float, float] | None = None  # the clock and the steady one at the last look
        self._behind_s = 0.0  # how far the clock has fallen behind the steady one
        self.gap_s = 0.0

    def jump(self, now_s: float, steady_s: float) -> str:
        """What happened to the clock since the last look; "" when nothing. A clock at zero has not begun yet.

        A clock that stands still or is slow for a while and then catches up has not jumped.
        """
        before_s, looked_s = self._looked or (0.0, steady_s)
        self._looked = now_s, steady_s
        self.gap_s = steady_s - looked_s
        back_s = before_s - now_s
        behind_s = self._behind_s + self.gap_s + back_s
        self._behind_s = min(max(behind_s, 0.0), self.MAX_BEHIND_S)
        if back_s > self.MAX_BACK_S:
            self._behind_s = 0.0
            return f"the clock was set back by {back_s:.1f} s"
        if before_s > 0 and -behind_s > self.MAX_AHEAD_S:
            return f"the clock jumped ahead by {-behind_s:.1f} s"
        return ""


class StampWatch:
    """Sees stamps that were set back, as by a camera driver that starts again; one that is out of order is none."""

    IN_A_ROW = 3  # growing stamps that are all older than the newest one

    def __init__(self) -> None:
        self._newest_s = self._last_s = -math.inf
        self._older = 0

    def set_back(self, stamp_s: float) -> str:
        """What happened to the stamps with this one; "" when nothing."""
        growing, self._last_s = stamp_s > self._last_s, stamp_s
        back_s = self._newest_s - stamp_s
        if back_s < 0:
            self._older = 0
        else:
            self._older = self._older + 1 if growing and self._older else 1
        if back_s >= 0 and self._older < self.IN_A_ROW:
            return ""
        self._newest_s, self._older = stamp_s, 0
        return f"the stamps of the images were set back by {back_s:.1f} s" if back_s >= 0 else ""


class InputWatchdog:
    """Watches one input by the age of its stamps and, on a steady clock, by when it was last received.

    timeout_s: longest silence. max_age_s, max_future_s: allowed difference of stamp and clock on receipt.
    Silence is measured on a steady clock, so that a stopped `/clock` is silence too.

    most_s: on a slow machine, and behind a slow camera, both limits grow with the measured period of the messages up to
    this; 0: they are fixed. Where they would have to be longer, the input must not be acted on at all, so that it does
    not change with every message. `slowness` says so.
    """

    PERIODS = 2.5  # a limit is at least so many periods
    FEWEST_PERIODS = 1.5  # with fewer in the longest limit, ordinary jitter would pass it
    LEAVE = 0.6  # of the period that a state begins with: it ends below it
    WINDOW, LONGER = 12, 2  # newest intervals; so many may be longer than the period: an outage is not one

    def __init__(
        self, what: str, timeout_s: float, max_age_s: float, max_future_s: float = MAX_FUTURE_S, most_s: float = 0.0
    ):
        self.what = what
        self.timeout_s = timeout_s
        self.max_age_s = max_age_s
        self.max_future_s = max_future_s
        self.most_s = most_s
        self.slowness = ""  # why the limits are longer than usual, with the numbers; "": they are not
        self._slow = self._too_slow = False
        self._received_s: float | None = None
        self._intervals_s: deque[float] = deque(maxlen=self.WINDOW)
        self._ages_s: deque[float] = deque(maxlen=self.WINDOW)
        self._stamp_problem = ""

    @property
    def period_s(self) -> float:
        """Usual time between two messages, s, on the steady clock, jitter included; 0 while it is not known."""
        return sorted(self._intervals_s)[-1 - self.LONGER] if len(self._intervals_s) > 2 * self.LONGER else 0.0

    def limit_s(self, usual_s: float) -> float:
        """The limit that is in force where it usually is `usual_s`."""
        return max(usual_s, min(self.PERIODS * self.period_s, self.most_s)) if self._slow else usual_s

    def receive(self, stamp_s: float, now_s: float, steady_s: float) -> str:
        """Note a message; returns what is wrong with its stamp, "" when nothing."""
        if self._received_s is not None and self.most_s:
            self._intervals_s.append(steady_s - self._received_s)
            self._ages_s.append(now_s - stamp_s)
            self._judge_speed()
        self._received_s = steady_s
        max_age_s = self.limit_s(self.max_age_s)
        self._stamp_problem = stamp_problem(self.what, stamp_s, now_s, max_age_s, self.max_future_s)
        return self._stamp_problem

    def _judge_speed(self) -> None:
        usual_s = min(self.timeout_s, self.max_age_s) / self.PERIODS
        longest_s = max(self.most_s, self.timeout_s) / self.FEWEST_PERIODS * (self.LEAVE if self._too_slow else 1.0)
        self._slow = self.period_s > usual_s * (self.LEAVE if self._slow else 1.0)
        self._too_slow = self.period_s > longest_s
        self.slowness = ""
        if not self._slow:
            return
        age_s = statistics.median(self._ages_s)
        who = "the machine is too slow" if age_s > 0.5 * self.period_s else "the camera is slow"
        self.slowness = f"{who}: one {self.what} comes every {self.period_s:.2f} s and is {age_s:.2f} s old, "
        if self._too_slow:
            self.slowness += f"at most every {longest_s:.2f} s is allowed"
        else:
            self.slowness += f"so up to {self.limit_s(self.timeout_s):.2f} s without one are allowed"

    def problem(self, steady_s: float) -> str:
        """Why the newest message must not be acted on now; "" when it may."""
        return (self.slowness if self._too_slow else "") or self.silence(steady_s) or self._stamp_problem

    def silence(self, steady_s: float) -> str:
        """The problem when no message came for too long, whatever their stamps; "" when one did."""
        if self._received_s is None:
            return f"no {self.what} has arrived"
        silence_s, timeout_s = steady_s - self._received_s, self.limit_s(self.timeout_s)
        if silence_s > timeout_s:
            return f"no {self.what} for {silence_s:.1f} s, at most {timeout_s:.2f} s is allowed"
        return ""


class LifeWatch:
    """Whether another node lives, by its heartbeat. Counts only time in which this node itself was awake.

    timeout_s: longest silence. look_s: longest time that one look adds: after a longer one this node was held up, and
    heartbeats that came meanwhile are still to be read.
    """

    def __init__(self, what: str, timeout_s: float, look_s: float):
        self.what = what
        self.timeout_s = timeout_s
        self.look_s = look_s
        self._silent_s: float | None = None

    def beat(self) -> None:
        """Note a heartbeat."""
        self._silent_s = 0.0

    def look(self, gap_s: float) -> None:
        """Call it regularly, with the time since the last call, s."""
        if self._silent_s is not None:
            self._silent_s += min(gap_s, self.look_s)

    def silence(self) -> str:
        """The problem when no heartbeat came for too long; "" when one did."""
        if self._silent_s is None:
            return f"no {self.what} has arrived"
        if self._silent_s > self.timeout_s:
            return f"no {self.what} for {self._silent_s:.2f} s, at most {self.timeout_s:.2f} s is allowed"
        return ""
