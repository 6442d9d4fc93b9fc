"""Poses over time from recorded TF messages, without ROS."""

from bisect import bisect_left

import numpy as np
from scipy.spatial.transform import Rotation

from depth_pc_ros.benchmark.recordings.frames import RecordingError

GAP_S = 0.2  # a pose is interpolated between transforms that are at most this far apart


class TfTree:
    """Transforms by child frame; each is static or a list over time."""

    def __init__(self):
        self._parents: dict[str, str] = {}
        self._static: dict[str, np.ndarray] = {}
        self._moving: dict[str, list[tuple[float, np.ndarray]]] = {}

    def add(self, transform, static: bool) -> None:
        """A geometry_msgs/TransformStamped, or what has its fields."""
        child, parent = transform.child_frame_id.lstrip("/"), transform.header.frame_id.lstrip("/")
        t, q = transform.transform.translation, transform.transform.rotation
        T = np.array([t.x, t.y, t.z, q.x, q.y, q.z, q.w], dtype=np.float64)
        self._parents[child] = parent
        if static:
            self._static[child] = T
        else:
            stamp_s = transform.header.stamp.sec + 1e-9 * transform.header.stamp.nanosec
            self._moving.setdefault(child, []).append((stamp_s, T))

    def close(self) -> None:
        """Call once all transforms are there."""
        for rows in self._moving.values():
            rows.sort(key=lambda row: row[0])

    def pose(self, frame: str, stamp_s: float) -> np.ndarray:
        """T_root_frame (4, 4) at a time. Raises RecordingError where a transform is missing, or none moves."""
        frame = frame.lstrip("/")
        chain, seen = [], {frame}
        while frame in self._parents:
            chain.append(frame)
            frame = self._parents[frame]
            if frame in seen:
                raise RecordingError(f"tf: expected a tree, {frame} is above itself")
            seen.add(frame)
        if not any(child in self._moving for child in chain):
            raise RecordingError(f"tf: expected transforms that move the camera, found none above {next(iter(seen))!r}")
        T = np.eye(4)
        for child in chain:
            T = (_matrix(self._static[child]) if child in self._static else self._at(child, stamp_s)) @ T
        return T

    def _at(self, child: str, stamp_s: float) -> np.ndarray:
        rows = self._moving[child]
        k = bisect_left(rows, stamp_s, key=lambda row: row[0])
        before, after = rows[max(k - 1, 0)], rows[min(k, len(rows) - 1)]
        span_s = after[0] - before[0]
        if not before[0] <= stamp_s <= after[0] or span_s > GAP_S:
            raise RecordingError(f"tf: {child}: expected transforms around {stamp_s:.3f} s, at most {GAP_S:g} s apart")
        share = 0.0 if span_s == 0 else (stamp_s - before[0]) / span_s
        a, b = before[1], after[1] if after[1][3:] @ before[1][3:] >= 0 else after[1] * ([1] * 3 + [-1] * 4)
        return _matrix(a + share * (b - a))  # the quaternion is normalised below


def _matrix(values: np.ndarray) -> np.ndarray:
    """(4, 4) of a translation and a quaternion."""
    T = np.eye(4)
    if np.linalg.norm(values[3:]) > 0:
        T[:3, :3] = Rotation.from_quat(values[3:]).as_matrix()
    else:
        T[:] = np.nan
    T[:3, 3] = values[:3]
    return T
