"""The files in config/ say that their values are the defaults: they must be, and name every parameter they can."""

from pathlib import Path

import pytest
import yaml

from depth_pc_ros.nodes.controller_node import ControllerNodeConfig
from depth_pc_ros.nodes.depth_node import DepthNodeConfig
from depth_pc_ros.nodes.keypoint_node import KeypointNodeConfig
from depth_pc_ros.nodes.pybullet_bridge import BridgeConfig
from depth_pc_ros.nodes.twist_adapter import AdapterConfig

CONFIG = Path(__file__).parents[2] / "config"
SET_AT_START_UP = {
    BridgeConfig: {"scene", "seed", "level", "rig", "ycb_root", "lockstep"},
    AdapterConfig: {"profile", "hand_eye", "camera_in_tool_xyz", "camera_in_tool_quat", "tool_frame"},
}


@pytest.mark.parametrize(
    ("name", "config_class"),
    [
        ("keypoints", KeypointNodeConfig),
        ("depth", DepthNodeConfig),
        ("controller", ControllerNodeConfig),
        ("adapter", AdapterConfig),
        ("bridge", BridgeConfig),
    ],
)
def test_a_file_holds_the_defaults(name, config_class):
    document = yaml.safe_load((CONFIG / f"{name}.yaml").read_text(encoding="utf-8"))
    values = document[f"/depth_pc/{name}"]["ros__parameters"]
    defaults = config_class().to_mapping()
    for key in SET_AT_START_UP.get(config_class, ()):
        del defaults[key]
    assert values == defaults
    assert config_class.from_mapping(values) == config_class()
