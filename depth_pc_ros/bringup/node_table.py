"""The start-up table: which nodes run, with which parameters and remappings. Pure data, no ROS import.

`launch/servo.launch.py`, `cli/bringup.py` and the demo start the same table.
"""

import dataclasses
import json
import sys
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from depth_pc_ros.config import CLASSICAL_LAWS, Config, ControlConfig, MatcherConfig, option
from depth_pc_ros.errors import ConfigError
from depth_pc_ros.package_files import config_file

NAMESPACE = "/depth_pc"
# In lockstep the world waits for the nodes, so that silence is no danger: the adapter is as patient as the bridge.
LOCKSTEP_TIMEOUT_S = 5.0


def _choices(config: type[Config], name: str) -> tuple[str, ...]:
    """Allowed values of another configuration's field, and "" for "not given here"."""
    return ("", *config.__dataclass_fields__[name].metadata["choices"])


@dataclass(frozen=True)
class BringupConfig(Config):
    """Options of a start-up: launch arguments and command-line flags."""

    driver: str = option(
        "pybullet",
        "What moves: `pybullet` (a simulation with its own camera), `moveit_servo`, or `twist` (geometry_msgs/Twist).",
        choices=("pybullet", "moveit_servo", "twist"),
    )
    image: str = option("", "Topic of the camera image. Empty: the simulated camera's; a real driver needs one.")
    camera_info: str = option("", "Topic of its camera_info. Empty: as for `image`.")
    depth_image: str = option(
        "", "Topic of metric depth aligned with the image. Empty: the simulated camera's; with a real driver, none."
    )
    depth: str = option(
        "",
        "Where depth comes from: the camera's own, or estimated from the image. Empty: `camera` where `depth_image` is "
        "given, else `estimated`; with pbvs and ibvs, which read metric depth only, the simulated camera's, or none.",
        choices=("", "camera", "estimated", "none"),
    )
    depth_model: str = option("", "Network of `estimated` depth. Empty: as in depth.yaml.")
    tool_frame: str = option("", "TF frame that the arm's driver moves, such as tool0; moveit_servo needs it.")
    camera_in_tool: str = option(
        "", "Real driver: pose of the camera's optical frame in the tool, `x y z qx qy qz qw` in m. Empty: ask TF."
    )
    cmd_vel: str = option("/cmd_vel", "Driver `twist`: topic that takes the tool's twist, in the tool frame.")
    controller: str = option(
        "", "Control law. Empty: as in controller.yaml.", choices=_choices(ControlConfig, "controller")
    )
    matcher: str = option(
        "", "Keypoint matcher. Empty: as in keypoints.yaml.", choices=_choices(MatcherConfig, "matcher")
    )
    matcher_weights: str = option("", "File of weights, matchers disk and aliked. Empty: as in keypoints.yaml.")
    lightglue_weights: str = option("", "File of weights of their LightGlue. Empty: as in keypoints.yaml.")
    speed: str = option("", "Velocity law. Empty: as in controller.yaml.", choices=_choices(ControlConfig, "speed"))
    config_dir: str = option("", "Folder whose <node>.yaml files replace those in this package's config/.")
    scene: str = option("default", "Simulated scene.", choices=("default", "ycb"))
    seed: int = option(0, "Seed of the simulated scene, goal and start pose.", 0, 2**31 - 1)
    level: str = option(
        "M", "How far the free camera starts from the goal: small, medium or large.", choices=("S", "M", "L")
    )
    rig: str = option(
        "free", "What carries the simulated camera: a free-flying camera, or a Panda arm.", choices=("free", "arm")
    )
    ycb_root: str = option("", "Folder of the YCB meshes, for the scene `ycb`.")
    lockstep: bool = option(False, "Simulated time waits for the nodes: the same seed gives the same run.")

    def __post_init__(self):
        super().__post_init__()
        if self.driver == "pybullet":
            return
        for name in ("image", "camera_info", *(("tool_frame",) if self.driver == "moveit_servo" else ())):
            if not getattr(self, name):
                raise ConfigError(f"{name}: driver {self.driver} needs one, such as {name}:={_EXAMPLES[name]}")
        if not self.tool_frame and not self.camera_in_tool:
            raise ConfigError(f"camera_in_tool: driver {self.driver} needs it, or a tool_frame to look up in TF")
        if self.lockstep:
            raise ConfigError("lockstep: only the simulation can wait; it needs driver pybullet")

    @property
    def depth_source(self) -> str:
        """`depth`, or what stands for it when it is empty. The classical laws read metric depth only."""
        if self.depth:
            return self.depth
        if self.controller in CLASSICAL_LAWS:
            return "camera" if self.depth_image or self.driver == "pybullet" else "none"
        return "camera" if self.depth_image else "estimated"

    @classmethod
    def from_text(cls, texts: dict[str, str], where: str = "options") -> "BringupConfig":
        """Build from texts, as launch arguments and command lines give them."""
        fields = {field.name: field for field in dataclasses.fields(cls)}
        values = {name: _parse(fields[name], text) if name in fields else text for name, text in texts.items()}
        return cls.from_mapping(values, where)


