"""Text files of the TUM benchmark: lines of words, `#` begins a comment; poses as `tx ty tz qx qy qz qw`."""

from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from depth_pc_ros.benchmark.recordings.frames import RecordingError, read_lines


def read_table(path: Path, words: int) -> list[list[str]]:
    """The lines of a file, each of at least `words` words. Raises RecordingError."""
    rows = []
    for number, line in enumerate(read_lines(path), start=1):
        row = line.split("#")[0].replace(",", " ").split()
        if row and len(row) < words:
            raise RecordingError(f"{path}, line {number}: expected {words} words, got {len(row)}")
        if row:
            rows.append(row)
    return rows


def pose_of(words) -> np.ndarray:
    """(4, 4) of seven numbers; NaN where the quaternion is none, so that the check of poses names it."""
    T = np.eye(4)
    try:
        values = np.array(words[:7], dtype=np.float64)
    except ValueError:
        return np.full((4, 4), np.nan)
    if not 0.9 < np.linalg.norm(values[3:]) < 1.1:
        return np.full((4, 4), np.nan)
    T[:3, :3], T[:3, 3] = Rotation.from_quat(values[3:]).as_matrix(), values[:3]
    return T
