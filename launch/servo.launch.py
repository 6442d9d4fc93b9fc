"""Starts the servo chain. `ros2 launch depth_pc_ros servo.launch.py --show-args` lists the arguments.

The nodes come from the same table as those of `ros2 run depth_pc_ros bringup`.
"""

import dataclasses
import inspect

from launch.actions import DeclareLaunchArgument, ExecuteLocal, OpaqueFunction, Shutdown
from launch_ros.actions import LifecycleNode

from depth_pc_ros.bringup.bringup_config import BringupConfig
from depth_pc_ros.bringup.discovery import use_discovery
from depth_pc_ros.bringup.node_table import nodes_here
from depth_pc_ros.bringup.running_nodes import refuse_running
from depth_pc_ros.options import as_text, describe
from launch import LaunchDescription

# Humble's launch has no limit: there a node is started again and again.
KNOWN = inspect.signature(ExecuteLocal.__init__).parameters
FEW_RETRIES = {"respawn_max_retries": 3} if "respawn_max_retries" in KNOWN else {}


def start_nodes(context):
    """The nodes for the given arguments; each configures and activates itself.

    Raises AlreadyRunningError where nodes of the same names are running.
    """
    config = BringupConfig.from_launch(context.launch_configurations)
    specs = nodes_here(config)
    use_discovery(config)
    refuse_running(specs)
    return [
        LifecycleNode(
            package="depth_pc_ros",
            executable=spec.executable,
            name=spec.name,
            namespace=spec.namespace,
            parameters=[*([str(spec.params_file)] if spec.params_file else []), spec.parameters],
            remappings=list(spec.remappings.items()),
            output="screen",
            on_exit=end_all if spec.essential else None,
            respawn=not spec.essential,
            respawn_delay=2.0,
            **FEW_RETRIES,
        )
        for spec in specs
    ]


def end_all(event, context):
    """One node ended by itself: stop the others."""
    return None if context.is_shutdown else Shutdown(reason=f"{event.process_name} ended")


def generate_launch_description():
    arguments = [
        DeclareLaunchArgument(field.name, default_value=as_text(field.default), description=describe(field))
        for field in dataclasses.fields(BringupConfig)
    ]
    return LaunchDescription([*arguments, OpaqueFunction(function=start_nodes)])
