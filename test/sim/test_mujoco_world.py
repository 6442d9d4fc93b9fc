"""The second simulator: scenes that MuJoCo settles, the interface of `SimWorld`, what is said where MuJoCo lacks."""

import os
import re
import subprocess
import sys

import numpy as np
import pytest

from depth_pc_ros.errors import SceneError
from depth_pc_ros.geometry import se3
from depth_pc_ros.geometry.camera import Intrinsics
from depth_pc_ros.sim.arm_models import PANDA
from depth_pc_ros.sim.scenes import RADIUS_M, Body, Scene, make_scene
from depth_pc_ros.sim.simulators import open_world
from depth_pc_ros.sim.ycb import ycb_names

SMALL = Intrinsics(270.0, 270.0, 159.5, 119.5, 320, 240)


@pytest.fixture(scope="module")
def scene(mujoco) -> Scene:
    return make_scene("printed", 0, simulator=mujoco)


@pytest.fixture
def open_mujoco(mujoco, scene):
    """Opens a world with small images and, unless told otherwise, the scene of seed 0."""
    opened = []

    def open_one(**options):
        opened.append(open_world(mujoco, **{"scene": scene, "intrinsics": SMALL, **options}))
        return opened[-1]

    yield open_one
    for world in opened:
        world.close()
        world.close()


def test_a_seed_names_one_scene_at_rest_on_the_table(scene):
    assert make_scene("printed", 0, simulator="mujoco") == scene
    assert sorted(body.asset for body in scene.bodies) == ["can"] * 5 + ["package"] * 7
    positions = np.array([body.position_m for body in scene.bodies])
    assert (np.hypot(positions[:, 0], positions[:, 1]) < RADIUS_M).all()
    assert (positions[:, 2] > 0.01).all()
    assert (positions[:, 2] < 0.2).all()


@pytest.mark.parametrize("asset", ["package", "can"])
def test_what_falls_comes_to_rest_flat(mujoco, asset):
    from depth_pc_ros.sim.mujoco_settle import settle

    (body,) = settle([Body(asset, (0.0, 0.0, 0.1), (0.0, 0.0, 0.0, 1.0), (0.06, 0.06, 0.04))], None, RADIUS_M)
    assert body.position_m[2] == pytest.approx(0.02, abs=1e-3)
    assert np.linalg.norm(body.position_m[:2]) < 1e-3


def test_a_model_of_pybullet_cannot_fall_in_mujoco(mujoco):
    from depth_pc_ros.sim.mujoco_settle import settle

    with pytest.raises(SceneError, match=r"duck_vhacd\.urdf"):
        settle([Body("pybullet/duck_vhacd.urdf", (0.0, 0.0, 0.1), (0.0, 0.0, 0.0, 1.0))], None, RADIUS_M)


def test_both_simulators_see_the_same_scene_alike(open_mujoco, scene, egl):
    world = open_mujoco()
    rgb, depth_m, T = world.goal_view()
    with open_world("pybullet", scene=scene, intrinsics=SMALL, renderer=egl) as other:
        other_rgb, other_depth_m = other.view(T)
    assert (np.abs(depth_m - other_depth_m) > 1e-5).mean() < 1e-3  # a pixel of an edge may be either side's
    assert np.median(np.abs(rgb.astype(int) - other_rgb)) <= 2


def test_equal_worlds_are_equal_bit_for_bit_and_the_camera_moves(open_mujoco):
    twist = np.array([0.1, 0.05, -0.1, 0.2, -0.1, 0.3])
    records = []
    for _ in range(2):
        world = open_mujoco(seed=2)
        start = world.render()
        world.step(twist, 0.05)
        records.append([*world.goal_view(), *start, *world.render(), world.camera_pose])
        error = se3.pose_error(world.camera_pose, world.start_pose @ se3.exp(0.05 * twist))
        assert error == pytest.approx((0, 0), abs=1e-9)
    assert all(np.array_equal(a, b) for a, b in zip(*records, strict=True))
    assert (records[0][3] != records[0][5]).any()
    world.look_from_goal()
    assert world.pose_error() == (0.0, 0.0)
    assert np.array_equal(world.render()[0], records[0][0])


