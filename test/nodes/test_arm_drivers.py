"""What the drivers that take a twist or a pose send."""

import types

import numpy as np
import pytest
from builtin_interfaces.msg import Time
from std_msgs.msg import Header

from depth_pc_ros.errors import ConfigError
from depth_pc_ros.geometry import se3
from depth_pc_ros.nodes.conversions import pose_from_msg, twist_from_msg
from depth_pc_ros.nodes.drivers.cartesian_pose import CartesianPoseDriver
from depth_pc_ros.nodes.drivers.twists import BridgeDriver, KortexDriver, TwistDriver, TwistStampedDriver
from depth_pc_ros.nodes.node_configs import DriverConfig

TWIST = np.array([0.1, -0.2, 0.3, 0.4, -0.5, 0.6])


class FakeNode:
    """Records what a driver creates and sends."""

    def __init__(self):
        self.sent = []
        self.topic = None
        self.time_s = 100.0

    def steady_s(self):
        return self.time_s

    def get_clock(self):
        return types.SimpleNamespace(now=lambda: types.SimpleNamespace(nanoseconds=round(1e9 * self.time_s)))

    def create_publisher(self, kind, topic, qos):
        self.topic = topic
        return types.SimpleNamespace(publish=self.sent.append)


def test_the_bridge_gets_stamp_frame_and_twist():
    node = FakeNode()
    BridgeDriver(node, DriverConfig(tool_frame="tool0")).send(TWIST, Time(sec=3, nanosec=5))
    (msg,) = node.sent
    assert (node.topic, msg.header.frame_id, msg.header.stamp) == ("command", "tool0", Time(sec=3, nanosec=5))
    assert [msg.twist.linear.z, msg.twist.angular.y] == [0.3, -0.5]


def test_twist_driver_sends_the_bare_twist():
    node = FakeNode()
    TwistDriver(node, DriverConfig()).send(TWIST, Time())
    assert node.topic == "cmd_vel"
    assert [node.sent[0].linear.x, node.sent[0].angular.z] == [0.1, 0.6]


R_BASE_TOOL = np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
IN_BASE = np.array([0.2, 0.1, 0.3, 0.5, 0.4, 0.6])  # TWIST in these axes


@pytest.mark.parametrize(("driver", "topic"), [(TwistDriver, "cmd_vel"), (TwistStampedDriver, "twist")])
@pytest.mark.parametrize("unit", ["rad", "deg"])
@pytest.mark.parametrize("frame", ["tool", "base"])
def test_axes_and_unit_are_those_of_the_options(tf, driver, topic, unit, frame):
    node = FakeNode()
    config = DriverConfig(tool_frame="tool0", base_frame="base_link", command_frame=frame, angular_unit=unit)
    driver = driver(node, config)
    driver.send(np.zeros(6), Time())  # zeros go out whatever is unknown
    driver.prepare()
    assert bool(driver.problem()) == (frame == "base")
    tf.poses["base_link", "tool0"] = se3.from_rt(R_BASE_TOOL, np.ones(3)), 0.0
    assert driver.problem() == ""
    driver.send(TWIST, Time(sec=7))
    zero, msg = node.sent
    if topic == "twist":
        assert msg.header == Header(stamp=Time(sec=7), frame_id={"tool": "tool0", "base": "base_link"}[frame])
        zero, msg = zero.twist, msg.twist
    wanted = np.array(TWIST if frame == "tool" else IN_BASE)
    wanted[3:] *= 180 / np.pi if unit == "deg" else 1
    assert node.topic == topic
    assert not twist_from_msg(zero).any()
    np.testing.assert_allclose(twist_from_msg(msg), wanted, atol=1e-12)


def test_kortex_takes_degrees_in_the_tool_frame():
    node = FakeNode()
    KortexDriver(node, DriverConfig(command_frame="base")).send(TWIST, Time())
    np.testing.assert_allclose(twist_from_msg(node.sent[0]), [*TWIST[:3], *np.degrees(TWIST[3:])])


