"""Drivers that take the tool's twist as a message."""

import dataclasses

import numpy as np
from builtin_interfaces.msg import Time
from geometry_msgs.msg import Twist, TwistStamped
from std_msgs.msg import Header

from depth_pc_ros.nodes.base import TWIST_QOS
from depth_pc_ros.nodes.conversions import twist_to_msg
from depth_pc_ros.nodes.drivers.contract import ArmDriver
from depth_pc_ros.nodes.drivers.tool_pose import ToolPose, check_frames


class BridgeDriver(ArmDriver):
    """TwistStamped in the tool frame, with the stamp of the command: the PyBullet bridge."""

    TOPIC = "command"
    KIND = TwistStamped

    def __init__(self, node, config):
        super().__init__(node, config)
        self._publisher = node.create_publisher(self.KIND, self.TOPIC, TWIST_QOS)

    def send(self, twist: np.ndarray, stamp: Time) -> None:
        header = Header(stamp=stamp, frame_id=self._config.tool_frame)
        self._publisher.publish(TwistStamped(header=header, twist=twist_to_msg(twist)))


class TwistDriver(ArmDriver):
    """Plain Twist on `cmd_vel`: no stamp. The axes and the angular unit are those that the options name."""

    TOPIC = "cmd_vel"
    KIND = Twist

    def __init__(self, node, config):
        super().__init__(node, config)
        self._degrees = config.angular_unit == "deg"
        self._in_base = config.command_frame == "base"
        self._tool: ToolPose | None = None
        if self._in_base:
            check_frames(config, "command_frame 'base'")
        self._publisher = node.create_publisher(self.KIND, self.TOPIC, TWIST_QOS)

    def prepare(self) -> None:
        if self._in_base:
            self._tool = ToolPose(self._node, self._config)

    def problem(self) -> str:
        return self._tool.problem() if self._tool is not None else ""

    def send(self, twist: np.ndarray, stamp: Time) -> None:
        if self._tool is not None and self._tool.T_base_tool is not None:  # other axes, the same point: no lever arm
            twist = (twist.reshape(2, 3) @ self._tool.T_base_tool[:3, :3].T).ravel()
        if self._degrees:
            twist = np.concatenate([twist[:3], np.degrees(twist[3:])])
        self._publish(twist_to_msg(twist), stamp)

    def _publish(self, twist: Twist, stamp: Time) -> None:
        self._publisher.publish(twist)


class TwistStampedDriver(TwistDriver):
    """TwistStamped on `twist`, with the stamp of the command and the name of the frame whose axes it has."""

    TOPIC = "twist"
    KIND = TwistStamped

    def _publish(self, twist: Twist, stamp: Time) -> None:
        frame = self._config.base_frame if self._in_base else self._config.tool_frame
        self._publisher.publish(TwistStamped(header=Header(stamp=stamp, frame_id=frame), twist=twist))


class KortexDriver(TwistDriver):
    """Kinova's twist controller: plain Twist in the tool frame, angular speed in deg/s.

    It obeys its last command for ever: nothing but the zeros of adapter and dead man stops it.
    """

    def __init__(self, node, config):
        super().__init__(node, dataclasses.replace(config, command_frame="tool", angular_unit="deg"))
