"""Drivers that take the tool's twist as a message."""

import numpy as np
from builtin_interfaces.msg import Time
from geometry_msgs.msg import Twist, TwistStamped
from std_msgs.msg import Header

from depth_pc_ros.nodes.base import TWIST_QOS
from depth_pc_ros.nodes.conversions import twist_to_msg
from depth_pc_ros.nodes.drivers.contract import ArmDriver


class BridgeDriver(ArmDriver):
    """TwistStamped in the tool frame, with the stamp of the command: the PyBullet bridge."""

    TOPIC = "command"

    def __init__(self, node, config):
        super().__init__(node, config)
        self._publisher = node.create_publisher(TwistStamped, self.TOPIC, TWIST_QOS)

    def send(self, twist: np.ndarray, stamp: Time) -> None:
        header = Header(stamp=stamp, frame_id=self._config.tool_frame)
        self._publisher.publish(TwistStamped(header=header, twist=twist_to_msg(twist)))


class TwistDriver(ArmDriver):
    """Plain Twist on `cmd_vel`, for drivers that take one in their tool frame. It has no stamp."""

    TOPIC = "cmd_vel"

    def __init__(self, node, config):
        super().__init__(node, config)
        self._publisher = node.create_publisher(Twist, self.TOPIC, TWIST_QOS)

    def send(self, twist: np.ndarray, stamp: Time) -> None:
        self._publisher.publish(twist_to_msg(twist))
