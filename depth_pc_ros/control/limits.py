"""Velocity law and limits. Both scale the whole twist, so that its direction is kept."""

import math
from dataclasses import dataclass

import numpy as np

from depth_pc_ros.config import ControlConfig
from depth_pc_ros.control.command_record import LONGEST_S
from depth_pc_ros.control.intervals import interval_s


def limit_norms(twist: np.ndarray, max_linear: float, max_angular: float) -> np.ndarray:
    """Scale a twist (6,) by one factor <= 1 so that `|v| <= max_linear` and `|w| <= max_angular`."""
    scale = 1.0
    for norm, limit in ((np.linalg.norm(twist[:3]), max_linear), (np.linalg.norm(twist[3:]), max_angular)):
        if norm * scale > limit:
            scale = float(limit / norm)
    return twist * scale


def _fading(total: float, step: float) -> float:
    """The largest first term of a falling sequence, down to zero by at most `step` at a time, with this sum.

    After the first term a, the k terms a - step, a - 2 step, ... follow: (k + 1) a - step k (k + 1) / 2.
    """
    k = math.floor((math.sqrt(1 + 8 * total / step) - 1) / 2)
    return total / (k + 1) + (k * step / 2 if k else 0.0)


@dataclass(frozen=True)
class VelocityLaw:
    """Turns the unit-gain twist of a control law into a command, then limits its speed, acceleration and jerk.

    `paper`: twice the twist, unlimited: with steps of 1/50 s the error falls by 4 % a step, as in the published
    evaluations of CNS and Depth-PC. `limited`: `gain` times the twist, within the limits. `swift`, the braking
    law (`brakes`): at the limits as far as it can still stop in time; exponential near the goal, with a higher gain.
    Fields are in 1/s, m/s, rad/s, m/s^2, rad/s^2, m/s^3, rad/s^3.
    """

    gain: float
    max_linear: float = np.inf
    max_angular: float = np.inf
    max_linear_acceleration: float = np.inf
    max_angular_acceleration: float = np.inf
    max_linear_jerk: float = np.inf
    max_angular_jerk: float = np.inf
    brakes: bool = False

    TICK_S = 0.02  # between two commands
    BRAKING = 0.7  # share of the acceleration limit that braking is planned with; the rest is a margin

    @classmethod
    def from_config(cls, config: ControlConfig) -> "VelocityLaw":
        if config.speed == "paper":
            return cls(gain=2.0)
        swift = config.speed == "swift"
        return cls.within_limits(config, config.swift_gain if swift else config.gain, brakes=swift)

    @classmethod
    def within_limits(cls, config, gain: float = 1.0, brakes: bool = False) -> "VelocityLaw":
        """config: whatever has the limits of `ControlConfig`, as the adapter's has."""
        return cls(
            gain,
            config.max_linear,
            config.max_angular,
            config.max_linear_acceleration,
            config.max_angular_acceleration,
            config.max_linear_acceleration / config.jerk_time_s,
            config.max_angular_acceleration / config.jerk_time_s,
            brakes,
        )

    def target(
        self, unit_twist: np.ndarray, delay_s: float = 0.0, feed_forward: np.ndarray | float = 0.0
    ) -> np.ndarray:
        """Wanted twist (6,), speed limited, from the unit-gain twist (6,) of a control law.

        delay_s: from image to motion. An integrator behind a dead time T overshoots above the gain 1 / (e T), so the
        gain is kept below that (K. Astrom, T. Hagglund, "Advanced PID control", 2006). feed_forward: (6,) velocity of a
        moving target.
        """
        rate = self.gain_behind(delay_s)
        if self.brakes:
            # The unit-gain twist is also, nearly, the remaining path s. The camera moves at speed u in the dead time T,
            # so it needs s = u T + u^2 / (2 a) to stop. The jerk limit adds to the dead time.
            for path, limit, jerk in (
                (np.linalg.norm(unit_twist[:3]), self.max_linear_acceleration, self.max_linear_jerk),
                (np.linalg.norm(unit_twist[3:]), self.max_angular_acceleration, self.max_angular_jerk),
            ):
                brake = self.BRAKING * limit
                lag = brake * (delay_s + self.TICK_S + 0.5 * brake / jerk)
                rate = min(rate, 2 * brake / (np.sqrt(lag**2 + 2 * brake * path) + lag))  # u / s
        return limit_norms(rate * unit_twist + feed_forward, self.max_linear, self.max_angular)

    def gain_behind(self, delay_s: float) -> float:
        """The gain in 1/s that is used behind a dead time of delay_s."""
        return min(self.gain, 1.0 / (np.e * max(delay_s, 1e-9)))

    def approach(
        self, previous: np.ndarray, acceleration: np.ndarray, target: np.ndarray, dt_s: float
    ) -> tuple[np.ndarray, np.ndarray]:
        """Next twist (6,) and its acceleration (6,), dt_s after `previous` and its own, towards `target`.

        From rest the direction is constant. The acceleration is the largest within its limit from which it can still
        fall to zero, at the jerk limit, when the target is reached.
        """
        # Limits may have been lowered since.
        acceleration = limit_norms(acceleration, self.max_linear_acceleration, self.max_angular_acceleration)
        missing = target - previous
        rate = 1.0 / dt_s
        for part, limit, jerk in (
            (slice(0, 3), self.max_linear_acceleration, self.max_linear_jerk),
            (slice(3, 6), self.max_angular_acceleration, self.max_angular_jerk),
        ):
            size = max(float(np.linalg.norm(missing[part])), 1e-12)
            rate = min(rate, limit / size, _fading(size / dt_s, jerk * dt_s) / size)
        change = limit_norms(
            rate * missing - acceleration, self.max_linear_jerk * dt_s, self.max_angular_jerk * dt_s
        )  # fmt: skip
        # Keeps the limits also where the target changes direction while the command still accelerates.
        command = limit_norms(
            previous + dt_s * (acceleration + change),
            max(self.max_linear, float(np.linalg.norm(previous[:3]))),
            max(self.max_angular, float(np.linalg.norm(previous[3:]))),
        )
        return command, (command - previous) / dt_s


class Ramp:
    """The command from frame to frame: towards each frame's target, within the limits, from rest after `rest`.

    command: (6,) the last one, zero at rest.
    """

    FIRST_STEP_S = 0.04  # the first frame has no interval: one nominal camera period

    def __init__(self):
        self.rest()

    def rest(self) -> None:
        """Stop; the next frame starts from zero."""
        self.command = np.zeros(6)
        self._acceleration = np.zeros(6)
        self._last_stamp_s: float | None = None

    def follow(self, law: VelocityLaw, target: np.ndarray, stamp_s: float) -> np.ndarray:
        """The command (6,) of the frame of this time. A gap in the frames counts as 0.25 s at most."""
        dt_s = self.FIRST_STEP_S
        if self._last_stamp_s is not None:
            dt_s = min(interval_s(self._last_stamp_s, stamp_s), LONGEST_S)
        self._last_stamp_s = stamp_s
        return self.step(law, target, dt_s)

    def step(self, law: VelocityLaw, target: np.ndarray, dt_s: float) -> np.ndarray:
        """The command (6,) dt_s after the last one; that one where no time has passed. Limits may be new ones."""
        if dt_s > 0:
            target = limit_norms(target, law.max_linear, law.max_angular)
            self.command, self._acceleration = law.approach(self.command, self._acceleration, target, dt_s)
        return self.command
