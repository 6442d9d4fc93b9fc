"""The launch file, where `launch` is installed: it comes with a ROS 2 installation, there is no wheel of it."""

import dataclasses
import importlib.util
from pathlib import Path

import pytest

pytest.importorskip("launch_ros", reason="needs launch and launch_ros, which come with a ROS 2 installation")

from launch.actions import DeclareLaunchArgument
from launch.utilities import perform_substitutions
from launch_ros.actions import LifecycleNode

from depth_pc_ros.bringup.node_table import BringupConfig, nodes
from depth_pc_ros.errors import ConfigError
from launch import LaunchContext

PATH = Path(__file__).parents[2] / "launch" / "servo.launch.py"


@pytest.fixture(scope="module")
def launch_file():
    spec = importlib.util.spec_from_file_location("servo_launch", PATH)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def start(launch_file, **arguments):
    """The actions of the launch file for these arguments."""
    context = LaunchContext()
    for action in launch_file.generate_launch_description().entities:
        if isinstance(action, DeclareLaunchArgument):
            default = perform_substitutions(context, action.default_value)
            context.launch_configurations[action.name] = arguments.get(action.name, default)
    return launch_file.start_nodes(context), context


def test_every_option_is_a_described_argument(launch_file):
    description = launch_file.generate_launch_description()
    declared = {action.name: action for action in description.get_launch_arguments()}
    assert list(declared) == [field.name for field in dataclasses.fields(BringupConfig)]
    assert all(len(action.description) > 10 for action in declared.values())


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"rig": "arm", "seed": "3", "lockstep": "true"},
        {"driver": "twist", "image": "/i", "camera_info": "/c", "camera_in_tool": "0 0 0 0 0 0 1"},
    ],
)
def test_the_nodes_are_those_of_the_table(launch_file, arguments):
    actions, context = start(launch_file, **arguments)
    specs = nodes(BringupConfig.from_text(arguments))
    assert len(actions) == len(specs)
    for action, spec in zip(actions, specs, strict=True):
        assert isinstance(action, LifecycleNode)
        assert action.node_package == "depth_pc_ros"
        assert action.node_executable == spec.executable
        action._perform_substitutions(context)
        assert action.node_name == f"/depth_pc/{spec.name}"
        assert dict(action.expanded_remapping_rules or ()) == spec.remappings


def test_a_wrong_argument_is_named(launch_file):
    with pytest.raises(ConfigError, match="arguments: rig: expected one of free, arm, got 'ur5'"):
        start(launch_file, rig="ur5")
