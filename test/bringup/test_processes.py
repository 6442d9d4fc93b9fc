import signal

import pytest
from waits import WAIT_S

from depth_pc_ros.bringup.client import ServoClient
from depth_pc_ros.bringup.node_table import NodeSpec
from depth_pc_ros.bringup.processes import NodeDiedError, NodeProcesses

pytestmark = pytest.mark.ros

NAMESPACE = "/test_processes"


def adapter(**parameters) -> NodeSpec:
    return NodeSpec("adapter", "twist_adapter", parameters, namespace=NAMESPACE)


def test_starts_watches_and_stops(tmp_path):
    active = []
    with NodeProcesses([adapter()], tmp_path) as processes, ServoClient(namespace=NAMESPACE) as client:
        processes.wait_until_active(client, WAIT_S, active.append)
        assert active == ["adapter"]
        processes.check()
        assert processes.stop() == {"adapter": 0}  # in time: it would have been killed otherwise
    assert (tmp_path / "adapter.log").exists()


def test_a_node_that_refuses_to_start_is_named_with_its_reason(tmp_path):
    with (
        pytest.raises(NodeDiedError, match=r"node adapter ended with exit code 1: .*max_linear.*adapter\.log"),
        NodeProcesses([adapter(max_linear=-1.0)], tmp_path) as processes,
        ServoClient(namespace=NAMESPACE) as client,
    ):
        processes.wait_until_active(client, WAIT_S)


def test_a_killed_node_is_named_and_a_hanging_one_is_killed(tmp_path, monkeypatch):
    with NodeProcesses([adapter()], tmp_path) as processes, ServoClient(namespace=NAMESPACE) as client:
        processes.wait_until_active(client, WAIT_S)
        processes.send_signal("adapter", signal.SIGSTOP)
        assert processes.stop() == {"adapter": -signal.SIGKILL}
        with pytest.raises(NodeDiedError, match="node adapter was killed by SIGKILL"):
            processes.check()


def test_a_node_that_never_becomes_active_is_named(tmp_path):
    with (
        pytest.raises(NodeDiedError, match="adapter is not active after"),
        NodeProcesses([adapter(autostart=False)], tmp_path) as processes,
        ServoClient(namespace=NAMESPACE) as client,
    ):
        processes.wait_until_active(client, 3.0)
