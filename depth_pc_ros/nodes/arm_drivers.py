"""What receives the tool's twist: one class per kind of arm driver, chosen by the adapter's `profile`."""

import numpy as np
from builtin_interfaces.msg import Time
from geometry_msgs.msg import Twist, TwistStamped
from std_msgs.msg import Header

from depth_pc_ros.errors import ConfigError
from depth_pc_ros.nodes.base import TWIST_QOS
from depth_pc_ros.nodes.conversions import twist_to_msg
from depth_pc_ros.nodes.node_configs import DRIVER_PROFILES


class StampedDriver:
    """TwistStamped in the tool frame: the PyBullet bridge, and any driver of the same kind."""

    TOPIC = "command"

    def __init__(self, node, tool_frame: str):
        self._tool_frame = tool_frame
        self._publisher = node.create_publisher(TwistStamped, self.TOPIC, TWIST_QOS)

    def problem(self) -> str:
        """Why it cannot take commands yet; "" when it can."""
        return ""

    def send(self, twist: np.ndarray, stamp: Time) -> None:
        """twist: (6,) of the tool, in the tool frame, about its origin, m/s and rad/s."""
        header = Header(stamp=stamp, frame_id=self._tool_frame)
        self._publisher.publish(TwistStamped(header=header, twist=twist_to_msg(twist)))


class TwistDriver:
    """Plain Twist on `cmd_vel`, for drivers that take one in their tool frame."""

    TOPIC = "cmd_vel"

    def __init__(self, node, tool_frame: str):
        self._publisher = node.create_publisher(Twist, self.TOPIC, TWIST_QOS)

    def problem(self) -> str:
        """Why it cannot take commands yet; "" when it can."""
        return ""

    def send(self, twist: np.ndarray, stamp: Time) -> None:
        """twist: as in StampedDriver; this message has no stamp."""
        self._publisher.publish(twist_to_msg(twist))


class MoveItServoDriver(StampedDriver):
    """MoveIt Servo with `command_in_type: speed_units`, switched to twists before the first one is sent.

    The twist is sent in the tip frame: Servo rotates a command of another frame, but does not move its lever arm.
    """

    TOPIC = "delta_twist_cmds"  # of the MoveIt Servo node: start-up remaps both names to it
    SWITCH = "switch_command_type"
    RETRY_S = 0.5
    PATIENCE_S = 2.0  # with a reply; it never comes where the node ends in between

    def __init__(self, node, tool_frame: str):
        try:
            from moveit_msgs.srv import ServoCommandType
        except ImportError:
            raise ConfigError(
                "profile: 'moveit_servo' needs moveit_msgs, which is not installed here (ros-<distro>-moveit-msgs)"
            ) from None
        if not tool_frame:
            raise ConfigError("tool_frame: profile 'moveit_servo' needs the frame of the arm's tip, got an empty name")
        super().__init__(node, tool_frame)
        self._logger = node.get_logger()
        self._request = ServoCommandType.Request(command_type=ServoCommandType.Request.TWIST)
        self._client = node.create_client(ServoCommandType, self.SWITCH)
        self._switch_name = node.resolve_service_name(self.SWITCH)
        self._reply = None
        self._waited_s = 0.0
        self._switched = False
        node.create_timer(self.RETRY_S, self._switch, clock=node.steady_clock)

    def problem(self) -> str:
        return "" if self._switched else f"MoveIt Servo has not been switched to twists yet ({self._switch_name})"

    def _switch(self) -> None:
        """Repeat the request until it succeeds, and again after the servo node was gone."""
        self._waited_s += self.RETRY_S
        pending = self._reply is not None and not self._reply.done()
        ready = self._client.service_is_ready()
        if pending and (not ready or self._waited_s >= self.PATIENCE_S):
            self._client.remove_pending_request(self._reply)
            pending = False
        if not ready:
            self._switched, self._reply = False, None
        elif not self._switched and not pending:
            self._reply = self._client.call_async(self._request)
            self._waited_s = 0.0
            self._reply.add_done_callback(self._answered)

    def _answered(self, reply) -> None:
        self._switched = bool(reply.result() and reply.result().success)
        answer = "takes twists" if self._switched else "refuses to take twists; trying again"
        self._logger.info(f"MoveIt Servo {answer}")


DRIVERS = {"pybullet": StampedDriver, "moveit_servo": MoveItServoDriver, "twist": TwistDriver}


def register_driver(profile: str, driver_class: type) -> None:
    """Add a driver of your own to those that the adapter's parameter `profile` can name, in this process.

    driver_class: built with the node and the tool's frame; has `TOPIC`, `problem()` and `send(twist, stamp)` as above.
    """
    DRIVERS[profile] = driver_class
    if profile not in DRIVER_PROFILES:
        DRIVER_PROFILES.append(profile)
