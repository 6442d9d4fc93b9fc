"""The camera's pose in the tool: from parameters, or from TF."""

import numpy as np
from rclpy.time import Time

from depth_pc_ros.errors import ConfigError, DepthPcError
from depth_pc_ros.geometry.se3 import from_rt
from depth_pc_ros.nodes.quaternions import rotation_of


class TransformError(DepthPcError):
    """TF does not know the camera's pose in the tool."""


class FixedHandEye:
    """The same pose for every camera frame. xyz: (3,) m. quat: (4,) x y z w, of unit length."""

    def __init__(self, xyz, quat):
        self._T_tool_cam = from_rt(rotation_of(quat), np.asarray(xyz))

    def T_tool_cam(self, camera_frame: str) -> np.ndarray:
        """Pose (4, 4) of the camera's optical frame in the tool frame."""
        return self._T_tool_cam

    def clear(self) -> None:
        """The clock was set: nothing here has a time."""


class TfHandEye:
    """Looks up the newest pose in TF at every call, so that the camera may be on a moving part."""

    def __init__(self, node, tool_frame: str):
        try:
            from tf2_ros import Buffer, TransformException, TransformListener
        except ImportError:
            raise ConfigError(
                "hand_eye: 'tf' needs tf2_ros, which is not installed here; "
                "give camera_in_tool_xyz and camera_in_tool_quat and set hand_eye to 'parameters'"
            ) from None
        self._tool_frame = tool_frame
        self._failure = TransformException
        self._buffer = Buffer()
        self._listener = TransformListener(self._buffer, node)

    def T_tool_cam(self, camera_frame: str) -> np.ndarray:
        """Pose (4, 4) of the camera's optical frame in the tool frame. Raises TransformError."""
        try:
            found = self._buffer.lookup_transform(self._tool_frame, camera_frame, Time())
        except self._failure as error:
            raise TransformError(f"no transform from {camera_frame!r} to {self._tool_frame!r}: {error}") from None
        t, q = found.transform.translation, found.transform.rotation
        position, quat = np.array([t.x, t.y, t.z]), np.array([q.x, q.y, q.z, q.w])
        if not (np.isfinite(position).all() and abs(np.linalg.norm(quat) - 1) < 1e-3):  # NaN is refused, too
            raise TransformError(
                f"the transform from {camera_frame!r} to {self._tool_frame!r} is not usable: expected a finite "
                f"position and a unit quaternion x y z w, got {position.tolist()} and {quat.tolist()}"
            )
        return from_rt(rotation_of(quat), position)

    def clear(self) -> None:
        """The clock was set: forget the poses of the old time (TF drops newer ones as old); static ones stay."""
        self._buffer.clear()
