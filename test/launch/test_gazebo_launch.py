"""gazebo.launch.py, where `launch` is installed, with a stand-in for the package ros_gz_sim."""

import importlib.util
import re
import tempfile
from pathlib import Path

import pytest
import yaml

pytest.importorskip("launch_ros", reason="needs launch and launch_ros, which come with a ROS 2 installation")

from launch.actions import DeclareLaunchArgument, RegisterEventHandler
from launch.events import Shutdown
from launch_ros.actions import LifecycleNode, Node

from depth_pc_ros.bringup import running_nodes
from depth_pc_ros.bringup.bringup_config import BringupConfig
from depth_pc_ros.bringup.gazebo_config import GazeboConfig
from depth_pc_ros.bringup.node_table import nodes
from depth_pc_ros.errors import ConfigError
from launch import LaunchContext, LaunchDescription

PATH = Path(__file__).parents[2] / "launch" / "gazebo.launch.py"
ROS_GZ_SIM = """
from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, ExecuteProcess
from launch.substitutions import LaunchConfiguration

def generate_launch_description():
    return LaunchDescription([
        DeclareLaunchArgument("gz_args"), DeclareLaunchArgument("on_exit_shutdown"),
        ExecuteProcess(cmd=["gazebo", LaunchConfiguration("gz_args")]),
    ])
"""


@pytest.fixture
def launch_file(monkeypatch, tmp_path):
    share = tmp_path / "prefix" / "share"
    (share / "ament_index/resource_index/packages").mkdir(parents=True)
    (share / "ament_index/resource_index/packages/ros_gz_sim").touch()
    (share / "ros_gz_sim/launch").mkdir(parents=True)
    (share / "ros_gz_sim/launch/gz_sim.launch.py").write_text(ROS_GZ_SIM)
    monkeypatch.setenv("AMENT_PREFIX_PATH", str(tmp_path / "prefix"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(running_nodes, "refuse_running", lambda specs: None)  # it takes a while
    spec = importlib.util.spec_from_file_location("gazebo_launch", PATH)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def start(launch_file, **arguments):
    """All that would run for these arguments, those of included launch files too, and the context."""
    context = LaunchContext()
    context.launch_configurations.update(arguments)
    found, waiting = [], [launch_file.generate_launch_description()]
    while waiting:
        entity = waiting.pop(0)
        if hasattr(entity, "cmd") or isinstance(entity, RegisterEventHandler):
            found.append(entity)
        else:
            inner = entity.entities if isinstance(entity, LaunchDescription) else entity.execute(context)
            waiting = [*(inner or []), *waiting]
    return found, context


def words(action, context) -> str:
    """Command line of a process; of a node, which may not be installed, its arguments."""
    if isinstance(action, Node):
        action._perform_substitutions(context)
    cmd = action.cmd[isinstance(action, Node) :]
    return " ".join("".join(part.perform(context) for part in word) for word in cmd)


def parameters(action, context) -> dict[str, object]:
    action._perform_substitutions(context)
    values = {}
    for path, is_file in action._Node__expanded_parameter_arguments:
        assert is_file
        (section,) = yaml.unsafe_load(Path(path).read_text()).values()
        values |= section["ros__parameters"]
    return values


def executables(actions) -> list[tuple[str, str]]:
    return [(each.node_package, each.node_executable) for each in actions if isinstance(each, Node)]


OWN = ["keypoint_node", "depth_node", "controller_node", "twist_adapter", "dead_man"]
SERVO = [("depth_pc_ros", name) for name in ["gazebo_bridge", *OWN]]
RIGS = {
    "free": [("ros_gz_bridge", "parameter_bridge"), ("ros_gz_sim", "create"), *SERVO],
    "arm": [
        ("ros_gz_bridge", "parameter_bridge"),
        ("robot_state_publisher", "robot_state_publisher"),
        ("ros_gz_sim", "create"),
        ("controller_manager", "spawner"),
        ("controller_manager", "spawner"),
        *SERVO,
    ],
}


def test_every_option_is_a_described_argument(launch_file):
    declared = [each for each in launch_file.generate_launch_description().entities if hasattr(each, "description")]
    declared = {each.name: each for each in declared if isinstance(each, DeclareLaunchArgument)}
    assert list(declared) == list(GazeboConfig.__dataclass_fields__)
    assert all(len(action.description) > 10 for action in declared.values())


@pytest.mark.parametrize("rig", RIGS)
def test_gazebo_bridge_rig_and_servo_are_started(launch_file, rig):
    actions, _ = start(launch_file, rig=rig)
    assert executables(actions) == RIGS[rig]
    assert sum(isinstance(action, LifecycleNode) for action in actions) == len(OWN)


@pytest.mark.parametrize("gui", ["true", "false"])
def test_gazebo_gets_a_world_that_is_there_and_goes_with_the_launch(launch_file, gui):
    actions, context = start(launch_file, gui=gui)
    (gazebo,) = [action for action in actions if not isinstance(action, Node | RegisterEventHandler)]
    line = words(gazebo, context)
    assert ("-s --headless-rendering" in line) == (gui == "false")
    world = Path(re.fullmatch(r"gazebo -r .*?(\S+/world\.sdf)", line)[1])
    assert (world.parent / "textures" / "table.png").is_file()
    (handler,) = [action.event_handler for action in actions if isinstance(action, RegisterEventHandler)]
    assert handler.matches(Shutdown())
    handler.handle(Shutdown(), context)
    assert not world.parent.exists()


@pytest.mark.parametrize("rig", RIGS)
def test_the_nodes_get_the_files_and_the_options_of_the_rig(launch_file, rig):
    actions, context = start(launch_file, rig=rig, seed="3", level="L", controller="pbvs", max_linear="0.1")
    named = {each.node_executable: each for each in actions if isinstance(each, Node)}
    bridge = parameters(named["parameter_bridge"], context)
    assert Path(bridge["config_file"]).is_file()
    assert bridge["use_sim_time"] is True
    assert parameters(named["gazebo_bridge"], context) == {
        "rig": rig, "seed": 3, "level": "L", "use_sim_time": True,
    }  # fmt: skip
    specs = {
        spec.executable: spec
        for spec in nodes(
            BringupConfig.from_text(
                GazeboConfig(rig=rig).servo_arguments() | {"controller": "pbvs", "max_linear": "0.1"}
            )
        )
    }
    for name in OWN:
        values = parameters(named[name], context)
        assert values["use_sim_time"] is True
        assert named[name].node_name == f"/depth_pc/{specs[name].name}"
        assert dict(named[name].expanded_remapping_rules or ()) == specs[name].remappings
    assert parameters(named["controller_node"], context)["controller"] == "pbvs"
    spawned = words(named["create"], context)
    if rig == "arm":
        assert "-topic robot_description" in spawned
        description = parameters(named["robot_state_publisher"], context)["robot_description"]
        assert description.startswith('<?xml version="1.0"?>')
        assert "controllers.yaml" in description
        spawners = [each for each in actions if isinstance(each, Node) and each.node_executable == "spawner"]
        lines = [words(each, context).split()[0] for each in spawners]
        assert lines == ["joint_state_broadcaster", "forward_velocity_controller"]
    else:
        assert Path(re.search(r"-file (\S+)", spawned)[1]).is_file()
    assert "-world depth_pc" in spawned


def test_a_wrong_argument_is_named_before_anything_starts(launch_file, tmp_path):
    with pytest.raises(ConfigError, match="arguments: rig: expected one of free, arm, got 'ur5'"):
        start(launch_file, rig="ur5")
    assert not list(tmp_path.glob("depth_pc_gazebo_*"))
