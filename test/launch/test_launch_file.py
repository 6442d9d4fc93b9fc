"""The launch file, where `launch` is installed: it comes with a ROS 2 installation, there is no wheel of it."""

import dataclasses
import importlib.util
from pathlib import Path

import pytest
import yaml

pytest.importorskip("launch_ros", reason="needs launch and launch_ros, which come with a ROS 2 installation")

from launch.actions import DeclareLaunchArgument
from launch.utilities import perform_substitutions
from launch_ros.actions import LifecycleNode
from rclpy.node import Node

from depth_pc_ros.bringup.bringup_config import BringupConfig
from depth_pc_ros.bringup.node_table import nodes
from depth_pc_ros.bringup.running_nodes import AlreadyRunningError, refuse_running
from depth_pc_ros.errors import ConfigError
from launch import LaunchContext

PATH = Path(__file__).parents[2] / "launch" / "servo.launch.py"


@pytest.fixture(scope="module")
def launch_file():
    spec = importlib.util.spec_from_file_location("servo_launch", PATH)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.refuse_running is refuse_running
    module.refuse_running = lambda specs: None  # it takes a while; one test has it
    return module


def start(launch_file, **arguments):
    """The actions of the launch file for these arguments; as in a launch, any others are known to the context, too."""
    context = LaunchContext()
    context.launch_configurations.update(arguments)
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


def parameters(action) -> dict[str, object]:
    """The parameters of a node after those of the package's own file."""
    path, is_file = action._Node__expanded_parameter_arguments[-1]
    assert is_file
    (section,) = yaml.unsafe_load(Path(path).read_text()).values()  # launch_ros writes lists as Python's tuples
    values = section["ros__parameters"].items()
    return {name: list(value) if isinstance(value, tuple) else value for name, value in values}


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"rig": "arm", "seed": "3", "lockstep": "true"},
        {"driver": "twist", "image": "/i", "camera_info": "/c", "camera_in_tool": "0 0 0 0 0 0 1"},
        {"max_linear": "0.1", "find_scale": "false", "default_distance": ""},
        {"namespace": "/cell_1/left"},
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
        assert action.node_name == spec.full_name
        assert dict(action.expanded_remapping_rules or ()) == spec.remappings
        assert parameters(action) == spec.parameters


def test_a_launch_over_a_running_node_is_refused(launch_file, runner, monkeypatch):
    monkeypatch.setattr(launch_file, "refuse_running", refuse_running)
    running = Node("controller", context=runner.context, namespace=runner.namespace)
    with pytest.raises(AlreadyRunningError, match=f"{runner.namespace}/controller"):
        start(launch_file, namespace=runner.namespace)
    running.destroy_node()


def test_a_wrong_argument_is_named(launch_file):
    with pytest.raises(ConfigError, match="arguments: rig: expected one of free, arm, got 'ur5'"):
        start(launch_file, rig="ur5")


def test_an_old_argument_names_the_new_one_and_others_pass(launch_file):
    with pytest.raises(ConfigError, match="arguments: 'config_dir' is now called 'params'"):
        start(launch_file, config_dir="/my/folder")
    actions, _ = start(launch_file, robot_ip="10.0.0.1")
    assert len(actions) == 5


def test_a_parameter_file_reaches_the_nodes(launch_file, tmp_path):
    path = tmp_path / "my_robot.yaml"
    path.write_text("controller: {max_linear: 0.1, model: '123'}\n")
    actions, context = start(launch_file, params=str(path))
    controller = actions[3]
    controller._perform_substitutions(context)
    assert parameters(controller)["max_linear"] == 0.1
    assert parameters(controller)["model"] == "123"
    path.write_text("controler: {}\n")
    with pytest.raises(ConfigError, match=r"my_robot.yaml: unknown section 'controler' \(did you mean controller"):
        start(launch_file, params=str(path))
