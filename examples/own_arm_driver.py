"""An arm driver of your own: one that takes six numbers in the arm's base frame.

    python examples/own_arm_driver.py               a stand-in arm obeys the driver; the outcome is printed
    python examples/own_arm_driver.py --node --ros-args -r __ns:=/depth_pc -r twist_cmd:=controller/twist_cmd \\
        -p camera_in_tool_xyz:="[0.03, 0.0, 0.05]"  the adapter with this driver, in place of the package's own

The twist adapter is the last node before the arm. It checks every command, converts the camera's twist into the
tool's with the hand-eye pose, limits its speed, and ends every motion with a burst of zeros. A driver profile, the
class below, only sends the result to the arm. It derives from `ArmDriver`, which lists all that it may say. These
three are enough here:

    prepare() -> None            makes what commands need besides the publisher
    problem() -> str             why it cannot take commands now; "" when it can. While there is a problem, commands
                                 are refused, and a moving arm is stopped
    send(twist, stamp) -> None   twist (6,) of the tool, in the tool frame, about its origin, m/s and rad/s

This arm, as many do (`speedl` of Universal Robots, for one), wants the velocity of the tool's origin in axes of the
base: `[v, w]` as a Float64MultiArray on `tool_velocity`. So the driver needs the orientation of the tool in the
base: it subscribes to `tool_pose`. An old pose would give a wrong direction, so that is a problem.

`register_driver` gives the class a name for the adapter's parameter `profile`; to make it a part of the package, put
it into a file under `nodes/drivers/`.
"""

import argparse
import os
import sys
import time

import numpy as np
from scipy.spatial.transform import Rotation

from depth_pc_ros.geometry import se3

try:
    import rclpy
    from geometry_msgs.msg import PoseStamped, TwistStamped
    from rclpy.executors import SingleThreadedExecutor
    from rclpy.node import Node
    from rclpy.parameter import Parameter
    from std_msgs.msg import Float64MultiArray, Header

    from depth_pc_ros.nodes.arm_drivers import register_driver
    from depth_pc_ros.nodes.base import TWIST_QOS, run
    from depth_pc_ros.nodes.conversions import pose_from_msg, pose_to_msg, twist_to_msg
    from depth_pc_ros.nodes.drivers.contract import ArmDriver
    from depth_pc_ros.nodes.twist_adapter import TwistAdapter
except ImportError as error:
    sys.exit(f"this example needs ROS 2 ({error}): source it, or scripts/env.sh after scripts/setup.sh")

PROFILE = "base_array"
T_TOOL_CAM = se3.from_rt(Rotation.from_euler("z", 90, degrees=True).as_matrix(), np.array([0.03, 0.0, 0.05]))
PERIOD_S = 0.02  # between two commands
PATIENCE_S = 30.0
STAND_IN = f"/stand_in_{os.getpid()}"  # namespace: a real arm does not get commands for the stand-in


class BaseArrayDriver(ArmDriver):
    """Publishes `[v, w]` of the tool's origin in axes of the base, m/s and rad/s, on `tool_velocity`."""

    TOPIC = "tool_velocity"
    LONGEST_AGE_S = 0.1  # of the tool's pose

    def __init__(self, node, config):
        super().__init__(node, config)
        self._R_base_tool = None
        self._received_s = -np.inf
        self._publisher = node.create_publisher(Float64MultiArray, self.TOPIC, TWIST_QOS)

    def prepare(self) -> None:
        self._node.create_subscription(PoseStamped, "tool_pose", self._on_tool_pose, 1)

    def _on_tool_pose(self, msg: PoseStamped) -> None:
        self._R_base_tool = pose_from_msg(msg.pose)[:3, :3]
        self._received_s = self._node.steady_s()

    def problem(self) -> str:
        if self._R_base_tool is None:
            return "tool_pose: no pose of the tool has come"
        age_s = self._node.steady_s() - self._received_s
        return f"tool_pose: the newest pose is {age_s:.2f} s old" if age_s > self.LONGEST_AGE_S else ""

    def send(self, twist: np.ndarray, stamp) -> None:
        # Other axes, same point: no lever arm. Zeros stay zeros, also while the pose is not known.
        R = np.eye(3) if self._R_base_tool is None else self._R_base_tool
        self._publisher.publish(Float64MultiArray(data=[*(R @ twist[:3]), *(R @ twist[3:])]))


