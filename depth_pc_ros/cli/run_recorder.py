"""Records a run from what the nodes publish: statuses of the controller, true poses of the simulated camera."""

import numpy as np

from depth_pc_ros.cli.run_report import Frame, RunRecord
from depth_pc_ros.nodes.conversions import stamp_to_seconds, twist_from_msg
from depth_pc_ros.types import ServoState

_NOT_RUNNING = (ServoState.INACTIVE, ServoState.NO_GOAL, ServoState.DISABLED)


class RunRecorder:
    """Listener of a `ServoClient` on both, from before the controller is enabled; read `record` at any time.

    A status belongs to the image that its command was computed from; the first status of an image counts.
    """

    def __init__(self, T_world_goal: np.ndarray):
        self._T_world_goal = T_world_goal
        self._poses: dict[float, np.ndarray] = {}
        self._statuses = []
        self._last_s = -np.inf
        self._ended = False

    def end(self) -> None:
        """The run is over: what comes later is not part of it."""
        self._ended = True

    def on_camera_pose(self, stamp_s: float, T_world_cam: np.ndarray) -> None:
        """Take the true pose (4, 4) at this time."""
        self._poses[stamp_s] = T_world_cam

    def on_status(self, status) -> None:
        """Take a `ServoStatus` message."""
        stamp_s = stamp_to_seconds(status.image_stamp)
        if stamp_s > self._last_s and not self._ended:
            self._last_s = stamp_s
            if status.state not in _NOT_RUNNING:
                self._statuses.append((stamp_s, status))

    @property
    def stamps_s(self) -> list[float]:
        """Image times of the frames so far, s: of the same frames, in the same order, as in `record`."""
        return [stamp_s for stamp_s, _ in self._statuses]

    def record(self) -> RunRecord:
        """All frames so far, joined with their poses."""
        statuses = list(self._statuses)  # the client's thread appends
        frames = [
            Frame(
                t_s=stamp_s - statuses[0][0],
                state=ServoState(status.state),
                matches=status.num_matches,
                error_px=status.error_px,
                twist=twist_from_msg(status.command),
                T_world_cam=self._poses.get(stamp_s),
            )
            for stamp_s, status in statuses
        ]
        return RunRecord(self._T_world_goal, frames)
