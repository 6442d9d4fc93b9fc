"""Every example runs, reaches its goal, and says in one line what is missing."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from depth_pc_ros.config import PipelineConfig
from depth_pc_ros.files.video_file import VideoFile
from depth_pc_ros.geometry import se3
from depth_pc_ros.geometry.interaction import interaction_matrix
from depth_pc_ros.types import Observation

EXAMPLES = Path(__file__).parents[2] / "examples"
SCRIPTS = sorted(path.name for path in EXAMPLES.glob("*.py"))
SIMULATED = ["servo_in_simulation.py", "own_matcher.py", "own_control_law.py"]
OUTCOME = re.compile(r"CONVERGED after (\d+) images: ([\d.]+) mm and ([\d.]+) degrees from the goal, (\d+) matches\n")


def run(script, *words, code="pass"):
    """A finished process of one example. code: runs before it, in the same interpreter."""
    path = str(EXAMPLES / script)
    lines = (
        "import runpy, sys",
        code,
        f"sys.path.insert(0, {str(EXAMPLES)!r})",
        f"sys.argv[:] = {[path, *words]}",
        f"runpy.run_path({path!r}, run_name='__main__')",
    )
    command = [sys.executable, "-c", "\n".join(lines)]
    return subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)


@pytest.mark.parametrize("script", SIMULATED)
def test_a_simulated_servo_ends_at_the_goal(script):
    done = run(script, "--seed", "1", "--level", "S")
    assert (done.returncode, done.stderr) == (0, "")
    steps, te_mm, re_deg, matches = map(float, OUTCOME.fullmatch(done.stdout).groups())
    assert te_mm < 0.5
    assert re_deg < 0.05
    assert steps < 150
    assert matches >= 50


@pytest.mark.parametrize("script", SCRIPTS)
def test_help_is_there_and_the_docstring_names_the_command(script):
    done = run(script, "--help")
    assert done.returncode == 0
    assert "usage:" in done.stdout
    assert f"python examples/{script}" in (EXAMPLES / script).read_text().split('"""')[1]


@pytest.mark.parametrize("script", SCRIPTS)
def test_what_is_not_installed_is_named_in_one_line(script):
    missing = "rclpy" if script == "own_arm_driver.py" else "pybullet"
    done = run(script, code=f"sys.modules[{missing!r}] = None")
    assert done.returncode == 1
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert missing in done.stderr


def test_a_run_that_does_not_arrive_is_a_failure(example, capsys):
    simulation = example("servo_in_simulation")
    with simulation.SimWorld(seed=1, level="S") as world:
        pipeline = simulation.ServoPipeline.from_config(controller="pbvs")
        result, steps = simulation.servo(pipeline, world, max_steps=3)
        assert simulation.report(world, result, steps) == 1
    assert capsys.readouterr().out.startswith("SERVOING after 3 images")


def test_a_hand_held_video_comes_to_its_goal(example, tmp_path, T_world_goal, move):
    start = move(T_world_goal, (0.1, 0.0, 0.05), roll_deg=20.0)
    poses = list(example("hand_held_video").walk(start, T_world_goal, 40, seed=0))
    te_m, re_deg = zip(*(se3.pose_error(pose, T_world_goal) for pose in poses), strict=True)
    assert te_m[0] == pytest.approx(0.11, abs=0.02)
    assert max(te_m[31:]) < 0.003
    assert max(re_deg[31:]) < 0.3
    assert (te_m[-1], re_deg[-1]) == pytest.approx((0, 0), abs=1e-6)
    done = run("hand_held_video.py", str(tmp_path / "walk.avi"), "--seconds", "1")
    assert (done.returncode, done.stderr) == (0, "")
    video = VideoFile(tmp_path / "walk.avi")
    assert (video.count, video.size) == (12, (640, 480))


def test_own_matcher_compares_by_the_hellinger_kernel(example, plane, intrinsics, T_world_goal):
    matcher = example("own_matcher").RootSiftMatcher(PipelineConfig(matcher="sift"))
    image = plane.view(T_world_goal, intrinsics)
    features = matcher.detect(image)
    assert len(features.points) > 200
    np.testing.assert_allclose(np.linalg.norm(features.descriptors, axis=1), 1, atol=1e-5)
    assert len(matcher.detect(np.zeros_like(image)).points) == 0


def observation(T_cam_goal, count=40) -> Observation:
    """Points of a plane 0.6 m before the goal camera, seen from a camera whose pose in it is the inverse."""
    goal = np.random.default_rng(0).uniform(-0.3, 0.3, (count, 2))
    points = 0.6 * np.column_stack([goal, np.ones(count)])
    now = se3.transform(T_cam_goal, points)
    unknown = np.full(count, np.nan)
    return Observation(goal, now[:, :2] / now[:, 2:], np.ones(count, bool), unknown, unknown, 0.6, 540.0)


def test_own_control_law_splits_the_motion(example):
    law = example("own_control_law").PartitionedIbvs()
    for rotation in (0.5, -3.0):
        T_cam_goal = se3.exp(np.array([0.0, 0.0, 0.1, 0.0, 0.0, 0.0])) @ se3.exp(np.array([0, 0, 0, 0, 0, rotation]))
        twist = law(observation(T_cam_goal)).twist
        np.testing.assert_allclose(twist, [0, 0, 0.1, 0, 0, rotation], atol=1e-6)  # OpenCV fits in float32
    np.testing.assert_allclose(law(observation(np.eye(4))).twist, 0, atol=1e-6)


def test_own_control_law_removes_a_small_error_at_unit_gain(example):
    law = example("own_control_law").PartitionedIbvs()
    seen = observation(se3.exp(np.array([0.004, -0.003, 0.002, 0.003, -0.002, 0.01])))
    twist = law(seen).twist
    error = (seen.current - seen.goal).ravel()
    motion = interaction_matrix(seen.current, np.full(len(seen.goal), 0.6)).reshape(-1, 6) @ twist
    assert np.linalg.norm(error + motion) < 0.05 * np.linalg.norm(error)