class StandInArm(Node):
    """An arm that publishes its tool's pose, obeys `tool_velocity`, and records the velocities (6,) that it got."""

    def __init__(self, T_base_tool: np.ndarray):
        super().__init__("arm", namespace=STAND_IN)
        self.T_base_tool = T_base_tool
        self.velocities: list[np.ndarray] = []
        self._pose = self.create_publisher(PoseStamped, "tool_pose", 1)
        self.create_subscription(Float64MultiArray, "tool_velocity", self._on_velocity, TWIST_QOS)
        self.create_timer(PERIOD_S, self._publish_pose)

    def _publish_pose(self) -> None:
        self._pose.publish(PoseStamped(pose=pose_to_msg(self.T_base_tool)))

    def _on_velocity(self, msg: Float64MultiArray) -> None:
        velocity = np.array(msg.data)
        position = self.T_base_tool[:3, 3] + PERIOD_S * velocity[:3]
        self.T_base_tool = se3.from_rt(se3.exp_so3(PERIOD_S * velocity[3:]) @ self.T_base_tool[:3, :3], position)
        self.velocities.append(velocity)


def drive_stand_in(twist: np.ndarray, T_base_tool: np.ndarray, count: int = 25) -> list[np.ndarray]:
    """Send a camera twist (6,) to adapter, driver and stand-in arm until the arm got `count` of it; then nothing.

    Returns the velocities (6,) that the arm got until it stood still, or until PATIENCE_S had passed.
    """
    quat = Rotation.from_matrix(T_TOOL_CAM[:3, :3]).as_quat().tolist()
    values = {"profile": PROFILE, "camera_in_tool_xyz": T_TOOL_CAM[:3, 3].tolist(), "camera_in_tool_quat": quat}
    rclpy.init()
    arm = StandInArm(T_base_tool)
    parameters = [Parameter(name, value=value) for name, value in values.items()]
    adapter = TwistAdapter(namespace=STAND_IN, parameter_overrides=parameters)
    adapter.start()
    commands = arm.create_publisher(TwistStamped, "twist_cmd", TWIST_QOS)
    executor = SingleThreadedExecutor()
    executor.add_node(arm)
    executor.add_node(adapter)
    sending, end_s = True, time.monotonic() + PATIENCE_S
    next_s = 0.0
    while (sending or arm.velocities[-1].any()) and time.monotonic() < end_s:
        executor.spin_once(timeout_sec=PERIOD_S)
        sending = sum(velocity.any() for velocity in arm.velocities) < count
        if sending and time.monotonic() >= next_s:
            next_s = time.monotonic() + PERIOD_S
            header = Header(stamp=arm.get_clock().now().to_msg(), frame_id="camera_optical_frame")
            commands.publish(TwistStamped(header=header, twist=twist_to_msg(twist)))
    for node in (arm, adapter):
        executor.remove_node(node)
        node.destroy_node()
    rclpy.try_shutdown()
    return arm.velocities


def check() -> int:
    """Move the stand-in arm along the camera's optical axis and print which velocities it got. The exit code."""
    T_base_tool = se3.from_rt(Rotation.from_euler("xyz", [150, 0, 30], degrees=True).as_matrix(), np.full(3, 0.4))
    speed_m_s = 0.1
    velocities = drive_stand_in(np.array([0.0, 0.0, speed_m_s, 0.0, 0.0, 0.0]), T_base_tool)
    wanted = speed_m_s * (T_base_tool @ T_TOOL_CAM)[:3, 2]
    moving = [velocity for velocity in velocities if velocity.any()]
    if not moving or velocities[-1].any():
        print(f"the arm got {len(moving)} velocities, and " + ("no zeros" if moving else "should have got some"))
        return 1
    settled = moving[len(moving) // 2 :]  # the adapter approaches a twist within its limits of acceleration and jerk
    worst = max(np.abs(velocity - [*wanted, 0, 0, 0]).max() for velocity in settled)
    print(f"the arm got {len(moving)} velocities, {np.round(1e3 * moving[-1][:3], 2)} mm/s in its base, then zeros")
    print(f"after the ramp they differ from the wanted ones by at most {1e3 * worst:.1e} mm/s")
    return 0 if worst < 1e-6 else 1


def main() -> int:
    parser = argparse.ArgumentParser(description="A driver profile for an arm that takes velocities in its base frame.")
    parser.add_argument("--node", action="store_true", help="Run the adapter with it until Ctrl-C; takes --ros-args.")
    flags, ros_arguments = parser.parse_known_args()
    register_driver(PROFILE, BaseArrayDriver)
    if not flags.node:
        if ros_arguments:
            parser.error(f"unknown arguments without --node: {' '.join(ros_arguments)}")
        return check()
    sys.argv[1:] = [*ros_arguments, "--ros-args", "-p", f"profile:={PROFILE}"]
    return run(TwistAdapter)


if __name__ == "__main__":
    raise SystemExit(main())
