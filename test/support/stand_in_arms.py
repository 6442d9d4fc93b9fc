"""What arms make of the commands that their drivers take. No ROS nodes: `take` a message, ask for the tool's twist.

Import it where ROS is. MoveIt Servo has a file of its own.
"""

import numpy as np
from geometry_msgs.msg import PoseStamped, Twist, TwistStamped
from stand_in_servo import PARAMETERS, ServoModel
from std_msgs.msg import Float64MultiArray

from depth_pc_ros.geometry import se3
from depth_pc_ros.nodes.conversions import pose_from_msg, twist_from_msg


class IdealArm:
    """Does as it is told: the driver that all others are held against."""

    def __init__(self):
        self._twist = np.zeros(6)

    def take(self, msg: TwistStamped) -> None:
        self._twist = twist_from_msg(msg.twist)

    def tool_twist(self, now_s: float, T_base_tool: np.ndarray) -> np.ndarray:
        """Twist (6,) of the tool now, in its own frame. T_base_tool: (4, 4), where it is."""
        return self._twist


class ServoArm:
    """MoveIt Servo. speed: of the arm behind it, as by UR's speed slider."""

    def __init__(self, humble=False, speed=1.0, **parameters):
        values = {**PARAMETERS, **{name.replace("__", "."): value for name, value in parameters.items()}}
        self.model = ServoModel(values, humble=humble)
        self.model.takes_twists = True
        self.speed = speed
        self.take = self.model.take

    def tool_twist(self, now_s: float, T_base_tool: np.ndarray) -> np.ndarray:
        return self.speed * self.model.tip_twist(now_s)[0]


class KortexArm:
    """Kinova: angular speed in deg/s, tool frame; obeys its last command for ever."""

    def __init__(self):
        self._twist = np.zeros(6)

    def take(self, msg: Twist) -> None:
        self._twist = twist_from_msg(msg) * [1, 1, 1, *[np.pi / 180] * 3]

    def tool_twist(self, now_s: float, T_base_tool: np.ndarray) -> np.ndarray:
        return self._twist


class BaseTwistArm(IdealArm):
    """Takes the twist of the tool's origin in axes of the base."""

    def tool_twist(self, now_s: float, T_base_tool: np.ndarray) -> np.ndarray:
        return (self._twist.reshape(2, 3) @ T_base_tool[:3, :3]).ravel()


class PoseArm:
    """A controller of poses: approaches its target with this time constant, as FZI's cartesian_motion_controller."""

    TIME_CONSTANT_S = 0.04

    def __init__(self):
        self._target = None

    def take(self, msg: PoseStamped) -> None:
        assert msg.header.frame_id == "base_link"  # the real one refuses others
        self._target = pose_from_msg(msg.pose)

    def tool_twist(self, now_s: float, T_base_tool: np.ndarray) -> np.ndarray:
        if self._target is None:
            return np.zeros(6)
        return se3.log(se3.inverse(T_base_tool) @ self._target) / self.TIME_CONSTANT_S


class JointArm:
    """A controller of joint velocities. rig: the Panda in PyBullet, whose joints it moves by its own kinematics."""

    def __init__(self, rig):
        self._rig = rig
        self._speeds = np.zeros(7)

    def take(self, msg: Float64MultiArray) -> None:
        self._speeds = np.array(msg.data)

    def tool_twist(self, now_s: float, T_base_tool: np.ndarray) -> np.ndarray:
        return self._rig._chain.solve(self._rig.joint_positions)[1] @ self._speeds
