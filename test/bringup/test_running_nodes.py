import signal

import pytest
from waits import WAIT_S

from depth_pc_ros.bringup.client import ServoClient
from depth_pc_ros.bringup.node_table import NodeSpec
from depth_pc_ros.bringup.processes import NodeProcesses
from depth_pc_ros.bringup.running_nodes import AlreadyRunningError, refuse_running

pytestmark = pytest.mark.ros

NAMESPACE = "/test_running_nodes"


def specs(namespace: str) -> list[NodeSpec]:
    return [NodeSpec("adapter", "twist_adapter", namespace=namespace)]


def test_a_start_over_a_running_node_is_refused_until_that_has_ended(tmp_path):
    with NodeProcesses(specs(NAMESPACE), tmp_path) as processes:
        with ServoClient(namespace=NAMESPACE) as client:
            processes.wait_until_active(client, WAIT_S)
        with pytest.raises(AlreadyRunningError, match=rf"ROS domain \d+: {NAMESPACE}/adapter; .*another `namespace`"):
            refuse_running(specs(NAMESPACE))
        refuse_running(specs("/other"))
        processes.send_signal("adapter", signal.SIGKILL)
        processes.wait("adapter", WAIT_S)
        refuse_running(specs(NAMESPACE))