def test_the_arm_carries_the_camera_and_is_seen_from_elsewhere(open_mujoco):
    world = open_mujoco(rig="arm")
    q = world.rig.joint_positions
    goal_rgb, _, T_world_goal = world.goal_view()
    assert np.array_equal(world.rig.joint_positions, q)
    twist_cam = np.array([0.05, -0.1, 0.08, 0.1, 0.2, -0.3])
    for _ in range(10):
        world.step(se3.adjoint(PANDA.T_tool_cam) @ twist_cam, 0.02)
    error_m, error_deg = se3.pose_error(world.camera_pose, world.start_pose @ se3.exp(0.2 * twist_cam))
    assert error_m < 1e-5
    assert error_deg < 1e-3
    beside = se3.look_at(np.array([-0.5, 1.6, 0.5]), np.array([-0.5, 0.0, 0.4]), np.array([0.0, 0.0, 1.0]))
    here = world.view(beside)[1]
    world.look_from_goal()
    assert np.array_equal(world.render()[0], goal_rgb)
    there = world.view(beside)[1]
    arm = (there > 1.4) & (there < 1.8)  # in front of the table's far half
    assert arm.mean() > 0.02
    assert (np.abs(here - there) > 0.05).mean() > 0.002  # it has moved
    assert se3.pose_error(world.camera_pose, T_world_goal)[0] < 1e-4


def test_ycb_objects_fall_in_mujoco(open_mujoco, mujoco, ycb_root, mesh_cache):
    all_of_them = make_scene("ycb", 3, ycb_root, simulator=mujoco)
    assert 8 <= len(all_of_them.bodies) <= 12
    positions = np.array([body.position_m for body in all_of_them.bodies])
    assert (np.hypot(positions[:, 0], positions[:, 1]) < 1.2 * RADIUS_M).all()
    assert (positions[:, 2] > 0).all()
    assert (positions[:, 2] < 0.3).all()
    two = make_scene("ycb", 3, ycb_root, ycb_names(ycb_root)[:2], simulator=mujoco)
    _, depth_m, T = open_mujoco(scene=two, ycb_root=ycb_root, cache_dir=mesh_cache).goal_view()
    assert (T[2, 3] - depth_m > 0.03).mean() > 0.01


@pytest.mark.parametrize(
    ("options", "message"), [({"rig": "boat"}, "rig"), ({"scene": "moon"}, "scene"), ({"level": "Z"}, "level")]
)
def test_bad_arguments_are_named(open_mujoco, options, message):
    with pytest.raises(SceneError, match=message):
        open_mujoco(**options)


OPEN = "from depth_pc_ros.sim.simulators import open_world; print(open_world('mujoco').render()[1].min() > 0.1)"


def opened_elsewhere(code: str, **environment) -> subprocess.CompletedProcess:
    """Run Python code in a process with more environment variables."""
    command = [sys.executable, "-c", code]
    return subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True, check=False)


def test_mujoco_alone_is_enough(mujoco):
    """The free camera in a process without PyBullet and moderngl; nothing is printed when it ends."""
    done = opened_elsewhere(f"import sys; sys.modules.update(dict.fromkeys(['pybullet', 'moderngl'])); {OPEN}")
    assert (done.returncode, done.stdout, done.stderr) == (0, "True\n", "")


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({"__EGL_VENDOR_LIBRARY_DIRS": "/no/such/folder"}, "mujoco: EGL does not start here .*libegl1 libgl1-mesa-dri"),
        ({"MUJOCO_GL": "vulkan"}, "MUJOCO_GL: expected egl, osmesa or nothing, got 'vulkan'"),
    ],
)
def test_without_opengl_one_line_says_what_to_install(mujoco, environment, message):
    done = opened_elsewhere(OPEN, **environment)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("depth_pc_ros.errors.SceneError: ")
    assert re.search(message, done.stderr.splitlines()[-1])
