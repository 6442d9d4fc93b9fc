"""What was commanded and when it moved the camera: the reference for the motion seen in the images."""

import itertools
from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from depth_pc_ros.control.intervals import interval_s

_COMMANDS_KEPT = 512
LONGEST_S = 0.25  # no command is obeyed for longer: then the adapter stops the arm


class _Command(NamedTuple):
    begin_s: float
    end_s: float
    twist: np.ndarray
    obeyed: bool


class CommandRecord:
    """Twists (6,) `[v, w]`, m/s and rad/s, camera axes, each with the interval in which it moves the camera.

    Times are seconds of the images' clock, in growing order.
    """

    def __init__(self) -> None:
        self._commands: deque[_Command] = deque(maxlen=_COMMANDS_KEPT)

    def clear(self) -> None:
        """Forget all commands."""
        self._commands.clear()

    def add(self, twist: np.ndarray, begin_s: float, end_s: float, obeyed: bool = True) -> None:
        """Add a twist that moves the camera from `begin_s` to `end_s`, for 0.25 s at most; zero twists are left out.

        obeyed: False where something limits the camera's motion.
        """
        end_s = min(end_s, begin_s + LONGEST_S)
        if end_s > begin_s and twist.any():
            self._commands.append(_Command(begin_s, end_s, twist.copy(), obeyed))

    def translation(self, begin_s: float, end_s: float) -> tuple[np.ndarray, bool]:
        """Sum of commanded velocity times time (3,) between two times, m, camera axes, and whether it was obeyed."""
        total, obeyed = np.zeros(3), True
        for command, duration_s in self._between(begin_s, end_s):
            if command.twist[:3].any():
                total += duration_s * command.twist[:3]
                obeyed = obeyed and command.obeyed
        return total, obeyed

    def motion(self, begin_s: float, end_s: float) -> np.ndarray:
        """Sum of commanded twist times time (6,) between two times, m and rad, camera axes."""
        return sum((duration_s * command.twist for command, duration_s in self._between(begin_s, end_s)), np.zeros(6))

    def _between(self, begin_s: float, end_s: float) -> Iterator[tuple[_Command, float]]:
        """The commands that move the camera between two times, and for how long, s."""
        for command in reversed(self._since(begin_s)):
            if command.begin_s < end_s:
                yield command, interval_s(max(command.begin_s, begin_s), min(command.end_s, end_s))

    def motions(self, begin_s: np.ndarray, end_s: np.ndarray) -> tuple[np.ndarray, bool]:
        """Sums of commanded twist times time (L, 6), `[m, rad]`, between the times (L,), and whether all was obeyed."""
        commands = self._since(begin_s.min())
        if not commands:
            return np.zeros((len(begin_s), 6)), True
        begins, ends = np.array([command.begin_s for command in commands]), np.array([c.end_s for c in commands])
        durations = np.minimum(ends, end_s[:, None]) - np.maximum(begins, begin_s[:, None])
        twists = np.array([command.twist for command in commands])
        return np.maximum(durations, 0.0) @ twists, all(command.obeyed for command in commands)

    def path(self, begin_s: float, end_s: float) -> np.ndarray:
        """Lengths (2,) of the commanded motion between two times: integrals of speed, m, and angular speed, rad."""
        total = np.zeros(2)
        for command, duration_s in self._between(begin_s, end_s):
            total += duration_s * np.linalg.norm(command.twist.reshape(2, 3), axis=1)
        return total

    def _since(self, begin_s: float) -> list[_Command]:
        """The commands that move the camera after this time, newest first."""
        return list(itertools.takewhile(lambda command: command.end_s > begin_s, reversed(self._commands)))
