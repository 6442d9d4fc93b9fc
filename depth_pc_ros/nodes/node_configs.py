"""The parameters of every node. No ROS import: start-up, its checks and the reference page read them, too."""

import re
from dataclasses import dataclass

import numpy as np

from depth_pc_ros.config import CommonConfig, Config, ControlConfig, MatcherConfig, option, same_as
from depth_pc_ros.errors import ConfigError
from depth_pc_ros.package_files import SHIPPED_DEPTH

NAMESPACE = "/depth_pc"  # of all nodes of a servo, unless it is given another
# Kinds of arm drivers; `nodes.arm_drivers.register_driver` adds one.
DRIVER_PROFILES = [
    "pybullet", "moveit_servo", "twist", "twist_stamped", "kortex", "cartesian_pose", "joint_velocity",
]  # fmt: skip


def check_namespace(namespace: str) -> str:
    """The namespace of a servo's nodes, as it is. Raises ConfigError where it is not an absolute name of ROS."""
    if not re.fullmatch(r"(/[A-Za-z_][A-Za-z0-9_]*)+", namespace):
        raise ConfigError(
            "namespace: expected words of letters, digits and _ that begin with no digit, each after a /, "
            f"such as /left or /cell_1/left, got {namespace!r}"
        )
    return namespace


@dataclass(frozen=True)
class NodeConfig(Config):
    """Parameters of every node; a node's own configuration derives from it."""

    autostart: bool = option(True, "Configure and activate without waiting for a lifecycle manager.")


@dataclass(frozen=True)
class BridgeConfig(NodeConfig):
    """Simulation bridge: the simulated camera and arm."""

    simulator: str = option(
        "pybullet",
        "What stands in for camera and arm: PyBullet, or MuJoCo (scene `default` has other objects there).",
        choices=("pybullet", "mujoco"),
    )
    scene: str = option("default", "Simulated scene: what stands on the table.", choices=("default", "ycb"))
    seed: int = same_as(CommonConfig, "seed", help="Seed of the simulated scene, the goal pose and the start pose.")
    level: str = option(
        "M", "How far the free camera starts from the goal: small, medium or large.", choices=("S", "M", "L")
    )
    rig: str = option(
        "free", "What moves the simulated camera: nothing (`free`, it flies), or an arm.", choices=("free", "arm")
    )
    arm_model: str = option(
        "panda",
        "Arm of rig `arm`: a Panda, or with MuJoCo a UR5e, whose model is in the package robosuite.",
        choices=("panda", "ur5e"),
    )
    ycb_root: str = same_as(CommonConfig, "ycb_root")
    lockstep: bool = option(False, "Simulated time waits for the nodes: the same seed gives the same run.")
    renderer: str = option(
        "auto",
        "What draws PyBullet's images: EGL, TinyRenderer, or EGL where it works. MuJoCo draws its own.",
        choices=("auto", "egl", "tiny"),
    )
    rate_hz: float = option(25.0, "Frames per second of simulated time (wall clock: at most this many).", 1.0, 200.0)
    width: int = option(640, "Image width, px.", 64, 1024)
    height: int = option(480, "Image height, px.", 64, 768)
    focal_px: float = option(540.0, "Focal length, px; the principal point is the centre.", 20.0, 5000.0)
    command_timeout_s: float = option(0.25, "Wall clock: a command older than this moves nothing, s.", 0.02, 10.0)
    idle_s: float = option(0.3, "Lockstep: wall time until the next frame while nothing is commanded, s.", 0.01, 10.0)
    lockstep_timeout_s: float = option(5.0, "Lockstep: longest wait for a command while commanded, s.", 0.1, 60.0)

    def __post_init__(self):
        super().__post_init__()
        check_arm_model(self.arm_model, self.rig, self.simulator)
        if self.renderer == "tiny" and self.simulator == "mujoco":
            raise ConfigError("renderer: 'tiny' is PyBullet's; with simulator 'mujoco', expected 'auto' or 'egl'")


def check_arm_model(arm_model: str, rig: str, simulator: str) -> None:
    """Raise ConfigError for a UR5e where there is none."""
    if arm_model == "ur5e" and (rig, simulator) != ("arm", "mujoco"):
        raise ConfigError(
            f"arm_model: 'ur5e' needs rig 'arm' and simulator 'mujoco', got rig {rig!r} and simulator {simulator!r}"
        )


