import types

import pytest
from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from std_msgs.msg import String

from depth_pc_ros.nodes.rivals import Rivals

pytestmark = pytest.mark.ros


class FakeNode:
    """A node in a graph that the test sets: (node, namespace) of the nodes, and of the publishers of each topic."""

    steady_clock = None

    def __init__(self):
        self.nodes, self.publishers = [("adapter", "/left")], {}

    def resolve_topic_name(self, name):
        return f"/left/{name}"

    def create_timer(self, period_s, tick, clock):
        self.tick = tick

    def get_name(self):
        return "adapter"

    def get_namespace(self):
        return "/left"

    def get_fully_qualified_name(self):
        return "/left/adapter"

    def get_node_names_and_namespaces(self):
        return self.nodes

    def get_publishers_info_by_topic(self, topic):
        found = self.publishers.get(topic, [])
        return [types.SimpleNamespace(node_name=name, node_namespace=namespace) for name, namespace in found]


@pytest.fixture
def node():
    return FakeNode()


@pytest.fixture
def refused():
    return []


@pytest.fixture
def rivals(node, refused):
    return Rivals(node, ["input"], ["output"], refused.append)


CONTROLLERS = [("controller", "/left"), ("player", "/")]


def test_one_of_each_is_no_problem(node, rivals, refused):
    node.publishers = {"/left/input": CONTROLLERS[:1], "/left/output": [("adapter", "/left"), ("joystick", "/")]}
    for _ in range(3):
        node.tick()
    assert rivals.look() == rivals.problem == ""
    assert not refused


def test_a_second_publisher_counts_from_its_second_sight_on_until_it_is_gone(node, rivals, refused):
    for publishers in (CONTROLLERS, CONTROLLERS[1:], CONTROLLERS):  # a restart: the old one is known a little longer
        node.publishers = {"/left/input": publishers}
        node.tick()
    assert not refused
    assert rivals.problem == ""
    node.tick()
    node.tick()
    assert refused == [rivals.problem] * 2
    assert rivals.problem == "/left/input has 2 publishers, where one is allowed: /left/controller and /player"
    node.publishers = {}
    node.tick()
    assert rivals.problem == ""


def test_a_second_node_of_this_kind_on_an_output_is_named(node, rivals):
    node.publishers = {"/left/output": [("adapter", "/right"), ("adapter", "/left"), ("joystick", "/")]}
    assert rivals.look() == "2 nodes command one arm on /left/output: /left/adapter and /right/adapter"


def test_a_second_node_of_this_name_is_named(node, rivals):
    node.nodes = [*node.nodes, ("adapter", "/right")]
    assert rivals.look() == ""
    node.nodes = [*node.nodes, ("adapter", "/left")]
    assert rivals.look() == "another node is called /left/adapter, too"


def test_in_the_real_graph(runner):
    refused = []
    runner.node.steady_clock = Clock(clock_type=ClockType.STEADY_TIME)
    Rivals(runner.node, ["input"], [], refused.append)
    runner.publisher(String, "input", readers=0)
    second = Node("second", context=runner.context, namespace=runner.namespace)
    second.create_publisher(String, "input", 1)
    runner.wait(lambda: refused, "the second publisher")
    assert refused[0].endswith(f"{runner.namespace}/second and {runner.namespace}/tester")
    second.destroy_node()
