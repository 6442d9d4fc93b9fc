"""`GazeboConfig`: the arguments of `launch/gazebo.launch.py`, and what they mean for the servo. No ROS import."""

import os
from collections.abc import Mapping
from dataclasses import dataclass

from depth_pc_ros.config import Config, option, same_as
from depth_pc_ros.nodes.node_configs import GAZEBO_ARM_JOINTS, NAMESPACE, BridgeConfig
from depth_pc_ros.options import from_text

# Pose of the camera's optical frame in its body, which has Gazebo's axes: x forward, y left, z up.
OPTICAL_IN_BODY = "0 0 0 -0.5 0.5 -0.5 0.5"
# The same in the arm's flange, as config/gazebo/arm.urdf mounts it.
OPTICAL_IN_FLANGE = "0.03 0 0.07 -0.5 0.5 -0.5 0.5"


@dataclass(frozen=True)
class GazeboConfig(Config):
    """Arguments of the start in Gazebo, besides those of `servo.launch.py`, which are passed on."""

    release: str = option(
        "auto",
        "Release of Gazebo; `auto`: that of the ROS distribution, Fortress with Humble, Harmonic with later ones.",
        choices=("auto", "fortress", "harmonic"),
    )
    gui: bool = option(True, "Open Gazebo's window. Without it Gazebo draws through EGL and needs no display.")
    rig: str = same_as(BridgeConfig, "rig", help="What moves the camera: its own body (`free`, it flies), or an arm.")
    seed: int = same_as(
        BridgeConfig, "seed", help="Seed of the objects on the table, the goal pose and the start pose."
    )
    level: str = same_as(BridgeConfig, "level")

    @classmethod
    def from_launch(cls, configurations: Mapping[str, str]) -> "GazeboConfig":
        """Build from the launch configurations, as `BringupConfig.from_launch` does. Raises ConfigError."""
        fields = cls.__dataclass_fields__
        given = {name: from_text(fields[name], text) for name, text in configurations.items() if name in fields}
        return cls.from_mapping(given, "arguments")

    @property
    def fortress(self) -> bool:
        """Whether it is Gazebo Fortress, in which many names are others."""
        return self.release == "fortress" or (self.release == "auto" and os.environ.get("ROS_DISTRO") == "humble")

    def servo_arguments(self) -> dict[str, str]:
        """The arguments of `servo.launch.py` that follow from these."""
        return {
            "namespace": NAMESPACE,
            "image": f"{NAMESPACE}/bridge/image",
            "camera_info": f"{NAMESPACE}/bridge/camera_info",
            "use_sim_time": "true",
            **(
                {
                    "driver": "joint_velocity",
                    "joints": " ".join(GAZEBO_ARM_JOINTS),
                    "tool_frame": "flange",
                    "camera_in_tool": OPTICAL_IN_FLANGE,
                }
                if self.rig == "arm"
                else {"driver": "twist", "cmd_vel": "cmd_vel", "camera_in_tool": OPTICAL_IN_BODY}
            ),
        }
