"""Poses from TF: the newest ones, fresh, and checked."""

import numpy as np
from rclpy.time import Time

from depth_pc_ros.errors import ConfigError, DepthPcError
from depth_pc_ros.geometry.se3 import from_rt
from depth_pc_ros.nodes.conversions import stamp_to_seconds
from depth_pc_ros.nodes.quaternions import rotation_of


class TransformError(DepthPcError):
    """TF does not know a pose, or only an old one."""


class TfPoses:
    """Listens to TF. instead: what to do without tf2_ros, for the ConfigError where that is not installed."""

    LONGEST_AGE_S = 1.0  # static transforms have no age

    def __init__(self, node, instead: str):
        try:
            from tf2_ros import Buffer, TransformException, TransformListener
        except ImportError:
            raise ConfigError(
                f"{instead}; else install tf2_ros, which is missing here (ros-<distro>-tf2-ros-py)"
            ) from None
        self._node = node
        self._failure = TransformException
        self._buffer = Buffer()
        self._listener = TransformListener(self._buffer, node)

    def pose(self, target: str, source: str) -> np.ndarray:
        """Pose (4, 4) of the frame `source` in the frame `target`. Raises TransformError."""
        try:
            found = self._buffer.lookup_transform(target, source, Time())
        except self._failure as error:
            raise TransformError(f"no transform from {source!r} to {target!r}: {error}") from None
        stamp_s = stamp_to_seconds(found.header.stamp)
        age_s = 1e-9 * self._node.get_clock().now().nanoseconds - stamp_s
        if stamp_s and age_s > self.LONGEST_AGE_S:
            raise TransformError(
                f"the transform from {source!r} to {target!r} is {age_s:.1f} s old: has robot_state_publisher or the "
                "publisher of joint_states ended?"
            )
        t, q = found.transform.translation, found.transform.rotation
        position, quat = np.array([t.x, t.y, t.z]), np.array([q.x, q.y, q.z, q.w])
        if not (np.isfinite(position).all() and abs(np.linalg.norm(quat) - 1) < 1e-3):  # NaN is refused, too
            raise TransformError(
                f"the transform from {source!r} to {target!r} is not usable: expected a finite "
                f"position and a unit quaternion x y z w, got {position.tolist()} and {quat.tolist()}"
            )
        return from_rt(rotation_of(quat), position)

    def clear(self) -> None:
        """The clock was set: forget the poses of the old time (TF drops newer ones as old); static ones stay."""
        self._buffer.clear()
