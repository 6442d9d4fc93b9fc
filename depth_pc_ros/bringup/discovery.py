"""Which other machines the nodes of a start-up find: what ROS 2 reads from the environment. No ROS import."""

import os

from depth_pc_ros.bringup.bringup_config import BringupConfig


def use_discovery(config: BringupConfig) -> None:
    """Set it for this process and its children, as far as the options say. Call before `rclpy.init`.

    Source: "Improved Dynamic Discovery", https://docs.ros.org/en/jazzy/Tutorials/Advanced/Improved-Dynamic-Discovery.html
    """
    if config.discovery_range != "unchanged":
        os.environ["ROS_AUTOMATIC_DISCOVERY_RANGE"] = config.discovery_range
    if config.peers:
        os.environ["ROS_STATIC_PEERS"] = ";".join(config.peers.replace(";", " ").split())
