import time

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticStatus
from geometry_msgs.msg import TwistStamped
from rclpy.node import Node
from std_msgs.msg import Bool, Header
from waits import SLOW_MACHINE_S

from depth_pc_ros.errors import ConfigError
from depth_pc_ros.geometry import se3
from depth_pc_ros.nodes import hand_eye
from depth_pc_ros.nodes.base import LATCHED_QOS, TWIST_QOS
from depth_pc_ros.nodes.conversions import seconds_to_stamp, twist_to_msg
from depth_pc_ros.nodes.tf_poses import TransformError
from depth_pc_ros.nodes.twist_adapter import AdapterConfig, TwistAdapter

pytestmark = pytest.mark.ros

XYZ = [0.05, -0.02, 0.11]
QUAT = [0.2, -0.4, 0.4, 0.8]  # of unit length
T_TOOL_CAM = hand_eye.FixedHandEye(XYZ, QUAT).T_tool_cam("")
MOVE = np.array([0.05, 0.0, 0.0, 0.0, 0.0, 0.1])
TIMEOUT_S = 0.25


class Chain:
    """An adapter, a source of camera twists, and what the arm's driver and the controller hear of it."""

    def __init__(self, runner, **parameters):
        self.runner = runner
        self.node = runner.add(TwistAdapter, **parameters)
        self.twists = runner.listen_twists("command")
        self.statuses = runner.listen(DiagnosticStatus, "adapter/status", LATCHED_QOS)
        self.commands = runner.publisher(TwistStamped, "twist_cmd", TWIST_QOS)
        runner.wait(lambda: self.statuses, "the first status")
        runner.wait(lambda: self.node._driver._publisher.get_subscription_count(), "the listener of command")

    def now_s(self):
        return 1e-9 * self.node.get_clock().now().nanoseconds

    def send(self, twist, stamp_s=None):
        stamp = seconds_to_stamp(self.now_s() if stamp_s is None else stamp_s)
        self.commands.publish(TwistStamped(header=Header(stamp=stamp, frame_id="optical"), twist=twist_to_msg(twist)))

    def forward(self, twist):
        """Send a twist; the tool's twist (6,) that comes out."""
        count = len(self.twists)
        self.send(twist)
        self.runner.wait(lambda: len(self.twists) > count, "the tool's twist")
        return self.twists[count][1]

    def settle(self, twist):
        """Send a twist until the tool's twist (6,) changes no more."""
        before, after = None, self.forward(twist)
        while before is None or not np.array_equal(before, after):
            time.sleep(0.005)
            before, after = after, self.forward(twist)
        return after

    def wait_state(self, state):
        return self.runner.wait(lambda: self.statuses and self.state() == state and self.statuses[-1], f"state {state}")

    def state(self):
        return {pair.key: pair.value for pair in self.statuses[-1].values}["state"]

    def wait_burst(self):
        """Wait for five zeros, then see that nothing follows; the time of the first one."""
        count = len(self.twists)
        self.runner.wait(lambda: len(self.twists) >= count + 5, "the zero burst")
        time.sleep(0.2)
        zeros = self.twists[count:]
        assert len(zeros) == 5
        assert not any(twist.any() for _, twist, _ in zeros)
        return zeros[0][0]


@pytest.fixture
def chain(runner):
    return Chain(runner, camera_in_tool_xyz=XYZ, camera_in_tool_quat=QUAT)


def test_single_axis_twists_move_the_tool_as_one_rigid_body_with_the_camera(chain):
    T_world_tool = se3.exp(np.array([0.4, -0.3, 0.7, 0.5, 1.1, -0.2]))
    for twist in 0.1 * np.eye(6):
        # Where camera and tool are after a short true motion of the camera:
        dt_s = 1e-4
        T_world_cam = T_world_tool @ T_TOOL_CAM @ se3.exp(twist * dt_s)
        T_world_tool_after = T_world_cam @ se3.inverse(T_TOOL_CAM)
        true_twist = se3.log(se3.inverse(T_world_tool) @ T_world_tool_after) / dt_s
        np.testing.assert_allclose(chain.settle(twist), true_twist, atol=1e-9)


def test_a_rotating_camera_gives_the_tool_the_speed_of_the_lever_arm(runner):
    chain = Chain(runner, camera_in_tool_xyz=[0.0, 0.0, 0.1])
    twist = chain.settle(np.array([0, 0, 0, 0.2, 0, 0]))
    np.testing.assert_allclose(twist, [0, 0.02, 0, 0.2, 0, 0], atol=1e-12)


def test_the_stamp_stays_the_commands_own(chain):
    stamp_s = chain.now_s() - 0.05
    chain.send(MOVE, stamp_s)
    chain.runner.wait(lambda: chain.twists, "the tool's twist")
    assert chain.twists[0][2].header.stamp == seconds_to_stamp(stamp_s)


def test_the_tools_speed_is_limited_and_keeps_its_direction(runner):
    chain = Chain(runner, max_linear=0.1, max_angular=0.5)
    out = chain.settle(np.array([0.3, 0.4, 0.0, 0.2, 0.0, 0.0]))
    np.testing.assert_allclose(out, [0.06, 0.08, 0.0, 0.04, 0.0, 0.0], atol=1e-12)
    assert "max_linear" in chain.wait_state("LIMITED").message
    chain.settle(MOVE)
    chain.wait_state("OK")


def test_a_joint_limit_is_reported(chain):
    limit = chain.runner.publisher(Bool, "at_limit", LATCHED_QOS)
    limit.publish(Bool(data=True))
    chain.runner.wait(lambda: chain.node._at_limit, "the limit")
    chain.forward(MOVE)
    assert "joint limit" in chain.wait_state("LIMITED").message


