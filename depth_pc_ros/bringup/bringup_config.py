"""`BringupConfig`: the options of a start-up, given as launch arguments or as command-line flags. No ROS import."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from depth_pc_ros.bringup.user_params import read_user_params
from depth_pc_ros.config import CLASSICAL_LAWS, RENAMED, Config, ControlConfig, MatcherConfig, option, same_as
from depth_pc_ros.errors import ConfigError
from depth_pc_ros.nodes.node_configs import (
    NAMESPACE,
    AdapterConfig,
    BridgeConfig,
    CameraConfig,
    ControllerNodeConfig,
    DepthNodeConfig,
    WatchConfig,
    check_arm_model,
    check_namespace,
)
from depth_pc_ros.options import as_text, from_text


def _or_parameter(config: type[Config], name: str):
    """A node's parameter that may also be given at start-up; None leaves it to the parameter files."""
    field = config.__dataclass_fields__[name]
    default = f" ({as_text(field.default)})" if field.default != "" else ""
    return same_as(config, name, None, help=f"{field.metadata['help']} Empty: as in the parameter file{default}.")


@dataclass(frozen=True)
class BringupConfig(Config):
    """Options of a start-up: launch arguments and command-line flags."""

    driver: str = same_as(
        AdapterConfig,
        "profile",
        help="Driver: `pybullet` (a simulation, MuJoCo's too), `moveit_servo`, `twist` (geometry_msgs/Twist), "
        "`twist_stamped`, `kortex` (Kinova), `cartesian_pose` (a target PoseStamped), `joint_velocity` (ros2_control).",
    )
    namespace: str = option(
        NAMESPACE, "Namespace of the nodes and of all names that do not begin with `/`. Each arm needs one of its own."
    )
    only: str = option(
        "",
        "Names of the nodes to start on this machine, such as `depth`, separated by spaces; the others run elsewhere. "
        "Empty: all.",
    )
    without: str = option("", "Names of the nodes not to start on this machine, because they run elsewhere.")
    discovery_range: str = option(
        "unchanged",
        "Machines on which nodes find each other, from ROS 2 Iron on: this one, all of the subnet, or as "
        "ROS_AUTOMATIC_DISCOVERY_RANGE in the environment says.",
        choices=("unchanged", "LOCALHOST", "SUBNET"),
    )
    peers: str = option(
        "",
        "Addresses of other machines to find as well, separated by spaces, where there is no multicast or another "
        "subnet. Empty: as ROS_STATIC_PEERS says.",
    )
    image: str = option("", "Topic of the camera image. Empty: the simulated camera's; a real driver needs one.")
    camera_info: str = option("", "Topic of its camera_info. Empty: as for `image`.")
    depth_image: str = option(
        "", "Topic of metric depth aligned with the image. Empty: the simulated camera's; with a real driver, none."
    )
    image_transport: str = option(
        "raw",
        "How `image` and `depth_image` are sent: `compressed` (JPEG or PNG) takes their topics `IMAGE/compressed` and "
        "`DEPTH_IMAGE/compressedDepth`. A topic with such a name may also be given as it is.",
        choices=("raw", "compressed"),
    )
    rectified: bool | None = _or_parameter(CameraConfig, "rectified")
    max_width: int | None = _or_parameter(CameraConfig, "max_width")
    depth: str | None = same_as(
        DepthNodeConfig,
        "source",
        None,
        help="Source of depth: the depth camera, or a network that sees the image. Empty: `camera` where "
        "`depth_image` is given, else `estimated`; with pbvs and ibvs, which read metric depth only, the simulated "
        "camera's, or none.",
    )
    depth_model: str | None = _or_parameter(DepthNodeConfig, "model")
    tool_frame: str = same_as(AdapterConfig, "tool_frame")
    camera_in_tool: str = option(
        "", "Real driver: pose of the camera's optical frame in the tool, `x y z qx qy qz qw` in m. Empty: from TF."
    )
    base_frame: str = same_as(AdapterConfig, "base_frame")
    command_frame: str = same_as(AdapterConfig, "command_frame")
    angular_unit: str = same_as(AdapterConfig, "angular_unit")
    cmd_vel: str = option(
        "",
        "Drivers `twist`, `twist_stamped` and `kortex`: topic that takes the tool's twist. Empty: `cmd_vel`; `kortex`: "
        "/twist_controller/commands.",
    )
    target_pose: str = option(
        "/cartesian_motion_controller/target_frame", "Driver `cartesian_pose`: topic that takes the target."
    )
    servo_node: str = option("/servo_node", "Driver `moveit_servo`: full name of the MoveIt Servo node of this arm.")
    joints: str = same_as(AdapterConfig, "joints")
    joint_commands: str = option(
        "/forward_velocity_controller/commands", "Driver `joint_velocity`: topic that takes the speeds of the joints."
    )
    joint_states: str = option("/joint_states", "Driver `joint_velocity`: topic of the arm's joint states.")
    robot_description: str = option("/robot_description", "Driver `joint_velocity`: topic of the robot's URDF.")
    use_sim_time: bool = option(
        False, "Real driver: the nodes' time is that of /clock, as a simulator such as Gazebo publishes it."
    )
    speed_scaling: str = option(
        "/speed_scaling_state_broadcaster/speed_scaling",
        "Real driver: topic with the arm's speed in % of the commanded one (std_msgs/Float64), as UR arms publish it.",
    )
    default_distance: float | None = _or_parameter(ControlConfig, "default_distance")
    max_linear: float | None = _or_parameter(ControlConfig, "max_linear")
    max_angular: float | None = _or_parameter(ControlConfig, "max_angular")
    actuation_delay_s: float | None = _or_parameter(ControllerNodeConfig, "actuation_delay_s")
    find_scale: bool | None = _or_parameter(ControlConfig, "find_scale")
    controller: str | None = _or_parameter(ControlConfig, "controller")
    speed: str | None = _or_parameter(ControlConfig, "speed")
    after_goal: str | None = _or_parameter(ControlConfig, "after_goal")
    matcher: str | None = _or_parameter(MatcherConfig, "matcher")
    matcher_weights: str | None = _or_parameter(MatcherConfig, "matcher_weights")
    lightglue_weights: str | None = _or_parameter(MatcherConfig, "lightglue_weights")
    mask: str | None = _or_parameter(MatcherConfig, "mask")
    roi: str | None = _or_parameter(MatcherConfig, "roi")
    params: str = option(
        "", "Your own parameter file, a YAML with a section for each node; the options given here override it."
    )
    view: bool = option(False, "Serve the live view, a page for browsers.")
    view_address: str = same_as(WatchConfig, "address")
    view_port: int = same_as(WatchConfig, "port")
    simulator: str = same_as(BridgeConfig, "simulator")
    scene: str = same_as(BridgeConfig, "scene")
    seed: int = same_as(BridgeConfig, "seed")
    level: str = same_as(BridgeConfig, "level")
    rig: str = same_as(BridgeConfig, "rig")
    arm_model: str = same_as(BridgeConfig, "arm_model")
    ycb_root: str = same_as(BridgeConfig, "ycb_root")
    lockstep: bool = same_as(BridgeConfig, "lockstep")

    def __post_init__(self):
        super().__post_init__()
        check_namespace(self.namespace)
        check_arm_model(self.arm_model, self.rig, self.simulator)
        if self.only and self.without:
            raise ConfigError(f"only, without: expected one of them, got {self.only!r} and {self.without!r}")
        if self.image_transport == "compressed" and not self.image:
            raise ConfigError(
                "image_transport: the simulated camera sends raw images; `compressed` needs an image topic"
            )
        if self.driver == "pybullet":
            return
        if self.simulator != "pybullet":
            raise ConfigError(f"simulator: {self.simulator!r} needs driver 'pybullet', got {self.driver!r}")
        in_base = self.driver == "cartesian_pose" or (
            self.driver in ("twist", "twist_stamped") and self.command_frame == "base"
        )
        needed = {"moveit_servo": ("tool_frame",), "joint_velocity": ("joints", "tool_frame")}.get(self.driver, ())
        for name in ("image", "camera_info", *(("base_frame", "tool_frame") if in_base else needed)):
            if not getattr(self, name):
                raise ConfigError(f"{name}: driver {self.driver} needs one, such as {name}:={_EXAMPLES[name]}")
        if not self.tool_frame and not self.camera_in_tool:
            raise ConfigError(f"camera_in_tool: driver {self.driver} needs it, or a tool_frame to look up in TF")
        if self.lockstep:
            raise ConfigError("lockstep: only the simulation can wait; it needs driver pybullet")

    @classmethod
    def from_text(cls, texts: Mapping[str, str], where: str = "options") -> "BringupConfig":
        """Build from texts, as launch arguments and command lines give them."""
        fields = {field.name: field for field in dataclasses.fields(cls)}
        values = {name: from_text(fields[name], text) if name in fields else text for name, text in texts.items()}
        return cls.from_mapping(values, where)

    @classmethod
    def from_launch(cls, configurations: Mapping[str, str]) -> "BringupConfig":
        """Build from the launch configurations, in which other launch files may have names of their own.

        `ros2 launch` passes unknown arguments on in silence: of these, the old name of an option raises ConfigError.
        """
        known = cls.__dataclass_fields__
        given = {name: text for name, text in configurations.items() if name in known or RENAMED.get(name) in known}
        return cls.from_text(given, "arguments")

    @cached_property
    def user_params(self) -> dict[str, dict[str, object]]:
        """Node -> parameters of the user's own file. Raises ConfigError."""
        return read_user_params(self.params, self.namespace) if self.params else {}

    def parameter(self, node: str, name: str, given=None):
        """The value of a node's parameter: `given` at start-up, or else that of `params`; None: neither has one."""
        return self.user_params.get(node, {}).get(name) if given is None else given

    @property
    def law(self) -> str:
        """The control law that will run."""
        return self.parameter("controller", "controller", self.controller) or ControlConfig().controller

    @property
    def depth_source(self) -> str:
        """`depth`, or its default when it is not given. The classical laws read metric depth only."""
        if self.depth:
            return self.depth
        if self.law in CLASSICAL_LAWS:
            return "camera" if self.depth_image or self.driver == "pybullet" else "none"
        return "camera" if self.depth_image else "estimated"


_EXAMPLES = {
    "image": "/camera/color/image_raw",
    "camera_info": "/camera/color/camera_info",
    "tool_frame": "tool0",
    "base_frame": "base_link",
    "joints": '"joint_1 joint_2 joint_3 joint_4 joint_5 joint_6"',
}
