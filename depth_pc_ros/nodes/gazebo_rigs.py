"""What moves the camera in Gazebo: its own body, or an arm. Each drives to its goal and start when it is asked."""

from collections.abc import Callable

import numpy as np
from geometry_msgs.msg import PoseStamped, Twist
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import JointState
from std_msgs.msg import Float64MultiArray, String

from depth_pc_ros.control.limits import limit_norms
from depth_pc_ros.errors import DepthPcError, SceneError
from depth_pc_ros.geometry import se3
from depth_pc_ros.geometry.camera import Intrinsics
from depth_pc_ros.nodes.base import LATCHED_QOS, TWIST_QOS
from depth_pc_ros.nodes.conversions import pose_from_msg, stamp_to_seconds, twist_to_msg
from depth_pc_ros.nodes.drivers.arm_kinematics import ArmKinematics
from depth_pc_ros.nodes.node_configs import GAZEBO_ARM_JOINTS, GazeboBridgeConfig
from depth_pc_ros.sim import poses

_EVERY_POSE_QOS = QoSProfile(depth=50, reliability=ReliabilityPolicy.BEST_EFFORT)
INTRINSICS = Intrinsics(540.0, 540.0, 320.0, 240.0, 640, 480)  # as config/gazebo has them
SCENE_CENTRE = (0.0, 0.0, 0.04)
# The camera's optical frame in its body, whose axes are Gazebo's: x forward, y left, z up.
T_BODY_CAM = se3.from_rt(np.array([[0.0, 0.0, 1.0], [-1.0, 0.0, 0.0], [0.0, -1.0, 0.0]]), np.zeros(3))

_GAIN_1_S = 3.0  # of the way that is left
_MAX_LINEAR, _MAX_ANGULAR, _MAX_JOINT = 0.4, 1.2, 0.6  # m/s, rad/s, rad/s
_NEAR_M, _NEAR_RAD = 1e-3, 2e-3  # the goal is where the camera rests, not where it was sent

# Joint angles from which the arm's camera looks down at the scene, and how far goals are from them, rad.
ARM_HOME_RAD = np.array([0.0, 0.18, -0.07, 0.0, 1.40, 0.0])
_GOAL_SPREAD_RAD = np.array([0.15, 0.12, 0.12, 0.15, 0.12, 0.6])
_START_SPREAD_RAD = np.array([0.3, 0.25, 0.25, 0.3, 0.25, 0.8])
_DISTANCE_M, _SHIFT_M, _ANGLE_DEG = (0.40, 0.75), (0.08, 0.30), (15.0, 60.0)
_TRIES = 5000


class FreeRig:
    """A body that VelocityControl moves: `body_pose` in, its twist in its own axes on `cmd_vel` out.

    on_pose is called with the time in s and `T_world_cam` (4, 4) of every pose. goal, start: `T_world_cam` (4, 4).
    """

    def __init__(self, node, config: GazeboBridgeConfig, on_pose: Callable[[float, np.ndarray], None]):
        self.goal, self.start = poses.sample_pair(config.seed, SCENE_CENTRE, INTRINSICS, config.level)
        self._on_pose = on_pose
        self._T_world_body: np.ndarray | None = None
        self._publisher = node.create_publisher(Twist, "cmd_vel", TWIST_QOS)
        node.create_subscription(PoseStamped, "body_pose", self._on_body_pose, _EVERY_POSE_QOS)

    def _on_body_pose(self, msg: PoseStamped) -> None:
        self._T_world_body = pose_from_msg(msg.pose)
        self._on_pose(stamp_to_seconds(msg.header.stamp), self._T_world_body @ T_BODY_CAM)

    def problem(self) -> str:
        """Why it cannot move; "": it can."""
        return "" if self._T_world_body is not None else "body_pose: none has come; is Gazebo running?"

    def drive(self, T_world_cam: np.ndarray) -> bool:
        """Command the next step towards a pose (4, 4); True when it is there."""
        T_world_target = T_world_cam @ se3.inverse(T_BODY_CAM)
        left = se3.log(se3.inverse(self._T_world_body) @ T_world_target)
        self._send(limit_norms(_GAIN_1_S * left, _MAX_LINEAR, _MAX_ANGULAR))
        return bool(np.linalg.norm(left[:3]) < _NEAR_M and np.linalg.norm(left[3:]) < _NEAR_RAD)

    def stop(self) -> None:
        """Command a standstill."""
        self._send(np.zeros(6))

    def _send(self, twist_body: np.ndarray) -> None:
        self._publisher.publish(twist_to_msg(twist_body))


