"""Where the tool is in the base, for drivers that have to know."""

import numpy as np

from depth_pc_ros.errors import ConfigError
from depth_pc_ros.nodes.node_configs import DriverConfig
from depth_pc_ros.nodes.tf_poses import TfPoses, TransformError


def check_frames(config: DriverConfig, why: str) -> None:
    """Raise ConfigError where the name of a frame is missing. why: what needs them."""
    for name in ("base_frame", "tool_frame"):
        if not getattr(config, name):
            raise ConfigError(f"{name}: {why} needs the frame's name on TF, got an empty name")


class ToolPose:
    """The tool's pose from TF. T_base_tool: (4, 4), the newest that was seen; None: none yet."""

    def __init__(self, node, config: DriverConfig):
        self._frames = config.base_frame, config.tool_frame
        self._poses = TfPoses(node, f"profile: {config.profile!r} reads the pose of the tool from TF")
        self.T_base_tool: np.ndarray | None = None

    def problem(self) -> str:
        """Look it up; why it is not known, "": it is."""
        try:
            self.T_base_tool = self._poses.pose(*self._frames)
        except TransformError as error:
            return str(error)
        return ""