_EXAMPLES = {
    "image": "/camera/color/image_raw",
    "camera_info": "/camera/color/camera_info",
    "tool_frame": "tool0",
}


def describe(field: dataclasses.Field) -> str:
    """Help text of an option, with its allowed values or range."""
    low, high, choices, text = (field.metadata.get(key) for key in ("low", "high", "choices", "help"))
    if choices is not None:
        text += f" One of: {', '.join(filter(None, choices))}."
    if low is not None and high is not None:
        text += f" From {low} to {high}."
    return text


def _parse(field: dataclasses.Field, text: str):
    """The text as the type of the field's default; as it is where it does not fit (the configuration refuses it)."""
    if isinstance(field.default, bool):
        return {"true": True, "1": True, "false": False, "0": False}.get(text.lower(), text)
    if isinstance(field.default, int):
        try:
            return int(text)
        except ValueError:
            return text
    return text


@dataclass(frozen=True)
class NodeSpec:
    """One node to start: `ros2 run depth_pc_ros <executable>`, or `command()` where there is no `ros2`.

    parameters override those of params_file (a YAML, or None). remappings: name in the node -> topic or service.
    essential: without it nothing works; another one that dies is started again, and the rest goes on meanwhile.
    """

    name: str
    executable: str
    parameters: dict[str, object] = field(default_factory=dict)
    remappings: dict[str, str] = field(default_factory=dict)
    params_file: Path | None = None
    namespace: str = NAMESPACE
    essential: bool = True

    def command(self) -> list[str]:
        """Command line that starts the node with this Python."""
        words = [sys.executable, "-m", f"depth_pc_ros.nodes.{self.executable}", "--ros-args"]
        words += ["-r", f"__node:={self.name}", "-r", f"__ns:={self.namespace}"]
        if self.params_file is not None:
            words += ["--params-file", str(self.params_file)]
        for name, value in self.parameters.items():
            words += ["-p", f"{name}:={json.dumps(value)}"]
        for name, target in self.remappings.items():
            words += ["-r", f"{name}:={target}"]
        return words


