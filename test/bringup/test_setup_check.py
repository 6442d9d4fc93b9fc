import types

from depth_pc_ros.bringup.bringup_config import BringupConfig
from depth_pc_ros.bringup.setup_check import _Watch

NAMES = ("bridge", "keypoints", "depth", "controller", "adapter")


class FakeClient:
    """A graph of nodes and services; every node is active."""

    def __init__(self, nodes, services=()):
        self.node = types.SimpleNamespace(
            create_subscription=lambda *_, **__: None,
            get_node_names_and_namespaces=lambda: nodes,
            get_service_names_and_types=lambda: [(service, []) for service in services],
        )

    def is_active(self, name):
        return True


def test_two_nodes_of_one_name_are_named():
    graph = [(name, "/left") for name in NAMES] + [("controller", "/left"), ("adapter", "/right")]
    checks = _Watch(FakeClient(graph), BringupConfig(namespace="/left")).node_states()
    assert [check.what for check in checks] == [f"node /left/{name}" for name in NAMES]
    assert [check.what for check in checks if check.missing] == ["node /left/controller"]
    assert checks[3].detail == "2 nodes have this name: stop all, and start again"


def test_services_and_nodes_of_a_real_driver_are_looked_for():
    config = BringupConfig(namespace="/left", driver="moveit_servo", tool_frame="t", image="/i", camera_info="/c")
    watch = _Watch(FakeClient([], ["/left/controller/enable"]), config)
    missing = {check.what for check in watch.services() if check.missing}
    assert missing == {"service /left/keypoints/set_goal_image", "service /left/keypoints/capture_goal"}
    assert "node /left/dead_man" in {check.what for check in watch.node_states()}
