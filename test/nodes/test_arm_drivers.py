import sys
import types

import numpy as np
import pytest
from builtin_interfaces.msg import Time

from depth_pc_ros.errors import ConfigError
from depth_pc_ros.nodes.arm_drivers import MoveItServoDriver, StampedDriver, TwistDriver

TWIST = np.array([0.1, -0.2, 0.3, 0.4, -0.5, 0.6])


class FakeNode:
    """Records what a driver creates and sends; the test makes its service appear and answer."""

    steady_clock = None

    def __init__(self):
        self.sent, self.requests, self.log, self.removed = [], [], [], []
        self.topic = self.ready = None

    def create_publisher(self, kind, topic, qos):
        self.topic = topic
        return types.SimpleNamespace(publish=self.sent.append)

    def create_client(self, kind, name):
        return types.SimpleNamespace(
            service_is_ready=lambda: self.ready, call_async=self._call, remove_pending_request=self.removed.append
        )

    def _call(self, request):
        reply = FakeReply()
        self.requests.append((request, reply))
        return reply

    def resolve_service_name(self, name):
        return f"/left/servo_node/{name}"

    def create_timer(self, period_s, tick, clock):
        self.tick = tick

    def get_logger(self):
        return types.SimpleNamespace(info=self.log.append)


class FakeReply:
    answer = None

    def add_done_callback(self, callback):
        self._callback = callback

    def done(self):
        return self.answer is not None

    def result(self):
        return self.answer

    def arrive(self, success):
        self.answer = types.SimpleNamespace(success=success)
        self._callback(self)


def test_stamped_driver_keeps_stamp_frame_and_twist():
    node = FakeNode()
    StampedDriver(node, "tool0").send(TWIST, Time(sec=3, nanosec=5))
    (msg,) = node.sent
    assert (node.topic, msg.header.frame_id, msg.header.stamp) == ("command", "tool0", Time(sec=3, nanosec=5))
    assert [msg.twist.linear.z, msg.twist.angular.y] == [0.3, -0.5]


def test_twist_driver_sends_the_bare_twist():
    node = FakeNode()
    TwistDriver(node, "").send(TWIST, Time())
    assert node.topic == "cmd_vel"
    assert [node.sent[0].linear.x, node.sent[0].angular.z] == [0.1, 0.6]


@pytest.fixture
def moveit_msgs(monkeypatch):
    class Request:
        TWIST = 1

        def __init__(self, command_type):
            self.command_type = command_type

    services = types.ModuleType("moveit_msgs.srv")
    services.ServoCommandType = types.SimpleNamespace(Request=Request)
    monkeypatch.setitem(sys.modules, "moveit_msgs", types.ModuleType("moveit_msgs"))
    monkeypatch.setitem(sys.modules, "moveit_msgs.srv", services)


def test_moveit_servo_is_switched_to_twists_before_it_takes_commands(moveit_msgs):
    node = FakeNode()
    driver = MoveItServoDriver(node, "tool0")
    assert node.topic == "delta_twist_cmds"
    node.tick()
    assert not node.requests  # the service is not there yet
    node.ready = True
    node.tick()
    node.tick()
    ((request, reply),) = node.requests  # one request, not two
    assert request.command_type == 1
    assert "(/left/servo_node/switch_command_type)" in driver.problem()
    reply.arrive(success=True)
    assert driver.problem() == ""
    node.tick()
    assert len(node.requests) == 1


def test_moveit_servo_is_switched_again_after_a_refusal_and_after_it_was_gone(moveit_msgs):
    node = FakeNode()
    driver = MoveItServoDriver(node, "tool0")
    node.ready = True
    node.tick()
    node.requests[0][1].arrive(success=False)
    assert driver.problem()
    node.tick()
    node.requests[1][1].arrive(success=True)
    assert not driver.problem()
    node.ready = False
    node.tick()
    assert driver.problem()
    node.ready = True
    node.tick()
    assert len(node.requests) == 3


def test_moveit_servo_is_asked_again_where_a_reply_never_comes(moveit_msgs):
    node = FakeNode()
    driver = MoveItServoDriver(node, "tool0")
    node.ready = True
    for _ in range(4):
        node.tick()
    assert len(node.requests) == 1  # 2 s are not over yet
    assert not node.removed
    node.tick()
    assert node.removed == [node.requests[0][1]]  # nothing is left behind in the client
    assert len(node.requests) == 2
    assert driver.problem()
    for _ in range(4):
        node.tick()
    assert len(node.requests) == 3
    node.requests[2][1].arrive(success=True)
    assert driver.problem() == ""
    node.tick()
    assert len(node.requests) == 3


def test_moveit_servo_that_goes_before_its_reply_is_asked_when_it_is_back(moveit_msgs):
    node = FakeNode()
    driver = MoveItServoDriver(node, "tool0")
    node.ready = True
    node.tick()
    node.ready = False
    node.tick()
    assert node.removed == [node.requests[0][1]]
    node.ready = True
    node.tick()
    assert len(node.requests) == 2
    node.requests[1][1].arrive(success=True)
    assert driver.problem() == ""


def test_moveit_servo_needs_its_messages_and_a_tip_frame(monkeypatch, moveit_msgs):
    with pytest.raises(ConfigError, match="tool_frame"):
        MoveItServoDriver(FakeNode(), "")
    monkeypatch.setitem(sys.modules, "moveit_msgs.srv", None)
    with pytest.raises(ConfigError, match=r"moveit_msgs.*not installed"):
        MoveItServoDriver(FakeNode(), "tool0")
