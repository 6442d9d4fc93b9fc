"""The record of one servo run: what each frame showed, as CSV and as the table that ends a run. No ROS.

Poses are `T_world_cam` (4, 4): the camera's optical frame in the simulated world.
"""

import csv
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from depth_pc_ros.geometry.se3 import pose_error
from depth_pc_ros.types import ServoState

CSV_COLUMNS = (
    "t_s", "state", "matches", "error_px", "te_mm", "re_deg",
    "vx_m_s", "vy_m_s", "vz_m_s", "wx_rad_s", "wy_rad_s", "wz_rad_s",
    "x_m", "y_m", "z_m", "qx", "qy", "qz", "qw",
)  # fmt: skip


@dataclass(frozen=True)
class Frame:
    """One image of a run and the servo's answer to it.

    t_s: image time since the run's start, s. matches: their number. error_px: mean distance to the goal, px (NaN:
    unknown). twist: (6,) `[v, w]` commanded, m/s and rad/s, camera optical frame. T_world_cam: true pose, or None.
    """

    t_s: float
    state: ServoState
    matches: int
    error_px: float
    twist: np.ndarray
    T_world_cam: np.ndarray | None


@dataclass
class RunRecord:
    """All frames of a run towards the goal pose `T_world_goal` (4, 4).

    T_world_final: true pose (4, 4) at rest after the last frame, or None. solved: poses are not true, but as the
    servo solved them.
    """

    T_world_goal: np.ndarray
    frames: list[Frame] = field(default_factory=list)
    T_world_final: np.ndarray | None = None
    solved: bool = False

    def errors(self) -> np.ndarray:
        """(F, 2): distance to the goal pose in mm and degrees, frame by frame; NaN where the pose is not known."""
        return np.array([self._error(frame.T_world_cam) for frame in self.frames]).reshape(-1, 2)

    def final_error(self) -> tuple[float, float]:
        """Distance to the goal pose at the end, in mm and degrees; NaN when not known."""
        last = self.frames[-1].T_world_cam if self.frames else None
        return self._error(last if self.T_world_final is None else self.T_world_final)

    def _error(self, T_world_cam: np.ndarray | None) -> tuple[float, float]:
        if T_world_cam is None:
            return np.nan, np.nan
        metres, degrees = pose_error(T_world_cam, self.T_world_goal)
        return 1e3 * metres, degrees

    def write_csv(self, path: Path) -> None:
        """One line per frame, columns `CSV_COLUMNS`; an unknown value is an empty cell."""
        with open(path, "w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(CSV_COLUMNS)
            for frame, (te_mm, re_deg) in zip(self.frames, self.errors()):
                pose = np.full(7, np.nan)
                if frame.T_world_cam is not None:
                    pose[:3] = frame.T_world_cam[:3, 3]
                    pose[3:] = Rotation.from_matrix(frame.T_world_cam[:3, :3]).as_quat()
                numbers = [frame.error_px, te_mm, re_deg, *frame.twist, *pose]
                cells = [f"{x:.6g}" if np.isfinite(x) else "" for x in numbers]
                writer.writerow([f"{frame.t_s:.3f}", frame.state.name, frame.matches, *cells])

    def table(self) -> str:
        """How the run ended, in one row: state, errors against the true goal pose, length, matches."""
        te_mm, re_deg = self.final_error()
        state, seconds, matches = "no image", 0.0, 0
        if self.frames:
            last = self.frames[-1]
            state, seconds, matches = last.state.name, last.t_s, last.matches
        cells = {
            "state": state,
            "TE mm": f"{te_mm:.2f}",
            "RE degrees": f"{re_deg:.3f}",
            "steps": str(len(self.frames)),
            "seconds": f"{seconds:.2f}",
            "matches": str(matches),
        }
        columns = [(name.rjust(len(cell)), cell.rjust(len(name))) for name, cell in cells.items()]
        header, row = ("  ".join(column) for column in zip(*columns))
        return f"{header}\n{'-' * len(header)}\n{row}"