def test_when_commands_stop_five_zeros_come_within_the_timeout_and_then_silence(chain):
    for _ in range(5):
        chain.forward(MOVE)
    stopped_s = time.monotonic()
    first_zero_s = chain.wait_burst()
    assert first_zero_s - stopped_s < TIMEOUT_S + SLOW_MACHINE_S


def test_after_a_zero_command_there_is_nothing_to_stop(chain):
    chain.forward(MOVE)
    chain.forward(np.zeros(6))
    time.sleep(TIMEOUT_S + 0.2)
    assert len(chain.twists) == 2


@pytest.mark.parametrize(
    ("stamp", "problem"),
    [
        (lambda now_s: 0.0, "no time stamp"),
        (lambda now_s: now_s - 1.0, "old"),
        (lambda now_s: now_s + 1.0, "in the future"),
    ],
    ids=["zero", "old", "future"],
)
def test_a_wrong_stamp_never_moves_and_stops_a_moving_arm(chain, stamp, problem):
    chain.send(MOVE, stamp(chain.now_s()))
    chain.runner.wait(lambda: problem in chain.statuses[-1].message, "the status")
    assert not chain.twists
    chain.forward(MOVE)
    chain.send(MOVE, stamp(chain.now_s()))
    chain.wait_burst()


@pytest.mark.parametrize("value", [np.nan, np.inf, 1.7e308])
def test_a_twist_that_is_not_finite_stops_until_its_source_has_stopped(chain, value):
    chain.forward(MOVE)
    chain.send(np.array([0, 0, value, 0, 0, 0]))
    status = chain.wait_state("FAULT")
    assert "not finite" in status.message
    first = len(chain.twists)
    end = time.monotonic() + 2 * TIMEOUT_S
    while time.monotonic() < end:
        chain.send(MOVE)
        time.sleep(0.05)
    assert chain.state() == "FAULT"
    chain.wait_state("OK")
    assert not any(twist.any() for _, twist, _ in chain.twists[first:])
    assert chain.forward(MOVE).any()


def test_a_second_controller_stops_until_it_is_gone(chain):
    chain.forward(MOVE)
    runner = chain.runner
    other = Node("controller", context=runner.context, namespace="/other")
    other.create_publisher(TwistStamped, f"{runner.namespace}/twist_cmd", 1)
    runner.wait(lambda: chain.send(MOVE) or chain.state() == "FAULT", "the fault")
    count = len(chain.twists)
    assert f"/other/controller and {runner.namespace}/tester" in chain.statuses[-1].message
    time.sleep(2 * TIMEOUT_S)  # silence of the commands does not end it
    chain.send(MOVE)
    time.sleep(0.1)
    assert chain.state() == "FAULT"
    assert not any(twist.any() for _, twist, _ in chain.twists[count:])
    other.destroy_node()
    chain.wait_state("OK")
    assert chain.forward(MOVE).any()


def test_a_second_adapter_on_the_same_arm_is_a_fault_of_both(runner):
    nodes = [
        TwistAdapter(
            context=runner.context, namespace=f"{runner.namespace}/{side}", cli_args=words, parameter_overrides=[]
        )
        for side in ("left", "right")
        for words in [["--ros-args", "-r", f"command:={runner.namespace}/command"]]
    ]
    for node in nodes:
        node.start()
        runner.executor.add_node(node)
    runner.wait(lambda: all(node._state == "FAULT" for node in nodes), "both faults")
    assert all(f"{runner.namespace}/{side}/adapter" in nodes[0]._message for side in ("left", "right"))
    for node in nodes:
        runner.executor.remove_node(node)
        node.destroy_node()


def test_a_missing_transform_stops_and_is_named(chain):
    class NoTransform:
        def T_tool_cam(self, camera_frame):
            raise TransformError(f"no transform from {camera_frame!r}")

    chain.forward(MOVE)
    known, chain.node._hand_eye = chain.node._hand_eye, NoTransform()
    chain.send(MOVE)
    chain.wait_burst()
    assert chain.wait_state("TF_ERROR").message == "no transform from 'optical'"
    chain.node._hand_eye = known
    chain.forward(np.zeros(6))
    chain.wait_state("OK")


@pytest.mark.parametrize("stop", ["trigger_deactivate", "shutdown_safely"])
def test_a_moving_arm_is_stopped_before_the_node_stops(chain, stop):
    chain.forward(MOVE)
    getattr(chain.node, stop)()
    chain.runner.wait(lambda: len(chain.twists) == 6, "the zeros")
    assert not any(twist.any() for _, twist, _ in chain.twists[1:])


def test_an_inactive_adapter_moves_nothing(chain):
    chain.node.trigger_deactivate()
    chain.send(MOVE)
    time.sleep(0.2)
    assert not chain.twists


@pytest.mark.parametrize(
    ("parameters", "named"),
    [
        ({"profile": "ur"}, "profile"),
        ({"camera_in_tool_xyz": (0.0, 0.0)}, "camera_in_tool_xyz"),
        ({"camera_in_tool_xyz": (0.0, 0.0, np.nan)}, "camera_in_tool_xyz"),
        ({"camera_in_tool_quat": (0.0, 0.0, 0.0, 0.5)}, "camera_in_tool_quat"),
        ({"hand_eye": "tf"}, "tool_frame"),
        ({"max_linear": -1.0}, "max_linear"),
        ({"max_linaer": 1.0}, "max_linear"),
    ],
)
def test_a_wrong_parameter_is_named(parameters, named):
    with pytest.raises(ConfigError, match=named):
        AdapterConfig.from_mapping(parameters)
