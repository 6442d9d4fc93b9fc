"""What a node's process imports: its start is mostly that."""

import subprocess
import sys

import pytest

pytest.importorskip("rclpy", reason="needs rclpy: run scripts/setup.sh, or source a ROS 2 environment")

pytestmark = pytest.mark.ros

# All that the nodes of a real arm import and make, in one process.
CHAIN = """
import sys
from depth_pc_ros.control.servo import Servo
from depth_pc_ros.nodes import controller_node, dead_man, depth_node, keypoint_node, twist_adapter
from depth_pc_ros.nodes.node_configs import ControllerNodeConfig, KeypointNodeConfig
from depth_pc_ros.perception.factory import make_matcher

make_matcher(KeypointNodeConfig())
Servo(ControllerNodeConfig(controller=sys.argv[1]))
print(*sorted({name.partition(".")[0] for name in sys.modules}))
"""


@pytest.mark.parametrize(
    ("law", "absent"),
    [
        ("pbvs", {"torch", "torch_geometric", "transformers", "scipy", "pybullet", "matplotlib"}),
        ("depth_pc_geo", {"torch_geometric", "transformers", "scipy", "pybullet", "matplotlib"}),
    ],
)
def test_the_chain_imports_no_slow_package_without_need(law, absent):
    imported = subprocess.run(
        [sys.executable, "-c", CHAIN, law], capture_output=True, text=True, check=True
    ).stdout.split()  # fmt: skip
    assert {"rclpy", "cv2", "transforms3d"} <= set(imported)
    assert not absent & set(imported)
    assert ("torch" in imported) == (law == "depth_pc_geo")