def nodes(config: BringupConfig) -> list[NodeSpec]:
    """The nodes of one servo chain, in the order to start them."""
    simulated = config.driver == "pybullet"
    image = config.image or "bridge/image"
    camera_info = config.camera_info or "bridge/camera_info"
    depth_image = config.depth_image or ("bridge/depth_image" if simulated else "")
    camera = {"image": image, "camera_info": camera_info}
    if config.depth_source == "camera" and not depth_image:
        raise ConfigError("depth: `camera` needs a depth_image topic")
    depth = {"depth_image": depth_image} if config.depth_source == "camera" else {}
    clock = {"use_sim_time": simulated}

    def patience(name: str) -> dict[str, float]:
        return {name: LOCKSTEP_TIMEOUT_S} if config.lockstep else {}

    table = [
        NodeSpec(
            "keypoints",
            "keypoint_node",
            {**clock, **_given(config, "matcher", "matcher_weights", "lightglue_weights")},
            {**camera, **depth},
        ),
        NodeSpec(
            "depth",
            "depth_node",
            {**clock, "source": config.depth_source, **({"model": config.depth_model} if config.depth_model else {})},
            {**camera, **depth, "goal": "keypoints/goal"},
            essential=False,
        ),
        NodeSpec(
            "controller",
            "controller_node",
            {
                **clock,
                "lockstep": config.lockstep,
                **patience("input_timeout_s"),
                **_given(config, "controller", "speed"),
            },
            {
                "matches": "keypoints/matches",
                "goal": "keypoints/goal",
                "set_goal_image": "keypoints/set_goal_image",
                "metric_depth": "depth/metric_depth",
                "relative_depth": "depth/relative_depth",
                "goal_relative_depth": "depth/goal_relative_depth",
                "adapter_status": "adapter/status",
            },
        ),
        NodeSpec(
            "adapter",
            "twist_adapter",
            {**clock, "profile": config.driver, **_hand_eye(config), **patience("command_timeout_s")},
            {
                "twist_cmd": "controller/twist_cmd",
                "at_limit": "bridge/at_limit",
                "command": "bridge/command",
                "cmd_vel": config.cmd_vel,
            },
        ),
    ]
    if simulated:
        names = ("scene", "seed", "level", "rig", "ycb_root", "lockstep")
        table.insert(0, NodeSpec("bridge", "pybullet_bridge", {name: getattr(config, name) for name in names}))
    return [dataclasses.replace(spec, params_file=_params_file(config, spec.name)) for spec in table]


def _given(config: BringupConfig, *names: str) -> dict[str, str]:
    """The named options that are not left to the YAML files."""
    return {name: getattr(config, name) for name in names if getattr(config, name)}


def _hand_eye(config: BringupConfig) -> dict[str, object]:
    """Where the adapter has the camera's pose in the tool from."""
    if config.driver == "pybullet":
        return _as_parameters(*_simulated_hand_eye(config.rig))
    if not config.camera_in_tool:
        return {"hand_eye": "tf", "tool_frame": config.tool_frame}
    try:
        numbers = [float(word) for word in config.camera_in_tool.replace(",", " ").split()]
    except ValueError:
        numbers = []
    if len(numbers) != 7:
        raise ConfigError(f"camera_in_tool: expected 7 numbers `x y z qx qy qz qw`, got {config.camera_in_tool!r}")
    return {**_as_parameters(numbers[:3], numbers[3:]), "tool_frame": config.tool_frame}


def _as_parameters(xyz, quat) -> dict[str, object]:
    return {
        "hand_eye": "parameters",
        "camera_in_tool_xyz": [float(value) for value in xyz],
        "camera_in_tool_quat": [float(value) for value in quat],
    }


def _simulated_hand_eye(rig: str):
    """Position (3,) in m and quaternion (4,) x y z w of the simulated camera in its tool."""
    if rig == "free":
        return np.zeros(3), np.array([0.0, 0.0, 0.0, 1.0])
    from depth_pc_ros.nodes.quaternions import quaternion_of
    from depth_pc_ros.sim.arm import T_HAND_CAM

    return T_HAND_CAM[:3, 3], quaternion_of(T_HAND_CAM[:3, :3])


def _params_file(config: BringupConfig, name: str) -> Path | None:
    """The node's YAML: of `config_dir` if it is there, else of this package."""
    if config.config_dir and not Path(config.config_dir).is_dir():
        raise ConfigError(f"config_dir: no such folder: {config.config_dir}")
    if config.config_dir and (path := Path(config.config_dir) / f"{name}.yaml").is_file():
        return path.resolve()
    return config_file(f"{name}.yaml")
