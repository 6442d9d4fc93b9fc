"""ament_python build of depth_pc_ros: the Python package and the files that ROS tools look up in share/."""

from pathlib import Path

from setuptools import find_packages, setup

NAME = "depth_pc_ros"
ROOT = Path(__file__).resolve().parent


def shared(folder, pattern="**/*"):
    """List the files of a folder as (target folder under share/, [files]) pairs, as data_files wants them."""
    files_of = {}
    for path in sorted(ROOT.glob(f"{folder}/{pattern}")):
        if path.is_file():
            relative = path.relative_to(ROOT)
            files_of.setdefault(f"share/{NAME}/{relative.parent}", []).append(str(relative))
    return list(files_of.items())


setup(
    name=NAME,
    version="0.1.0",
    description="Goal-image visual servoing for ROS 2: one picture in, camera twists out",
    author="depth_pc_ros maintainers",
    author_email="depth-pc-ros@example.com",
    license="Apache-2.0",
    packages=find_packages(include=[NAME, f"{NAME}.*"]),
    data_files=[
        ("share/ament_index/resource_index/packages", [f"resource/{NAME}"]),
        (f"share/{NAME}", ["package.xml"]),
        *shared("launch", "*.py"),
        *shared("config"),
        *shared("models"),
    ],
    python_requires=">=3.10",
    install_requires=[
        "setuptools",
        "numpy>=1.26,<3",
        "scipy>=1.11,<2",
        "opencv-python-headless>=4.8,<5",
        "pybullet>=3.2.6,<4",
        "moderngl>=5.10,<6",
        "matplotlib>=3.8,<4",
        "Pillow>=9.0,<14",
        "PyYAML>=6.0,<7",
        "tqdm>=4.66,<5",
        "torch>=2.5",
        "torch-geometric>=2.6,<3",
        "transformers>=4.56,<6",
        "safetensors>=0.4.5,<1",
        "tensorboard>=2.17,<3",
        "scikit-image>=0.22,<1",
        "scikit-learn>=1.4,<2",
    ],
    extras_require={"learned-matcher": ["kornia>=0.8.2,<0.10"]},
    zip_safe=True,
    entry_points={
        "console_scripts": [
            "keypoint_node = depth_pc_ros.nodes.keypoint_node:main",
            "depth_node = depth_pc_ros.nodes.depth_node:main",
            "controller_node = depth_pc_ros.nodes.controller_node:main",
            "twist_adapter = depth_pc_ros.nodes.twist_adapter:main",
            "pybullet_bridge = depth_pc_ros.nodes.pybullet_bridge:main",
            "bringup = depth_pc_ros.cli.bringup:main",
            "set_goal = depth_pc_ros.cli.set_goal:main",
            "check_setup = depth_pc_ros.cli.check_setup:main",
            "demo = depth_pc_ros.cli.demo:main",
            "benchmark = depth_pc_ros.benchmark.__main__:main",
            "train = depth_pc_ros.cli.train:main",
            "train_depth = depth_pc_ros.cli.train_depth:main",
        ],
    },
)
