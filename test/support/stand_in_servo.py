"""A stand-in for MoveIt Servo that keeps its contract. Import it where ROS is.

Only what a sender of twists can notice: parameters, services, `~/status`, and what becomes of a twist. Kinematics is
left out: the tip moves with the twist that Servo would ask of it.
"""

import numpy as np
from geometry_msgs.msg import TwistStamped
from rclpy.node import Node
from rclpy.parameter import Parameter
from std_msgs.msg import Int8
from std_srvs.srv import SetBool, Trigger

from depth_pc_ros.nodes.conversions import stamp_to_seconds, twist_from_msg

PERIOD_S = 0.01
PARAMETERS = {
    "command_in_type": "speed_units",
    "scale.linear": 0.4,
    "scale.rotational": 0.8,
    "incoming_command_timeout": 0.1,
    "cartesian_command_in_topic": "~/delta_twist_cmds",
}


class ServoModel:
    """What MoveIt Servo makes of the twists that it gets. humble: that of Humble, which clamps nothing."""

    def __init__(self, parameters: dict, tip_frame: str = "tool0", humble: bool = False):
        self.parameters, self.tip_frame, self.humble = parameters, tip_frame, humble
        self.takes_twists = humble
        self.paused = False
        self.code = 0  # of `~/status`, unless a twist is refused
        self._msg = None

    def take(self, msg: TwistStamped) -> None:
        self._msg = msg

    def tip_twist(self, now_s: float) -> tuple[np.ndarray, int]:
        """The twist (6,) with which the tip moves now, m/s and rad/s in its own frame, and the code of `~/status`."""
        still = np.zeros(6)
        if self._msg is None or not self.takes_twists or self.paused:
            return still, self.code
        if now_s - stamp_to_seconds(self._msg.header.stamp) >= self.parameters["incoming_command_timeout"]:
            return still, self.code
        twist = twist_from_msg(self._msg.twist)
        if self._msg.header.frame_id != self.tip_frame:
            return still, -1
        scale = [self.parameters["scale.linear"], self.parameters["scale.rotational"]]
        if self.parameters["command_in_type"] == "unitless":
            return (still if self.humble and (np.abs(twist) > 1).any() else twist * np.repeat(scale, 3)), self.code
        if not self.humble:  # linear and angular part are cut apart
            speeds = np.linalg.norm(twist.reshape(2, 3), axis=1)
            twist = twist / np.repeat(np.maximum(speeds / scale, 1.0), 3)
        return twist, self.code


class StandInServo(Node):
    """The model as a node. moved: twists (6,) of the tip, one per period while it moves.

    answer: whether it accepts to take twists. declare: whether it has parameters. asked: how often it was told so.
    """

    def __init__(self, name="servo_node", humble=False, answer=True, declare=True, parameters=(), **node):
        super().__init__(name, **node)
        values = {**PARAMETERS, **({} if humble else {"apply_twist_commands_about_ee_frame": True}), **dict(parameters)}
        if declare:
            for key, value in values.items():
                self.declare_parameter(f"moveit_servo.{key}", value)
        self.model = ServoModel(values, humble=humble)
        self.model.takes_twists = False
        self.answer, self.moved = answer, []
        self.asked = 0
        if humble:
            self._kind = Int8
            self.create_service(Trigger, "~/start_servo", lambda _, response: self._start(response))
        else:
            from moveit_msgs.msg import ServoStatus
            from moveit_msgs.srv import ServoCommandType

            self._kind = ServoStatus
            self.create_service(ServoCommandType, "~/switch_command_type", self._switch)
            self.create_service(SetBool, "~/pause_servo", self._pause)
        self._status = self.create_publisher(self._kind, "~/status", 1)
        self.create_subscription(TwistStamped, "~/delta_twist_cmds", self.model.take, 1)
        self.create_timer(PERIOD_S, self._tick)

    def set(self, **values) -> None:
        """Change parameters; names have `__` in place of a dot."""
        values = {key.replace("__", "."): value for key, value in values.items()}
        self.set_parameters([Parameter(f"moveit_servo.{key}", value=value) for key, value in values.items()])
        self.model.parameters.update(values)

    def _switch(self, request, response):
        return self._start(response, request.command_type == request.TWIST)

    def _start(self, response, twists=True):
        self.asked += 1
        response.success = bool(self.answer)
        self.model.takes_twists = twists and response.success
        return response

    def _pause(self, request, response):
        self.model.paused = request.data
        response.success = True
        return response

    def _tick(self) -> None:
        twist, code = self.model.tip_twist(1e-9 * self.get_clock().now().nanoseconds)
        if twist.any():
            self.moved.append(twist)
        if self.model.paused and not self.model.humble:
            return
        self._status.publish(Int8(data=code) if self._kind is Int8 else self._kind(code=code))
