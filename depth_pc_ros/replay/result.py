"""What a replay gives: a line for each image, the commands, and how far they are from the recorded ones."""

from dataclasses import dataclass, field

import numpy as np

from depth_pc_ros.types import ServoState

EXACT = 1e-9  # m/s and rad/s: commands that differ by less are the same


@dataclass(frozen=True)
class ReplayFrame:
    """One image. t_s: time since the first one, s. recorded_*: of the recording; None: not in it.

    twist: (6,) commanded, m/s and rad/s, camera optical frame. T_goal_cam: (4, 4) pose of the camera as solved, its
    lengths in m as far as the distance is known; None: no pose. wall_ms: time that the image took here.
    """

    stamp_ns: int
    t_s: float
    enabled: bool
    state: ServoState
    message: str
    matches: int
    error_px: float
    twist: np.ndarray
    T_goal_cam: np.ndarray | None
    wall_ms: float
    recorded_state: ServoState | None = None
    recorded_matches: int | None = None


@dataclass(frozen=True)
class Command:
    """A twist (6,) of the replay beside the recorded one of this time, m/s and rad/s, camera optical frame."""

    stamp_ns: int
    twist: np.ndarray
    recorded: np.ndarray


@dataclass
class Replay:
    """lockstep: of the recording. goal: (H, W, 3) uint8 RGB of the last goal, num_keypoints: of it.

    notes: what a person should know, a line each.
    """

    lockstep: bool
    frames: list[ReplayFrame] = field(default_factory=list)
    commands: list[Command] = field(default_factory=list)
    goal: np.ndarray | None = None
    num_keypoints: int = 0
    notes: list[str] = field(default_factory=list)

    @property
    def differences(self) -> np.ndarray:
        """(C, 2): how far each command is from the recorded one, m/s and rad/s."""
        apart = np.array([command.twist - command.recorded for command in self.commands]).reshape(-1, 2, 3)
        return np.linalg.norm(apart, axis=2)

    @property
    def same(self) -> int:
        """Number of commands that equal the recorded ones."""
        return int(np.count_nonzero((self.differences < EXACT).all(axis=1)))

    @property
    def other_states(self) -> list[ReplayFrame]:
        """Images whose state is another than was recorded. LIMITED is what the arm adds to SERVOING."""
        return [
            frame
            for frame in self.frames
            if frame.enabled
            and frame.recorded_state not in (None, frame.state)
            and (frame.state, frame.recorded_state) != (ServoState.SERVOING, ServoState.LIMITED)
        ]
