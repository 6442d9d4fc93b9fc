"""Controllers of joint velocities, such as ros2_control's `forward_velocity_controller`, by the arm's own Jacobian."""

import numpy as np
from builtin_interfaces.msg import Time
from sensor_msgs.msg import JointState
from std_msgs.msg import Float64MultiArray, String

from depth_pc_ros.errors import ConfigError, DepthPcError
from depth_pc_ros.nodes.base import IMAGE_QOS, LATCHED_QOS, TWIST_QOS
from depth_pc_ros.nodes.drivers.arm_kinematics import ArmKinematics
from depth_pc_ros.nodes.drivers.contract import ArmDriver


class JointVelocityDriver(ArmDriver):
    """Speeds of the joints that `joints` names, in that order, a Float64MultiArray on `joint_commands`, rad/s.

    The URDF comes from `robot_description`, the angles from `arm_joint_states`. Such a controller obeys its last
    command for ever; only the zeros of adapter and dead man stop it.
    """

    TOPIC = "joint_commands"
    KIND = Float64MultiArray
    LONGEST_AGE_S = 0.25  # of the joint states
    HALT_S = 0.5  # after a halt at a singularity or a limit it begins from rest again

    def __init__(self, node, config):
        self._joints = config.joints.split()
        if not (self._joints and config.tool_frame):
            missing = "tool_frame" if self._joints else "joints"
            raise ConfigError(f"{missing}: profile 'joint_velocity' needs it, got an empty name")
        super().__init__(node, config)
        self._publisher = node.create_publisher(self.KIND, self.TOPIC, TWIST_QOS)
        self._arm: ArmKinematics | None = None
        self._no_arm = "robot_description: no URDF has come"
        self._angles: dict[str, float] = {}
        self._heard_s = -np.inf
        self._slowed = ""
        self._halted = False  # at the last command
        self._halted_s = -np.inf

    def prepare(self) -> None:
        self._node.create_subscription(String, "robot_description", self._on_urdf, LATCHED_QOS)
        self._node.create_subscription(JointState, "arm_joint_states", self._on_joints, IMAGE_QOS)

    def _on_urdf(self, msg: String) -> None:
        try:
            self._arm = ArmKinematics(msg.data, self._joints, self._config.tool_frame)
        except DepthPcError as error:
            self._arm, self._no_arm = None, str(error)
            self._node.get_logger().error(self._no_arm)

    def _on_joints(self, msg: JointState) -> None:
        if len(msg.position) == len(msg.name) and np.isfinite(msg.position).all():
            self._angles.update(zip(msg.name, msg.position))
            if set(self._joints) <= set(msg.name):
                self._heard_s = self._node.steady_s()

    def problem(self) -> str:
        if self._arm is None:
            return self._no_arm
        age_s = self._node.steady_s() - self._heard_s
        if age_s > self.LONGEST_AGE_S:
            when = f"the newest are {age_s:.1f} s old" if np.isfinite(age_s) else "none have come"
            return f"joint_states of {', '.join(self._joints)}: {when}"
        return self._slowed if self._node.steady_s() - self._halted_s < self.HALT_S else ""

    def halted(self) -> str:
        return self._slowed if self._halted else ""

    def slowed(self) -> str:
        return self._slowed

    def send(self, twist: np.ndarray, stamp: Time) -> None:
        speeds = np.zeros(len(self._joints))
        if twist.any():
            speeds, self._slowed = self._arm.speeds(twist, self._angles)
            self._halted = not speeds.any()
            if self._halted:
                self._halted_s = self._node.steady_s()
        self._publisher.publish(Float64MultiArray(data=speeds.tolist()))
