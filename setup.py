"""ament_python build of depth_pc_ros: the Python package and the files that ROS tools look up in share/."""

import sys
from pathlib import Path

from setuptools import find_packages, setup

NAME = "depth_pc_ros"
ROOT = Path(__file__).resolve().parent

# What the servo needs without ROS, learned control laws included.
CORE = [
    "setuptools",
    "numpy>=1.26,<3",
    "scipy>=1.11,<2",
    "opencv-python-headless>=4.8,<5",
    "PyYAML>=6.0,<7",
    "Pillow>=9.1,<14",
    "jsonschema>=4.10,<5",
    "torch>=2.6",
    "torch-geometric>=2.6,<3",
    "safetensors>=0.4.5,<1",
]
# docs/compatibility.md says what each extra is for. depth_pc_ros/extras.py names them where something is missing.
SIM = ["pybullet>=3.2.6,<4", "moderngl>=5.10,<6", "matplotlib>=3.8,<4"]
MUJOCO = ["mujoco>=3.3.7,<4", "matplotlib>=3.8,<4"]
DEPTH = ["transformers>=4.56,<6"]
VIEW = ["aiohttp>=3.9,<4"]
PROGRESS = ["tqdm>=4.66,<5"]
EXTRAS = {
    "sim": SIM,
    "mujoco": MUJOCO,
    "learned": [*DEPTH, "kornia>=0.8.2,<0.10"],
    "train": [*SIM, *DEPTH, *PROGRESS, "tensorboard>=2.17,<3"],
    "benchmark": [*SIM, *DEPTH, *PROGRESS, "scikit-image>=0.22,<1", "scikit-learn>=1.4,<2", "jinja2>=3.0,<4"],
    "cluster": ["distributed>=2024.9,<2027"],
    "rosbag": ["rosbags>=0.11,<0.12"],
    "replay": ["rosbags>=0.11,<0.12", "matplotlib>=3.8,<4", "jinja2>=3.0,<4"],
    "arm": ["pin>=3,<5"],
    "view": VIEW,
    "ros": ["transforms3d>=0.4.2,<1"],
}
EXTRAS["all"] = sorted({requirement for extra in EXTRAS.values() for requirement in extra})
EXTRAS["fuzz"] = ["atheris>=2.3,<4"]  # not in "all": only test/fuzz needs it, and it has no wheel for every platform
EXTRAS["rerun"] = ["rerun-sdk>=0.26,<0.42"]  # nor this: 220 MB with pyarrow, for one option of `replay`

NODES = [
    "keypoint_node",
    "depth_node",
    "controller_node",
    "twist_adapter",
    "dead_man",
    "simulation_bridge",
    "gazebo_bridge",
    "watch_node",
]
OLD_NAMES = {"pybullet_bridge": "nodes.simulation_bridge"}
COMMANDS = {
    "bringup": "cli.bringup",
    "set_goal": "cli.set_goal",
    "teach": "cli.teach",
    "repeat": "cli.repeat",
    "watch": "cli.watch",
    "record": "cli.record",
    "replay": "cli.replay",
    "check_setup": "cli.check_setup",
    "webcam": "cli.webcam",
    "demo": "cli.demo",
    "benchmark": "benchmark.__main__",
    "train": "cli.train",
    "train_depth": "cli.train_depth",
    "train_pairs": "cli.train_pairs",
}


def shared(folder, pattern="**/*"):
    """List the files of a folder as (target folder under share/, [files]) pairs, as data_files wants them."""
    files_of = {}
    for path in sorted(ROOT.glob(f"{folder}/{pattern}")):
        if path.is_file():
            relative = path.relative_to(ROOT)
            files_of.setdefault(f"share/{NAME}/{relative.parent}", []).append(str(relative))
    return list(files_of.items())


def console_scripts():
    """The executables.

    colcon calls `setup.py install` or `develop`: setup.cfg then puts them into lib/depth_pc_ros, for `ros2 run`, where
    names are the package's own. pip builds a wheel, and its scripts share bin/ with those of all other packages.
    """
    if {"install", "develop"} & set(sys.argv):
        names = {**{node: f"nodes.{node}" for node in NODES}, **OLD_NAMES, **COMMANDS}
    else:
        names = {f"depth_pc_{command}": module for command, module in COMMANDS.items()}
    return [f"{name} = {NAME}.{module}:main" for name, module in names.items()]


setup(
    name=NAME,
    version="0.2.0",
    description="Goal-image visual servoing for ROS 2: one picture in, camera twists out",
    author="depth_pc_ros maintainers",
    author_email="depth-pc-ros@example.com",
    license="Apache-2.0",
    packages=find_packages(include=[NAME, f"{NAME}.*"]),
    package_data={NAME: ["py.typed", "view/page/*"]},
    data_files=[
        ("share/ament_index/resource_index/packages", [f"resource/{NAME}"]),
        (f"share/{NAME}", ["package.xml"]),
        *shared("launch", "*.py"),
        *shared("config"),
        *shared("models", "depth_*/*"),  # the others are only for comparison, in the source tree
    ],
    python_requires=">=3.10",
    install_requires=CORE,
    extras_require=EXTRAS,
    zip_safe=False,
    entry_points={"console_scripts": console_scripts()},
)