GAZEBO_ARM_JOINTS = tuple(f"joint_{i}" for i in range(1, 7))  # of config/gazebo/arm.urdf


@dataclass(frozen=True)
class GazeboBridgeConfig(NodeConfig):
    """Gazebo bridge: what `launch/gazebo.launch.py` tells it."""

    rig: str = same_as(BridgeConfig, "rig")
    seed: int = same_as(BridgeConfig, "seed")
    level: str = same_as(BridgeConfig, "level")


@dataclass(frozen=True)
class CameraConfig(NodeConfig):
    """What the nodes that see the camera must know of it alike."""

    rectified: bool = option(False, "The images are rectified already: use P of camera_info, and no distortion.")
    max_width: int = option(
        960,
        "Working resolution: images whose longer side has more px are made smaller, with their camera, goal, mask and "
        "depth; 0: never.",
        0,
        8192,
    )


@dataclass(frozen=True)
class KeypointNodeConfig(CameraConfig, MatcherConfig):
    """Keypoint node: matches live images with the goal image."""

    lockstep: bool = same_as(BridgeConfig, "lockstep", help="The same images give the same matches.")


@dataclass(frozen=True)
class DepthNodeConfig(CameraConfig):
    """Depth node: relays the camera's metric depth, or estimates relative depth with a network."""

    source: str = option(
        "camera",
        "Source of depth: the depth camera, a network that sees the image, or none.",
        choices=("camera", "estimated", "none"),
    )
    model: str = option(
        SHIPPED_DEPTH,
        "Network of `estimated` depth: one that ships, a folder, a name on the Hugging Face hub, or `auto`: Depth "
        "Anything V2 Small where it is in the hub's cache or the hub can be reached, else the one that ships.",
    )
    short_side: int = option(252, "Short side of the image that the network sees, px.", 56, 1036)
    device: str = same_as(CommonConfig, "device", choices=("cpu", "cuda"))


@dataclass(frozen=True)
class ControllerNodeConfig(NodeConfig, ControlConfig):
    """Controller node: control law, limits and watchdogs.

    Gains, speed limits and acceleration limits may change while the node runs; the rest only while it is unconfigured.
    """

    rate_hz: float = option(50.0, "Twist commands per second.", 5.0, 1000.0)
    input_timeout_s: float = option(0.5, "Stop when no matched image has come for this long, s.", 0.05, 10.0)
    max_image_age_s: float = option(0.5, "Stop when matches come from an image older than this, s.", 0.05, 10.0)
    slow_limit_s: float = option(
        1.0,
        "Where images come slowly, input_timeout_s and max_image_age_s grow to 2.5 periods of theirs, up to this, s.",
        0.05,
        10.0,
    )
    max_depth_age_s: float = option(0.1, "Use metric depth at most this far from the image in time, s.", 0.0, 10.0)
    actuation_delay_s: float = option(
        0.05,
        "Latency from a commanded twist to its motion (driver and arm), s; too small a value overshoots. Not used in "
        "lockstep, where there is none.",
        0.0,
        1.0,
    )
    give_up_s: float = option(5.0, "The servo action fails after this long without a usable view, s.", 0.1, 600.0)
    adapter_timeout_s: float = option(
        0.25, "Stop when the twist adapter has not reported that it lives for this long, s.", 0.1, 10.0
    )
    lockstep: bool = same_as(
        BridgeConfig, "lockstep", help="Answer every matched image with exactly one twist, in place of a fixed rate."
    )


@dataclass(frozen=True)
class DriverConfig(Config):
    """What a driver class has to know of the arm's driver."""

    profile: str = option("pybullet", "Kind of driver that takes the tool's twist.", choices=DRIVER_PROFILES)
    tool_frame: str = option("", "TF frame that the arm's driver moves, such as tool0; most drivers need it.")
    base_frame: str = option(
        "", "TF frame of the arm's base, such as base_link, for `cartesian_pose` and commands in axes of the base."
    )
    command_frame: str = option(
        "tool",
        "Drivers `twist` and `twist_stamped`: axes of the twist, which is that of the tool's origin in either case.",
        choices=("tool", "base"),
    )
    angular_unit: str = option(
        "rad",
        "Drivers `twist` and `twist_stamped`: unit of the angular speed, rad/s or deg/s; `kortex` always takes deg/s.",
        choices=("rad", "deg"),
    )
    leash_m: float = option(0.03, "`cartesian_pose`: the target is at most so far ahead of the tool, m.", 0.001, 0.5)
    joints: str = option(
        "", "`joint_velocity`: names of the arm's joints in the order of its commands, separated by spaces."
    )
    leash_rad: float = option(0.15, "`cartesian_pose`: the same, rad.", 0.01, 1.5)


