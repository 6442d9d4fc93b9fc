"""The driver of the example converts the tool's twist into base axes, and takes no command without a fresh pose."""

import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs rclpy: run scripts/setup.sh, or source a ROS 2 environment")

from geometry_msgs.msg import PoseStamped, TwistStamped
from scipy.spatial.transform import Rotation
from std_msgs.msg import Float64MultiArray, Header

from depth_pc_ros.geometry import se3
from depth_pc_ros.nodes.conversions import pose_to_msg, twist_to_msg
from depth_pc_ros.nodes.node_configs import DriverConfig

pytestmark = pytest.mark.ros

T_BASE_TOOL = se3.from_rt(Rotation.from_euler("zyx", [70, -20, 150], degrees=True).as_matrix(), [0.3, -0.2, 0.5])
TWIST = np.array([0.05, 0.0, 0.02, 0.0, 0.1, -0.2])


EXAMPLE = Path(__file__).parents[2] / "examples" / "own_arm_driver.py"


@pytest.fixture
def own(example):
    return example("own_arm_driver")


def run(*words):
    """The finished process of the example."""
    command = [sys.executable, str(EXAMPLE), *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)


class Clocked:
    """What a driver needs of its node; the test sets the time."""

    def __init__(self):
        self.time_s, self.sent = 0.0, []

    def steady_s(self):
        return self.time_s

    def create_publisher(self, kind, topic, qos):
        self.topic, self.publish = topic, self.sent.append
        return self

    def create_subscription(self, kind, topic, callback, qos):
        self.hear = callback


def test_driver_needs_a_fresh_pose_of_the_tool(own):
    node = Clocked()
    driver = own.BaseArrayDriver(node, DriverConfig(tool_frame="tool0"))
    driver.prepare()
    assert "no pose" in driver.problem()
    node.hear(PoseStamped(pose=pose_to_msg(T_BASE_TOOL)))
    assert driver.problem() == ""
    node.time_s = 0.09
    assert driver.problem() == ""
    node.time_s = 0.12
    assert "0.12 s old" in driver.problem()


def test_driver_sends_the_twist_in_axes_of_the_base(own):
    node = Clocked()
    driver = own.BaseArrayDriver(node, DriverConfig(tool_frame="tool0"))
    driver.send(np.zeros(6), None)  # a stop needs no pose
    driver.prepare()
    node.hear(PoseStamped(pose=pose_to_msg(T_BASE_TOOL)))
    driver.send(TWIST, None)
    R = T_BASE_TOOL[:3, :3]
    assert node.topic == "tool_velocity"
    np.testing.assert_array_equal(node.sent[0].data, np.zeros(6))
    np.testing.assert_allclose(node.sent[1].data, [*(R @ TWIST[:3]), *(R @ TWIST[3:])], atol=1e-12)


def test_example_says_that_the_stand_in_arm_obeyed():
    """Adapter, driver and arm as real nodes; in a process of its own, because it adds to the table of drivers."""
    done = run()
    assert done.returncode == 0, done.stderr
    assert "25 velocities" in done.stdout
    assert "[ 25.  -43.3 -86.6] mm/s in its base, then zeros" in done.stdout


def test_node_obeys_real_twists_until_it_is_stopped(runner):
    """`--node`: the adapter with this driver, as it runs for a real arm."""
    words = ["--node", "--ros-args", "-r", f"__ns:={runner.namespace}"]
    process = subprocess.Popen([sys.executable, str(EXAMPLE), *words], stderr=subprocess.PIPE, text=True)
    velocities = runner.listen(Float64MultiArray, "tool_velocity")
    poses = runner.node.create_publisher(PoseStamped, "tool_pose", 1)
    twists = runner.node.create_publisher(TwistStamped, "twist_cmd", 1)

    def moves():
        poses.publish(PoseStamped(pose=pose_to_msg(T_BASE_TOOL)))
        stamp = runner.node.get_clock().now().to_msg()
        twists.publish(TwistStamped(header=Header(stamp=stamp, frame_id="optical"), twist=twist_to_msg(TWIST)))
        return velocities and np.allclose(velocities[-1].data, [*(R @ TWIST[:3]), *(R @ TWIST[3:])], atol=1e-9)

    try:
        R = T_BASE_TOOL[:3, :3]
        runner.wait(moves, "the velocity after the ramp", timeout_s=60)
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0, process.stderr.read()
        runner.wait(lambda: not any(velocities[-1].data), "the zeros that end the motion", timeout_s=60)
    finally:
        process.kill()
        process.wait()


def test_arguments_of_ros_need_the_node():
    words = ["--ros-args", "-p", "profile:=twist"]
    done = subprocess.run(
        [sys.executable, str(EXAMPLE), *words], capture_output=True, text=True, timeout=100, check=False
    )
    assert done.returncode == 2
    assert "unknown arguments without --node" in done.stderr