class ArmRig:
    """The arm of config/gazebo/arm.urdf: joint angles in, speeds of the joints out. As `FreeRig`.

    goal, start: joint angles (6,) in rad. The camera's pose is that of the URDF at the joint angles.
    """

    def __init__(self, node, config: GazeboBridgeConfig, on_pose: Callable[[float, np.ndarray], None]):
        self.goal = self.start = ARM_HOME_RAD
        self._seed = config.seed
        self._on_pose = on_pose
        self._arm: ArmKinematics | None = None
        self._no_arm = "robot_description: no URDF has come"
        self._angles: np.ndarray | None = None
        self._publisher = node.create_publisher(Float64MultiArray, "joint_commands", TWIST_QOS)
        node.create_subscription(String, "robot_description", self._on_urdf, LATCHED_QOS)
        node.create_subscription(JointState, "arm_joint_states", self._on_joints, _EVERY_POSE_QOS)

    def _on_urdf(self, msg: String) -> None:
        try:
            arm = ArmKinematics(msg.data, GAZEBO_ARM_JOINTS, "camera_optical_frame")
            self.goal, self.start = sample_arm_pair(self._seed, arm)
            self._arm = arm
        except DepthPcError as error:
            self._no_arm = str(error)

    def _on_joints(self, msg: JointState) -> None:
        angles = dict(zip(msg.name, msg.position))
        if self._arm is None or not set(GAZEBO_ARM_JOINTS) <= set(angles):
            return
        self._angles = np.array([angles[name] for name in GAZEBO_ARM_JOINTS])
        self._on_pose(stamp_to_seconds(msg.header.stamp), self._arm.tool_pose(angles))

    def problem(self) -> str:
        if self._arm is None:
            return self._no_arm
        return "" if self._angles is not None else "arm_joint_states: none has come; is Gazebo running?"

    def drive(self, angles: np.ndarray) -> bool:
        left = angles - self._angles
        speeds = _GAIN_1_S * left
        self._send(speeds * min(1.0, _MAX_JOINT / max(np.abs(speeds).max(), 1e-12)))
        return bool(np.abs(left).max() < _NEAR_RAD)

    def stop(self) -> None:
        self._send(np.zeros(len(GAZEBO_ARM_JOINTS)))

    def _send(self, speeds: np.ndarray) -> None:
        self._publisher.publish(Float64MultiArray(data=speeds.tolist()))


def sample_arm_pair(seed: int, arm: ArmKinematics) -> tuple[np.ndarray, np.ndarray]:
    """Joint angles (6,) in rad at the goal and at the start of a seed: both see the middle of the scene."""
    rng = np.random.default_rng([seed, 6])
    for _ in range(_TRIES):
        goal = ARM_HOME_RAD + rng.uniform(-1, 1, 6) * _GOAL_SPREAD_RAD
        start = ARM_HOME_RAD + rng.uniform(-1, 1, 6) * _START_SPREAD_RAD
        views = [arm.tool_pose(dict(zip(GAZEBO_ARM_JOINTS, angles))) for angles in (goal, start)]
        distances_m = [np.linalg.norm(T[:3, 3] - SCENE_CENTRE) for T in views]
        shift_m, angle_deg = se3.pose_error(*views)
        if (
            all(poses.sees(T, SCENE_CENTRE, INTRINSICS) for T in views)
            and all(_DISTANCE_M[0] < distance < _DISTANCE_M[1] for distance in distances_m)
            and _SHIFT_M[0] < shift_m < _SHIFT_M[1]
            and _ANGLE_DEG[0] < angle_deg < _ANGLE_DEG[1]
        ):
            return goal, start
    raise SceneError(f"seed {seed}: found no goal and start of Gazebo's arm")
