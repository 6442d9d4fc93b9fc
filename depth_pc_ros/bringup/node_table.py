"""The start-up table: which nodes run, with which parameters and remappings. Pure data, no ROS import.

`launch/servo.launch.py`, `cli/bringup.py` and the demo start the same table.
"""

import dataclasses
import json
import sys
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from depth_pc_ros.bringup.bringup_config import BringupConfig
from depth_pc_ros.config import CLASSICAL_LAWS, unknown_name
from depth_pc_ros.errors import ConfigError
from depth_pc_ros.nodes.node_configs import NAMESPACE
from depth_pc_ros.package_files import config_file

# In lockstep the world waits for the nodes, so a pause is safe: the adapter waits as long as the bridge.
LOCKSTEP_TIMEOUT_S = 5.0
DEAD_MAN_MARGIN_S = 0.1  # after the adapter's own timeout


@dataclass(frozen=True)
class NodeSpec:
    """One node to start: `ros2 run depth_pc_ros <executable>`, or `command()` where there is no `ros2`.

    parameters override those of params_file (a YAML, or None). remappings: name in the node -> topic or service.
    late: the servo is ready before this node is, which has a low priority and helps it later.
    preload: slow modules that the node needs, for a process that is held at its start.
    essential: its end stops the whole chain; a node that is not essential is started again, and the rest goes on.
    """

    name: str
    executable: str
    parameters: dict[str, object] = field(default_factory=dict)
    remappings: dict[str, str] = field(default_factory=dict)
    params_file: Path | None = None
    namespace: str = NAMESPACE
    essential: bool = True
    late: bool = False
    preload: tuple[str, ...] = ()

    @property
    def full_name(self) -> str:
        return f"{self.namespace}/{self.name}"

    def command(self) -> list[str]:
        """Command line that starts the node with this Python."""
        return [sys.executable, "-m", f"depth_pc_ros.nodes.{self.executable}", *self.arguments()]

    def arguments(self) -> list[str]:
        """The part of the command line after the program."""
        words = ["--ros-args", "-r", f"__node:={self.name}", "-r", f"__ns:={self.namespace}"]
        if self.params_file is not None:
            words += ["--params-file", str(self.params_file)]
        for name, value in self.parameters.items():
            words += ["-p", f"{name}:={json.dumps(value)}"]
        for name, target in self.remappings.items():
            words += ["-r", f"{name}:={target}"]
        return words


def nodes_here(config: BringupConfig) -> list[NodeSpec]:
    """Those of `nodes` that are to be started on this machine. Raises ConfigError."""
    specs = nodes(config)
    known = [spec.name for spec in specs]
    for option in ("only", "without"):
        for name in getattr(config, option).split():
            if name not in known:
                raise ConfigError(f"{option}: {unknown_name('node', name, known)}")
    only, without = config.only.split() or known, config.without.split()
    here = [spec for spec in specs if spec.name in only and spec.name not in without]
    if not here:
        raise ConfigError(f"without: expected to leave a node to start, got {config.without!r}")
    return here