@dataclass(frozen=True)
class AdapterConfig(NodeConfig, DriverConfig):
    """Twist adapter: the last limits before the arm.

    Speed and acceleration limits may change while the node runs; the rest only while it is unconfigured.
    """

    hand_eye: str = option("parameters", "Source of the camera's pose in the tool.", choices=("parameters", "tf"))
    camera_in_tool_xyz: tuple = option((0.0, 0.0, 0.0), "Camera's optical frame in the tool frame, x y z in m.")
    camera_in_tool_quat: tuple = option((0.0, 0.0, 0.0, 1.0), "Its orientation, unit quaternion x y z w.")
    max_linear: float = same_as(ControlConfig, "max_linear", 0.5, help="Hard limit of the tool's speed, m/s.", low=0.0)
    max_angular: float = same_as(
        ControlConfig, "max_angular", 1.5, help="Hard limit of the tool's angular speed, rad/s.", low=0.0
    )
    max_linear_acceleration: float = same_as(
        ControlConfig, "max_linear_acceleration", 2.0, help="Hard limit of the tool's acceleration, m/s^2."
    )
    max_angular_acceleration: float = same_as(
        ControlConfig, "max_angular_acceleration", 8.0, help="Hard limit of the tool's angular acceleration, rad/s^2."
    )
    jerk_time_s: float = same_as(ControlConfig, "jerk_time_s", 0.02)
    command_rate_hz: float = same_as(
        ControllerNodeConfig,
        "rate_hz",
        help="Rate of twist_cmd, 1/s: the twist changes by no more than in such a period, however late a command is.",
    )
    command_timeout_s: float = same_as(
        BridgeConfig, "command_timeout_s", help="A moving arm stops when no command has come for this long, s."
    )
    rate_hz: float = same_as(
        ControllerNodeConfig, "rate_hz", help="Rate of watchdog, zero burst and sign of life, 1/s.", low=20.0
    )
    lockstep: bool = same_as(BridgeConfig, "lockstep", help="Time between two commands is that of their stamps.")

    def __post_init__(self):
        super().__post_init__()
        for name, size in (("camera_in_tool_xyz", 3), ("camera_in_tool_quat", 4)):
            value = getattr(self, name)
            if len(value) != size or not np.isfinite(value).all():
                raise ConfigError(f"{name}: expected {size} finite numbers, got {value}")
        if abs(np.linalg.norm(self.camera_in_tool_quat) - 1) > 1e-3:
            raise ConfigError(f"camera_in_tool_quat: expected unit length, got {self.camera_in_tool_quat}")
        if self.hand_eye == "tf" and not self.tool_frame:
            raise ConfigError("tool_frame: hand_eye 'tf' needs the name of the tool frame, got an empty name")


@dataclass(frozen=True)
class DeadManConfig(NodeConfig, DriverConfig):
    """Dead man: stops the arm when the adapter dies."""

    adapter_timeout_s: float = same_as(
        ControllerNodeConfig,
        "adapter_timeout_s",
        0.35,
        help="The arm gets zeros when an adapter that moves it has not reported for this long, s; longer than the "
        "adapter's command_timeout_s by 0.1 s, so that an adapter that was only held up starts from rest.",
    )
    rate_hz: float = same_as(AdapterConfig, "rate_hz")


@dataclass(frozen=True)
class WatchConfig(CameraConfig):
    """Watch node: the live view in a browser."""

    address: str = option(
        "127.0.0.1",
        "Where the page is served: for this machine only, or at an address that others reach, such as 0.0.0.0; these "
        "need the token in the link that is printed at the start.",
    )
    port: int = option(8642, "Port of the page.", 1, 65535)


NODE_CONFIGS: dict[str, type[NodeConfig]] = {
    "bridge": BridgeConfig,
    "keypoints": KeypointNodeConfig,
    "depth": DepthNodeConfig,
    "controller": ControllerNodeConfig,
    "adapter": AdapterConfig,
    "dead_man": DeadManConfig,
    "watch": WatchConfig,
}
