"""The camera's pose in the tool: from parameters, or from TF."""

import numpy as np

from depth_pc_ros.geometry.se3 import from_rt
from depth_pc_ros.nodes.quaternions import rotation_of
from depth_pc_ros.nodes.tf_poses import TfPoses


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
        instead = "hand_eye: give camera_in_tool_xyz and camera_in_tool_quat and set hand_eye to 'parameters'"
        self._tool_frame, self._poses = tool_frame, TfPoses(node, instead)

    def T_tool_cam(self, camera_frame: str) -> np.ndarray:
        """Pose (4, 4) of the camera's optical frame in the tool frame. Raises TransformError."""
        return self._poses.pose(self._tool_frame, camera_frame)

    def clear(self) -> None:
        """The clock was set."""
        self._poses.clear()
