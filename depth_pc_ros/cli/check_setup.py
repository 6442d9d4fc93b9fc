"""`check_setup`: names everything that is missing before the servo can move, and what to do about it."""

import argparse
import importlib.util
import os
import sys

from depth_pc_ros.bringup.bringup_config import BringupConfig
from depth_pc_ros.bringup.check_report import Check, table
from depth_pc_ros.bringup.discovery import use_discovery
from depth_pc_ros.config import CLASSICAL_LAWS
from depth_pc_ros.errors import DepthPcError
from depth_pc_ros.options import add_text_fields, given_texts
from depth_pc_ros.package_files import AUTO_DEPTH, SHIPPED_DEPTH, is_hub_name, local_model

EXAMPLES = """examples:
  check_setup                          after `bringup` in another shell
  check_setup --driver moveit_servo --image /camera/color/image_raw --camera-info /camera/color/camera_info \\
              --tool-frame tool0       the same options as for bringup
exit code: 0 all that is needed is there, 1 something is missing
"""
# Module, what brings it, and whether the servo needs it.
_MODULES = (
    ("rclpy", "source ROS 2, or scripts/env.sh after scripts/setup.sh", True),
    ("depth_pc_interfaces", "build it: scripts/setup.sh, or colcon build --base-paths . depth_pc_interfaces", True),
    ("cv2", "pip install 'opencv-python-headless>=4.8,<5'", True),
    ("scipy", "pip install scipy", True),
    ("transforms3d", "apt install ros-<distro>-tf-transformations, or pip install transforms3d", True),
)
_LEARNED_MODULES = tuple(
    (name, f"pip install {name}, or choose --controller pbvs", True) for name in ("torch", "safetensors")
)
_ESTIMATE_MODULES = tuple(
    (name, f"pip install {name}, or choose --depth camera or none", True) for name in ("torch", "transformers")
)
_DRIVER_MODULES = {
    "pybullet": (("pybullet", "pip install pybullet", True), ("moderngl", "pip install moderngl", True)),
    # MoveIt Servo of Humble does without
    "moveit_servo": (
        ("moveit_msgs", "apt install ros-<distro>-moveit-msgs", os.environ.get("ROS_DISTRO") != "humble"),
    ),
    "joint_velocity": (("pinocchio", "apt install ros-<distro>-pinocchio, or pip install pin", True),),
}
_TF_MODULE = ("tf2_ros", "apt install ros-<distro>-tf2-ros-py, or give --camera-in-tool", True)


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="check_setup",
        description="Check packages, topics, intrinsics, TF, nodes and services, and report what is missing.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_text_fields(parser, BringupConfig)
    parser.add_argument("--seconds", type=float, default=3.0, metavar="S", help="Watch the topics this long (3).")
    parser.add_argument(
        "--watch-hand-eye", type=float, default=0.0, metavar="S",
        help="Watch for so long how you move the arm by hand, and judge the camera's orientation in the tool; needs "
        "--base-frame (0: not at all).",
    )  # fmt: skip
    return parser


def main(argv: list[str] | None = None) -> int:
    arguments = parser().parse_args(argv)
    try:
        config = BringupConfig.from_text(given_texts(arguments, BringupConfig), "command line")
        checks = [*modules(config), weights(config), depth_model(config)]
        absent = {check.what for check in checks if check.missing}
        if not absent & {"module rclpy", "module depth_pc_interfaces"}:
            from depth_pc_ros.bringup.setup_check import check_running_nodes

            use_discovery(config)
            checks += check_running_nodes(config, arguments.seconds, arguments.watch_hand_eye)
    except DepthPcError as error:
        print(f"check_setup: {error}", file=sys.stderr)
        return 1
    print(table(checks))
    count = sum(check.missing for check in checks)
    print(f"\n{count} needed thing(s) missing" if count else "\nall that is needed is there")
    return 1 if count else 0


def modules(config: BringupConfig) -> list[Check]:
    """Whether each Python module can be found."""
    wanted = [*_MODULES, *_DRIVER_MODULES.get(config.driver, ())]
    if config.law not in CLASSICAL_LAWS:
        wanted += _LEARNED_MODULES
    if config.depth_source == "estimated":
        wanted += [module for module in _ESTIMATE_MODULES if module[0] not in {name for name, _, _ in wanted}]
    if config.driver != "pybullet" and not (config.camera_in_tool and not config.base_frame):
        wanted.append(_TF_MODULE)
    found = {name: importlib.util.find_spec(name) is not None for name, _, _ in wanted}
    return [Check(f"module {name}", found[name], "" if found[name] else hint, needed) for name, hint, needed in wanted]


def weights(config: BringupConfig) -> Check:
    """The model of the control law; the classical laws need none."""
    if config.law in CLASSICAL_LAWS:
        return Check("model", True, f"{config.law} needs none")
    name = config.parameter("controller", "model") or config.law
    folder = local_model(name)
    return Check("model", folder is not None, str(folder or f"{name} is in none of the models/ folders"))


def depth_model(config: BringupConfig) -> Check:
    """The network of estimated depth. One on the hub counts as not needed here: the depth node fetches it."""
    if config.depth_source != "estimated":
        return Check("depth model", True, f"depth {config.depth_source} needs none")
    name = config.parameter("depth", "model", config.depth_model) or SHIPPED_DEPTH
    if name == AUTO_DEPTH:
        name = SHIPPED_DEPTH  # what is used in any case where the official one cannot be had
    folder, on_hub = local_model(name), is_hub_name(name)
    absent = (
        "fetched by the depth node from the Hugging Face hub" if on_hub else f"{name} is in none of the models/ folders"
    )
    return Check("depth model", folder is not None, str(folder or absent), needed=not on_hub)


if __name__ == "__main__":
    raise SystemExit(main())
