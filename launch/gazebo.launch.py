"""Gazebo, ros_gz_bridge and the servo. `ros2 launch depth_pc_ros gazebo.launch.py --show-args` lists the arguments.

Arguments of servo.launch.py, such as controller:=pbvs, are passed on to it.
"""

import dataclasses
import shutil
import tempfile
from pathlib import Path

from ament_index_python.packages import get_package_share_directory
from launch.actions import DeclareLaunchArgument, IncludeLaunchDescription, OpaqueFunction, RegisterEventHandler
from launch.event_handlers import OnShutdown
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue

from depth_pc_ros.bringup.gazebo_config import GazeboConfig
from depth_pc_ros.bringup.gazebo_files import write_files
from depth_pc_ros.options import as_text, describe
from launch import LaunchDescription

SIMULATED = {"use_sim_time": True}


def start_all(context):
    """All actions for the given arguments. The files of this start are in a folder that goes when the launch ends."""
    config = GazeboConfig.from_launch(context.launch_configurations)
    folder = Path(tempfile.mkdtemp(prefix="depth_pc_gazebo_"))
    remove = OnShutdown(on_shutdown=lambda event, context: shutil.rmtree(folder, ignore_errors=True))
    write_files(config, folder)
    view = "" if config.gui else "-s --headless-rendering "
    servo = Path(__file__).with_name("servo.launch.py")
    return [
        RegisterEventHandler(remove),
        include(
            Path(get_package_share_directory("ros_gz_sim"), "launch", "gz_sim.launch.py"),
            {"gz_args": f"-r {view}{folder / 'world.sdf'}", "on_exit_shutdown": "true"},
        ),
        Node(
            package="ros_gz_bridge",
            executable="parameter_bridge",
            name="ros_gz_bridge",
            parameters=[{"config_file": str(folder / "bridge.yaml"), **SIMULATED}],
            output="screen",
        ),
        *(arm(folder / "arm.urdf") if config.rig == "arm" else free_camera(folder / "free_camera.sdf")),
        bridge(config),
        include(servo, config.servo_arguments()),
    ]


def free_camera(path):
    return [spawn("-file", str(path), "-name", "free_camera")]


def arm(path):
    """The arm with its controllers. The spawners wait for the controller manager, which Gazebo starts with the arm."""
    description = ParameterValue(path.read_text(encoding="utf-8"), value_type=str)
    return [
        Node(
            package="robot_state_publisher",
            executable="robot_state_publisher",
            parameters=[{"robot_description": description, **SIMULATED}],
        ),
        spawn("-topic", "robot_description", "-name", "arm"),
        *(
            Node(package="controller_manager", executable="spawner", arguments=[name], output="screen")
            for name in ("joint_state_broadcaster", "forward_velocity_controller")
        ),
    ]


def spawn(*arguments):
    return Node(
        package="ros_gz_sim", executable="create", arguments=["-world", "depth_pc", *arguments], output="screen"
    )


def bridge(config):
    """Goal, start and the camera's true poses, beside the nodes of the servo."""
    options = {"rig": config.rig, "seed": config.seed, "level": config.level}
    return Node(
        package="depth_pc_ros",
        executable="gazebo_bridge",
        namespace="/depth_pc",
        parameters=[{**options, **SIMULATED}],
        remappings=[
            ("body_pose", "bridge/body_pose"),
            ("joint_commands", "/forward_velocity_controller/commands"),
            ("arm_joint_states", "/joint_states"),
            ("robot_description", "/robot_description"),
        ],
        output="screen",
    )


def include(path, arguments):
    return IncludeLaunchDescription(PythonLaunchDescriptionSource(str(path)), launch_arguments=arguments.items())


def generate_launch_description():
    arguments = [
        DeclareLaunchArgument(field.name, default_value=as_text(field.default), description=describe(field))
        for field in dataclasses.fields(GazeboConfig)
    ]
    return LaunchDescription([*arguments, OpaqueFunction(function=start_all)])