def nodes(config: BringupConfig) -> list[NodeSpec]:
    """All nodes of one servo chain, in the order to start them."""
    simulated = config.driver == "pybullet"
    depth_image = _transported(config, config.depth_image, "compressedDepth") or (
        "bridge/depth_image" if simulated else ""
    )
    camera = _camera(config)
    if config.depth_source == "camera" and not depth_image:
        raise ConfigError("depth: `camera` needs a depth_image topic")
    depth = {"depth_image": depth_image} if config.depth_source == "camera" else {}
    clock = {"use_sim_time": simulated or config.use_sim_time}

    driver = driver_names(config)

    def waiting_limit(name: str) -> dict[str, float]:
        return {name: LOCKSTEP_TIMEOUT_S} if config.lockstep else {}

    table = [
        NodeSpec(
            "keypoints",
            "keypoint_node",
            {
                **clock,
                **_given(config, "rectified", "max_width"),
                **_given(config, "matcher", "matcher_weights", "lightglue_weights", "mask", "roi"),
                "lockstep": config.lockstep,
            },
            {**camera, **depth},
        ),
        NodeSpec(
            "depth",
            "depth_node",
            {
                **clock,
                **_as_keypoints(config, "depth", "rectified", "max_width"),
                **_given(config, "rectified", "max_width"),
                "source": config.depth_source,
                **({"model": config.depth_model} if config.depth_model else {}),
            },
            {**camera, **depth, "goal": "keypoints/goal"},
            essential=False,
            late=config.depth_source == "estimated",  # its network takes seconds to load
            preload=("depth_pc_ros.perception.relative_depth",) if config.depth_source == "estimated" else (),
        ),
        NodeSpec(
            "controller",
            "controller_node",
            {
                **clock,
                "lockstep": config.lockstep,
                **waiting_limit("input_timeout_s"),
                **waiting_limit("adapter_timeout_s"),
                **_given(config, "controller", "speed", "default_distance", "max_linear", "max_angular"),
                **_given(config, "actuation_delay_s", "find_scale", "after_goal"),
            },
            {
                "matches": "keypoints/matches",
                "goal": "keypoints/goal",
                "keypoints_status": "keypoints/status",
                "set_goal_image": "keypoints/set_goal_image",
                "metric_depth": "depth/metric_depth",
                "relative_depth": "depth/relative_depth",
                "goal_relative_depth": "depth/goal_relative_depth",
                "adapter_status": "adapter/status",
            },
            preload=() if config.law in CLASSICAL_LAWS else ("depth_pc_ros.control.depth_pc_geo",),
        ),
        NodeSpec(
            "adapter",
            "twist_adapter",
            {
                **clock,
                **_driver_options(config),
                **_hand_eye(config),
                "lockstep": config.lockstep,
                **waiting_limit("command_timeout_s"),
                **_command_rate(config),
            },
            {
                "twist_cmd": "controller/twist_cmd",
                **driver,
                **({} if simulated else {"speed_scaling": config.speed_scaling}),
            },
        ),
    ]
    if not simulated:
        parameters = {**clock, **_driver_options(config), **_dead_man_timeout(config)}
        wiring = {"adapter_status": "adapter/status", **driver}
        table.append(NodeSpec("dead_man", "dead_man", parameters, wiring, essential=False))
    if config.view:
        table.append(_watch(config))
    if simulated:
        names = ("simulator", "scene", "seed", "level", "rig", "arm_model", "ycb_root", "lockstep")
        world = "depth_pc_ros.sim.mujoco_world" if config.simulator == "mujoco" else "depth_pc_ros.sim.world"
        parameters = {name: getattr(config, name) for name in names}
        table.insert(0, NodeSpec("bridge", "simulation_bridge", parameters, preload=(world,)))
    return [_complete(config, spec) for spec in table]


def watch_alone(config: BringupConfig) -> NodeSpec:
    """The node of the live view, beside a servo that runs, or will."""
    return _complete(config, _watch(config))


def _complete(config: BringupConfig, spec: NodeSpec) -> NodeSpec:
    """With what all nodes have."""
    # Two simulations have two times.
    own_clock = {"/clock": "clock"} if config.driver == "pybullet" and config.namespace != NAMESPACE else {}
    return dataclasses.replace(
        spec,
        namespace=config.namespace,
        remappings={**spec.remappings, **own_clock},
        params_file=config_file(f"{spec.name}.yaml"),
        parameters={**config.user_params.get(spec.name, {}), **spec.parameters},
    )


def _watch(config: BringupConfig) -> NodeSpec:
    same_names = ("keypoints/matches", "keypoints/goal", "depth/metric_depth", "depth/relative_depth")
    return NodeSpec(
        "watch",
        "watch_node",
        {
            "use_sim_time": config.driver == "pybullet",
            **_as_keypoints(config, "watch", "rectified", "max_width"),
            **_given(config, "rectified", "max_width"),
            "address": config.view_address,
            "port": config.view_port,
        },
        {
            **_camera(config),
            **{name.partition("/")[2]: name for name in same_names},
            "status": "controller/status",
            "enable": "controller/enable",
            "capture_goal": "keypoints/capture_goal",
        },
        essential=False,
        preload=("depth_pc_ros.view.server",),
    )


def _camera(config: BringupConfig) -> dict[str, str]:
    return {
        "image": _transported(config, config.image, "compressed") or "bridge/image",
        "camera_info": config.camera_info or "bridge/camera_info",
    }


