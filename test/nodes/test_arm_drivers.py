"""What the drivers that take a twist send."""

import types

import numpy as np
from builtin_interfaces.msg import Time

from depth_pc_ros.nodes.drivers.twists import BridgeDriver, TwistDriver
from depth_pc_ros.nodes.node_configs import DriverConfig

TWIST = np.array([0.1, -0.2, 0.3, 0.4, -0.5, 0.6])


class FakeNode:
    """Records what a driver creates and sends."""

    def __init__(self):
        self.sent = []
        self.topic = None

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
