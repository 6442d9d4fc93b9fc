"""The driver of the example turns the tool's twist into the base, and takes no command without a fresh pose."""

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs rclpy: run scripts/setup.sh, or source a ROS 2 environment")

from geometry_msgs.msg import PoseStamped
from scipy.spatial.transform import Rotation

from depth_pc_ros.geometry import se3
from depth_pc_ros.nodes import arm_drivers
from depth_pc_ros.nodes.conversions import pose_to_msg

pytestmark = pytest.mark.ros

T_BASE_TOOL = se3.from_rt(Rotation.from_euler("zyx", [70, -20, 150], degrees=True).as_matrix(), [0.3, -0.2, 0.5])
TWIST = np.array([0.05, 0.0, 0.02, 0.0, 0.1, -0.2])


@pytest.fixture
def own(example, monkeypatch):
    monkeypatch.setattr(arm_drivers, "DRIVERS", dict(arm_drivers.DRIVERS))
    return example("own_arm_driver")


class Clocked:
    """What a driver asks of its node; time passes when the test says so."""

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
    driver = own.BaseArrayDriver(node, "tool0")
    assert "no pose" in driver.problem()
    node.hear(PoseStamped(pose=pose_to_msg(T_BASE_TOOL)))
    assert driver.problem() == ""
    node.time_s = 0.09
    assert driver.problem() == ""
    node.time_s = 0.12
    assert "0.12 s old" in driver.problem()


def test_driver_sends_the_twist_in_axes_of_the_base(own):
    node = Clocked()
    driver = own.BaseArrayDriver(node, "tool0")
    driver.send(np.zeros(6), None)  # a stop needs no pose
    node.hear(PoseStamped(pose=pose_to_msg(T_BASE_TOOL)))
    driver.send(TWIST, None)
    R = T_BASE_TOOL[:3, :3]
    assert node.topic == "tool_velocity"
    np.testing.assert_array_equal(node.sent[0].data, np.zeros(6))
    np.testing.assert_allclose(node.sent[1].data, [*(R @ TWIST[:3]), *(R @ TWIST[3:])], atol=1e-12)


def test_example_says_that_the_stand_in_arm_obeyed(own, capsys, monkeypatch):
    """Adapter, driver and arm as real nodes."""
    monkeypatch.setattr("sys.argv", ["own_arm_driver.py"])
    assert own.main() == 0
    text = capsys.readouterr().out
    assert "25 velocities" in text
    assert "then zeros" in text