def driver_names(config: BringupConfig) -> dict[str, str]:
    """What the names of the chosen driver in adapter and dead man are outside."""
    if config.driver == "moveit_servo":
        names = {"servo_parameters": "get_parameters", "servo_status": "status"}
        names |= {name: name for name in ("delta_twist_cmds", "switch_command_type", "start_servo")}
        return {own: f"{config.servo_node}/{name}" for own, name in names.items()}
    if config.driver == "cartesian_pose":
        return {"target_pose": config.target_pose}
    if config.driver == "joint_velocity":
        names = "joint_commands", "robot_description"
        return {"arm_joint_states": config.joint_states, **{name: getattr(config, name) for name in names}}
    if config.driver != "pybullet":
        usual = "/twist_controller/commands" if config.driver == "kortex" else "cmd_vel"
        return {"twist" if config.driver == "twist_stamped" else "cmd_vel": config.cmd_vel or usual}
    return {"command": "bridge/command", "at_limit": "bridge/at_limit"}


def _driver_options(config: BringupConfig) -> dict[str, str]:
    """What adapter and dead man have to know of the driver, as far as it is given at start-up."""
    names = ("tool_frame", "base_frame", "command_frame", "angular_unit", "joints")
    return {"profile": config.driver, **{name: getattr(config, name) for name in names}}


def _transported(config: BringupConfig, topic: str, name: str) -> str:
    """The topic that carries what `topic` has raw, as image_transport names it."""
    wanted = (
        config.image_transport == "compressed" and topic and not topic.endswith(("/compressed", "/compressedDepth"))
    )
    return f"{topic}/{name}" if wanted else topic


def _dead_man_timeout(config: BringupConfig) -> dict[str, float]:
    """Longer than the adapter's own timeout, where the user's file gives that one only."""
    given = config.parameter("adapter", "command_timeout_s")
    if given is None or config.parameter("dead_man", "adapter_timeout_s") is not None:
        return {}
    return {"adapter_timeout_s": float(given) + DEAD_MAN_MARGIN_S}


def _given(config: BringupConfig, *names: str) -> dict[str, object]:
    """The named options that are not left to the parameter files."""
    return {name: getattr(config, name) for name in names if getattr(config, name) is not None}


def _as_keypoints(config: BringupConfig, node: str, *names: str) -> dict[str, object]:
    """What the user's file gives the keypoint node only: this node must see the camera alike."""
    given = {name: config.parameter("keypoints", name) for name in names if config.parameter(node, name) is None}
    return {name: value for name, value in given.items() if value is not None}


def _command_rate(config: BringupConfig) -> dict[str, float]:
    """The rate that the user gave the controller; the adapter expects commands at it, unless told otherwise."""
    rate_hz = config.parameter("controller", "rate_hz")
    own = config.parameter("adapter", "command_rate_hz")
    return {} if rate_hz is None or own is not None else {"command_rate_hz": rate_hz}


def _hand_eye(config: BringupConfig) -> dict[str, object]:
    """Where the adapter gets the camera's pose in the tool from."""
    if config.driver == "pybullet":
        return _as_parameters(*_simulated_hand_eye(config))
    if not config.camera_in_tool:
        return {"hand_eye": "tf"}
    try:
        numbers = [float(word) for word in config.camera_in_tool.replace(",", " ").split()]
    except ValueError:
        numbers = []
    if len(numbers) != 7:
        raise ConfigError(f"camera_in_tool: expected 7 numbers `x y z qx qy qz qw`, got {config.camera_in_tool!r}")
    return _as_parameters(numbers[:3], numbers[3:])


def _as_parameters(xyz, quat) -> dict[str, object]:
    return {
        "hand_eye": "parameters",
        "camera_in_tool_xyz": [float(value) for value in xyz],
        "camera_in_tool_quat": [float(value) for value in quat],
    }


def _simulated_hand_eye(config: BringupConfig):
    """Position (3,) in m and quaternion (4,) x y z w of the simulated camera in its tool."""
    if config.rig == "free":
        return np.zeros(3), np.array([0.0, 0.0, 0.0, 1.0])
    from depth_pc_ros.nodes.quaternions import quaternion_of
    from depth_pc_ros.sim.arm_models import ARM_MODELS

    T_tool_cam = ARM_MODELS[config.arm_model].T_tool_cam
    return T_tool_cam[:3, 3], quaternion_of(T_tool_cam[:3, :3])
