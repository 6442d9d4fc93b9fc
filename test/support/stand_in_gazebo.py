"""Stand-ins for Gazebo and ros_gz_bridge: the free camera's body, and the joints of the arm, in simulated time."""

import threading

import numpy as np
from geometry_msgs.msg import PoseStamped, Twist
from sensor_msgs.msg import CameraInfo, JointState
from std_msgs.msg import Float64MultiArray, Header, String

from depth_pc_ros.geometry import se3
from depth_pc_ros.nodes.base import LATCHED_QOS
from depth_pc_ros.nodes.conversions import pose_to_msg, seconds_to_stamp, twist_from_msg
from depth_pc_ros.nodes.node_configs import GAZEBO_ARM_JOINTS


class StandInWorld:
    """Steps of 10 ms, an image each fourth step. Simulated time runs four times as fast as the wall clock."""

    STEP_S = 0.01

    def __init__(self, node):
        self.node = node
        self.time_s = 1.0
        self.steps = 0
        self.poses = {}  # of the camera: time of the image -> T_world_cam (4, 4)
        self.paused = threading.Event()
        self.info = node.create_publisher(CameraInfo, "bridge/camera_info", 10)

    def run(self) -> "StandInWorld":
        """Let time pass from now on."""
        self.node.create_timer(self.STEP_S / 4, self._step)
        return self

    def header(self) -> Header:
        return Header(stamp=seconds_to_stamp(self.time_s), frame_id="world")

    def _step(self) -> None:
        if self.paused.is_set():
            return
        self.time_s = round(self.time_s + self.STEP_S, 9)
        self.steps += 1
        self.move()
        if self.steps % 4 == 0:
            self.poses[self.time_s] = self.camera_pose()
            self.info.publish(CameraInfo(header=self.header()))


class StandInBody(StandInWorld):
    """What VelocityControl does: the newest twist in the model's axes, turned into the world's at every millisecond."""

    def __init__(self, node, T_world_body, T_body_cam):
        super().__init__(node)
        self.T_world_body, self.T_body_cam = T_world_body, T_body_cam
        self.twist = np.zeros(6)
        self.pose = node.create_publisher(PoseStamped, "body_pose", 10)
        node.create_subscription(Twist, "cmd_vel", self._on_twist, 10)

    def _on_twist(self, msg: Twist) -> None:
        self.twist = twist_from_msg(msg)

    def camera_pose(self) -> np.ndarray:
        return self.T_world_body @ self.T_body_cam

    def move(self) -> None:
        T = self.T_world_body.copy()
        for _ in range(10):
            v_world, w_world = T[:3, :3] @ self.twist[:3], T[:3, :3] @ self.twist[3:]
            T[:3, 3] += 1e-3 * v_world
            T[:3, :3] = se3.exp_so3(1e-3 * w_world) @ T[:3, :3]
        self.T_world_body = T
        self.pose.publish(PoseStamped(header=self.header(), pose=pose_to_msg(T)))


class StandInArm(StandInWorld):
    """Joints that obey the newest speeds. kinematics: an `ArmKinematics` of the camera."""

    def __init__(self, node, urdf: str, kinematics, angles):
        super().__init__(node)
        self.kinematics, self.angles = kinematics, np.array(angles)
        self.speeds = np.zeros(6)
        self.joints = node.create_publisher(JointState, "arm_joint_states", 10)
        self.description = node.create_publisher(String, "robot_description", LATCHED_QOS)
        self.description.publish(String(data=urdf))
        node.create_subscription(Float64MultiArray, "joint_commands", self._on_speeds, 10)

    def _on_speeds(self, msg: Float64MultiArray) -> None:
        self.speeds = np.array(msg.data)

    def camera_pose(self) -> np.ndarray:
        return self.kinematics.tool_pose(dict(zip(GAZEBO_ARM_JOINTS, self.angles)))

    def move(self) -> None:
        self.angles = self.angles + self.STEP_S * self.speeds
        msg = JointState(header=self.header(), name=list(GAZEBO_ARM_JOINTS), position=self.angles.tolist())
        self.joints.publish(msg)