@pytest.mark.parametrize("missing", ["tool_frame", "base_frame"])
@pytest.mark.parametrize("driver", [TwistDriver, CartesianPoseDriver])
def test_a_driver_that_reads_tf_needs_the_frames(driver, missing):
    frames = {"tool_frame": "tool0", "base_frame": "base_link", missing: ""}
    with pytest.raises(ConfigError, match=f"{missing}:.*got an empty name"):
        driver(FakeNode(), DriverConfig(command_frame="base", **frames))


class PoseArm:
    """A `cartesian_pose` driver and an arm that goes a share of the way to its target in each period of 20 ms."""

    def __init__(self, tf, prepare=True, **options):
        self.node, self.tf = FakeNode(), tf
        self.driver = CartesianPoseDriver(
            self.node, DriverConfig(profile="cartesian_pose", tool_frame="tool0", base_frame="base_link", **options)
        )
        if prepare:
            self.driver.prepare()
        self.T = se3.exp(np.array([0.4, 0.1, 0.5, 0.3, -0.8, 1.2]))
        self.publish()

    def publish(self, age_s=0.0):
        self.tf.poses["base_link", "tool0"] = self.T, self.node.time_s - age_s

    def step(self, twist, share=1.0):
        self.node.time_s += 0.02
        self.publish()
        self.driver.send(np.asarray(twist, float), Time())
        target = self.target()
        self.T = self.T @ se3.exp(share * se3.log(se3.inverse(self.T) @ target))
        return target

    def target(self):
        return pose_from_msg(self.node.sent[-1].pose)


def test_a_pose_target_moves_with_the_twist(tf):
    arm = PoseArm(tf)
    start = arm.T
    for _ in range(50):
        arm.step(TWIST)
    np.testing.assert_allclose(arm.T, start @ se3.exp(TWIST * (50 * 0.02 + 0.03)), atol=1e-6)  # the first step: 50 ms
    assert arm.node.topic == "target_pose"
    assert arm.node.sent[-1].header.frame_id == "base_link"
    assert arm.driver.slowed() == ""


def test_the_target_is_on_a_leash_and_a_stop_drops_it(tf):
    arm = PoseArm(tf, leash_m=0.02)
    for _ in range(100):
        arm.step([0.1, 0, 0, 0, 0, 0], share=0.0)  # something holds the arm
    ahead = se3.log(se3.inverse(arm.T) @ arm.target())
    assert np.linalg.norm(ahead[:3]) == pytest.approx(0.02, abs=1e-9)
    assert "20 mm or 9° behind its target" in arm.driver.slowed()
    arm.step(np.zeros(6), share=0.0)
    np.testing.assert_allclose(arm.target(), arm.T, atol=1e-9)
    held = arm.target()
    arm.T = arm.T @ se3.exp(np.array([0, 0, -1e-3, 0, 0, 0]))  # sinks a little
    arm.step(np.zeros(6), share=0.0)
    np.testing.assert_allclose(arm.target(), held, atol=1e-9)
    assert arm.driver.slowed() == ""


def test_a_pose_target_begins_where_the_tool_is_now(tf):
    arm = PoseArm(tf)
    for twist in (TWIST, np.zeros(6)):
        arm.step(twist)
    arm.T = se3.exp(np.array([0.2, 0.2, 0.6, 0, 0, 0]))  # moved by somebody else meanwhile
    target = arm.step(1e-3 * TWIST)
    np.testing.assert_allclose(target, arm.T, atol=1e-4)


def test_no_pose_target_is_sent_without_the_tools_pose(tf):
    arm = PoseArm(tf)
    arm.publish(age_s=1.4)
    assert "1.4 s old" in arm.driver.problem()
    arm.driver.send(TWIST, Time())
    PoseArm(tf, prepare=False).driver.send(np.zeros(6), Time())  # the dead man's: the controller holds its target
    assert not arm.node.sent
