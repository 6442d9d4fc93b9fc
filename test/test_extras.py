"""Without the packages of the extras, and without ROS: the servo works, and what needs them says so in one line."""

import re
import subprocess
import sys

import cv2
import numpy as np
import pytest
from boards import write_video

from depth_pc_ros.errors import MissingExtraError
from depth_pc_ros.extras import require
from depth_pc_ros.files.video_file import VideoFile
from depth_pc_ros.geometry import se3
from depth_pc_ros.package_files import find_model

# Import names that a plain `pip install .` need not bring. (torch-geometric brings tqdm.)
OPTIONAL = (
    "pybullet pybullet_data moderngl mujoco matplotlib transformers kornia tensorboard skimage sklearn transforms3d"
).split()
ROS = "rclpy ament_index_python builtin_interfaces geometry_msgs sensor_msgs std_msgs depth_pc_interfaces".split()
# As the README's example, on two images: it prints the twist of the second.
SERVO = """
import cv2, numpy, sys
from depth_pc_ros.pipeline import ServoPipeline

goal_rgb, live_rgb = (cv2.cvtColor(cv2.imread(path), cv2.COLOR_BGR2RGB) for path in sys.argv[1:3])
K = numpy.array([[540, 0, 319.5], [0, 540, 239.5], [0, 0, 1]])
pipeline = ServoPipeline.from_config()
pipeline.set_goal(goal_rgb, K, distance=0.6)
result = pipeline.step(live_rgb, 0.0)
print(result.state.name, *result.twist)
"""


def without(modules, code: str, *words) -> subprocess.CompletedProcess:
    """Run Python code where these modules cannot be imported."""
    block = f"import sys; sys.modules.update(dict.fromkeys({list(modules)}))\n"
    command = [sys.executable, "-c", block + code, *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def help_of(module: str) -> str:
    """Python code that does what `python -m depth_pc_ros.MODULE --help` does."""
    return f"sys.argv = ['command', '--help']; {run_of(module)}"


def run_of(module: str) -> str:
    """Python code that does what `python -m depth_pc_ros.MODULE` does."""
    return f"import runpy; runpy.run_module('depth_pc_ros.{module}', run_name='__main__')"


def test_the_servo_needs_no_extra(tmp_path, plane, intrinsics, T_world_goal, move):
    views = {"goal": T_world_goal, "live": move(T_world_goal, (0.05, 0.0, 0.0))}
    for name, T_world_cam in views.items():
        cv2.imwrite(str(tmp_path / f"{name}.png"), plane.view(T_world_cam, intrinsics)[..., ::-1])
    done = without([*OPTIONAL, *ROS], SERVO, tmp_path / "goal.png", tmp_path / "live.png")
    assert done.returncode == 0, done.stderr
    state, *twist = done.stdout.split()
    assert state == "SERVOING"
    path = (se3.inverse(views["live"]) @ T_world_goal)[:3, 3]
    v = np.array(twist[:3], float)
    assert v @ path > 0.95 * np.linalg.norm(v) * np.linalg.norm(path)


def test_the_webcam_needs_no_extra_and_no_ros(tmp_path, plane, intrinsics, T_world_goal, move):
    camera = intrinsics.scaled(320, 240)
    views = [plane.view(move(T_world_goal, (0.01 * k, 0.0, 0.0)), camera) for k in (4, 3, 2, 1, *[0] * 8)]
    write_video(tmp_path / "walk.mp4", views)
    words = ["--video", tmp_path / "walk.mp4", "--goal", "last", "--output", tmp_path / "annotated.mp4"]
    done = without([*OPTIONAL, *ROS, "tkinter"], run_of("cli.webcam"), *words)
    assert (done.returncode, done.stderr) == (0, "")
    assert "at the end: you are there" in done.stdout.splitlines()
    annotated = VideoFile(tmp_path / "annotated.mp4")
    assert (annotated.count, annotated.size[0]) == (len(views), 640)


@pytest.mark.parametrize(
    ("command", "module", "absent", "extra"),
    [
        ("benchmark", "benchmark", "pybullet", "benchmark"),
        ("train", "cli.train", "tensorboard", "train"),
        ("train_depth", "cli.train_depth", "transformers", "train"),
        ("train_pairs", "cli.train_pairs", "tensorboard", "train"),
        ("demo", "cli.demo", "matplotlib", "sim"),
    ],
)
def test_a_command_without_its_extra_is_one_line(command, module, absent, extra):
    done = without([absent], help_of(module))
    assert done.returncode == 1
    assert done.stderr == f"{command}: not installed: {absent} (pip install 'depth_pc_ros[{extra}]')\n"


@pytest.mark.parametrize(
    ("simulator", "absent", "extra"), [("pybullet", "moderngl", "sim"), ("mujoco", "mujoco", "mujoco")]
)
def test_a_demo_without_its_simulator_is_one_line(simulator, absent, extra, tmp_path):
    pytest.importorskip("rclpy")
    run = "import runpy; runpy.run_module('depth_pc_ros.cli.demo', run_name='__main__')"
    done = without([absent], run, "--simulator", simulator, "--output", tmp_path / "out")
    assert done.returncode == 1
    assert done.stderr == f"demo: not installed: {absent} (pip install 'depth_pc_ros[{extra}]')\n"
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("command", ["bringup", "set_goal", "demo"])
def test_a_command_without_ros_is_one_line(command):
    done = without(ROS, help_of(f"cli.{command}"))
    assert done.returncode == 1
    assert re.fullmatch(rf"{command}: not installed: \w+ \(source a ROS 2 installation, or .*\)\n", done.stderr)


@pytest.mark.parametrize(
    ("module", "absent", "extra"),
    [
        ("sim.world", "pybullet", "sim"),
        ("sim.world", "moderngl", "sim"),
        ("sim.mujoco_world", "mujoco", "mujoco"),
        ("training.run", "tensorboard", "train"),
        ("perception.relative_depth", "transformers", "learned"),
        ("nodes.quaternions", "transforms3d", "ros"),
    ],
)
def test_a_module_without_its_package_names_the_extra(module, absent, extra):
    done = without([absent, "tf_transformations"], f"import depth_pc_ros.{module}")
    error = done.stderr.splitlines()[-1]
    assert (
        error == f"depth_pc_ros.errors.MissingExtraError: not installed: {absent} (pip install 'depth_pc_ros[{extra}]')"
    )


def test_models_are_found_where_the_environment_of_ros_is_not_sourced(monkeypatch):
    monkeypatch.delenv("AMENT_PREFIX_PATH", raising=False)
    assert (find_model("depth_pc_geo") / "config.json").is_file()


def test_every_missing_package_is_named():
    with pytest.raises(
        MissingExtraError, match=r"^not installed: no_such_a, no_such_b \(pip install 'depth_pc_ros\[x\]'\)"
    ):
        require("x", "no_such_a", "numpy", "no_such_b")
