import os
import subprocess
import sys
import time

import numpy as np
import pytest
from geometry_msgs.msg import PoseStamped, TwistStamped
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import CameraInfo, Image, JointState
from std_msgs.msg import Header
from std_srvs.srv import Trigger
from waits import WAIT_S

from depth_pc_ros.geometry import se3
from depth_pc_ros.nodes.base import LATCHED_QOS, TWIST_QOS
from depth_pc_ros.nodes.conversions import (
    depth_to_metres,
    image_to_rgb,
    pose_from_msg,
    stamp_to_seconds,
    twist_to_msg,
)
from depth_pc_ros.nodes.simulation_bridge import SimulationBridge

pytestmark = pytest.mark.ros

SMALL = {"width": 96, "height": 72, "focal_px": 80.0}
DT_S = 0.04


class Simulation:
    """A bridge with small images, what it publishes, and a source of commands."""

    def __init__(self, runner, **parameters):
        self.runner = runner
        self.poses = runner.listen(PoseStamped, "bridge/camera_pose")
        self.goals = runner.listen(PoseStamped, "bridge/goal_pose", LATCHED_QOS)
        self.node = runner.add(SimulationBridge, **{**SMALL, **parameters})
        self.commands = runner.publisher(TwistStamped, "bridge/command", TWIST_QOS)
        runner.wait(lambda: self.poses, "the first frame")

    def command(self, twist, stamp=None):
        header = Header(stamp=self.poses[-1].header.stamp if stamp is None else stamp)
        self.commands.publish(TwistStamped(header=header, twist=twist_to_msg(np.asarray(twist))))

    def answer(self, twist):
        """Lockstep: answer the newest frame and wait for the next one; its pose (4, 4)."""
        count = len(self.poses)
        self.command(twist)
        self.runner.wait(lambda: len(self.poses) > count, "the next frame")
        return self.pose()

    def pose(self):
        """Newest true `T_world_cam` (4, 4)."""
        return pose_from_msg(self.poses[-1].pose)

    def stamps_s(self):
        return [stamp_to_seconds(pose.header.stamp) for pose in self.poses]

    def trigger(self, service):
        """Call a service; the pose of the first frame after it."""
        answer = self.runner.call(Trigger, f"bridge/{service}", Trigger.Request())
        assert answer.success, answer.message
        count = len(self.poses)
        self.runner.wait(lambda: len(self.poses) > count + 1, "a frame after the jump")
        return self.pose()


@pytest.fixture
def simulate(runner):
    """Makes a Simulation; closes its world in the thread that used it."""
    made = []

    def make(**parameters):
        made.append(Simulation(runner, **parameters))
        return made[-1]

    yield make
    for simulation in made:
        runner.wait(runner.executor.create_task(simulation.node.trigger_shutdown).done, "the end of the simulation")


@pytest.fixture
def lockstep(simulate):
    return simulate(lockstep=True, idle_s=10.0)


def test_a_frame_is_complete_and_carries_one_simulated_time(runner, simulate, simulator):
    heard = {
        topic: runner.listen(kind, topic)
        for topic, kind in (("/clock", Clock), ("bridge/camera_info", CameraInfo))
    }  # fmt: skip
    images = runner.listen(Image, "bridge/image", 1)
    depths = runner.listen(Image, "bridge/depth_image", 1)
    simulation = simulate(lockstep=True, idle_s=0.05, simulator=simulator)
    runner.wait(lambda: len(images) > 2 and len(depths) > 2 and heard["bridge/camera_info"], "frames")
    rgb, depth_m = image_to_rgb(images[0]), depth_to_metres(depths[0])
    assert rgb.shape == (72, 96, 3)
    assert rgb.std() > 10
    assert 0.2 < np.nanmedian(depth_m) < 2.0
    info = heard["bridge/camera_info"][0]
    assert (info.width, info.height, info.k[0], info.k[2], info.k[5]) == (96, 72, 80.0, 47.5, 35.5)
    assert {msg.header.frame_id for msg in (*images, *depths, info)} == {"camera_optical_frame"}
    ticks = [stamp_to_seconds(msg.clock) for msg in heard["/clock"]]
    assert {stamp_to_seconds(msg.header.stamp) for msg in images} <= set(ticks)
    np.testing.assert_allclose(np.diff(simulation.stamps_s()), DT_S, atol=1e-9)
    assert simulation.poses[0].header.frame_id == "world"


def test_lockstep_integrates_each_command_for_exactly_one_step(lockstep):
    twist = np.array([0.1, -0.05, 0.02, 0.3, -0.2, 0.5])
    start = lockstep.pose()
    for _ in range(5):
        end = lockstep.answer(twist)
    np.testing.assert_allclose(se3.log(se3.inverse(start) @ end), 5 * DT_S * twist, atol=1e-9)


def test_lockstep_waits_for_the_answer_to_its_newest_frame(lockstep):
    first = lockstep.poses[0].header.stamp
    lockstep.answer([0.1, 0, 0, 0, 0, 0])
    count = len(lockstep.poses)
    lockstep.command([0.1, 0, 0, 0, 0, 0], stamp=first)
    time.sleep(0.3)
    assert len(lockstep.poses) == count


def test_lockstep_goes_on_without_motion_when_commands_stop(runner, simulate):
    simulation = simulate(lockstep=True, idle_s=0.05, lockstep_timeout_s=0.5)
    moved = simulation.answer([0.1, 0, 0, 0, 0, 0])
    count = len(simulation.poses)
    began_s = time.monotonic()
    runner.wait(lambda: len(simulation.poses) > count, "the frame after the timeout")
    assert time.monotonic() - began_s > 0.4
    runner.wait(lambda: len(simulation.poses) > count + 3, "idle frames")
    assert np.array_equal(simulation.pose(), moved)


def test_the_same_commands_give_the_same_poses_bit_for_bit(runner, simulate):
    simulation = simulate(lockstep=True, idle_s=0.05)
    rng = np.random.default_rng(5)
    twists = 0.2 * rng.standard_normal((20, 6))
    runs = []
    for idle_frames in (3, 8):
        simulation.trigger("reset")
        count = len(simulation.poses)
        runner.wait(lambda least=count + idle_frames: len(simulation.poses) > least, "idle frames")
        runs.append([simulation.answer(twist) for twist in twists])
    assert np.array_equal(*runs)


def test_reset_and_look_from_goal(simulate):
    simulation = simulate(lockstep=True, idle_s=0.05)
    start = simulation.pose()
    goal = pose_from_msg(simulation.goals[-1].pose)
    assert se3.pose_error(start, goal)[0] > 0.1
    te_m, re_deg = se3.pose_error(simulation.trigger("look_from_goal"), goal)
    assert te_m < 1e-6
    assert re_deg < 1e-4
    te_m, re_deg = se3.pose_error(simulation.trigger("reset"), start)
    assert te_m < 1e-6
    assert re_deg < 1e-4


def test_real_time_moves_until_the_command_is_too_old(runner, simulate):
    simulation = simulate(command_timeout_s=0.3)
    start, began_s = simulation.pose(), simulation.stamps_s()[-1]
    simulation.command([0.1, 0, 0, 0, 0, 0])
    runner.wait(lambda: simulation.stamps_s()[-1] > began_s + 1.0, "the end of the motion")
    stopped = simulation.pose()
    assert np.linalg.norm(stopped[:3, 3] - start[:3, 3]) == pytest.approx(0.03, abs=1e-3)
    count = len(simulation.poses)
    runner.wait(lambda: len(simulation.poses) > count + 2, "more frames")
    assert np.array_equal(simulation.pose(), stopped)


def test_real_time_follows_the_wall_clock(runner, simulate):
    simulation = simulate()
    first, began_s = len(simulation.poses), time.monotonic()
    runner.wait(lambda: len(simulation.poses) > first + 10, "frames")
    stamps_s = simulation.stamps_s()
    assert stamps_s[-1] - stamps_s[first] == pytest.approx(time.monotonic() - began_s, abs=0.15)
    assert np.min(np.diff(stamps_s)) > 0


def test_a_command_that_is_not_finite_moves_nothing(runner, simulate):
    simulation = simulate()
    start = simulation.pose()
    simulation.command([0, np.nan, 0, 0, 0, 0])
    count = len(simulation.poses)
    runner.wait(lambda: len(simulation.poses) > count + 3, "frames")
    assert np.array_equal(simulation.pose(), start)


def test_the_arm_publishes_its_joints_and_moves_the_camera_with_the_tool(runner, simulate, simulator):
    joints = runner.listen(JointState, "joint_states")
    simulation = simulate(rig="arm", lockstep=True, idle_s=10.0, simulator=simulator)
    start = simulation.pose()
    end = simulation.answer([0, 0, 0.05, 0, 0, 0])
    np.testing.assert_allclose(np.linalg.norm(end[:3, 3] - start[:3, 3]), 0.05 * DT_S, rtol=0.02)
    runner.wait(lambda: len(joints) >= 2, "joint states")
    assert len(joints[-1].name) == len(joints[-1].position) == 7
    assert list(joints[0].position) != list(joints[-1].position)


@pytest.mark.parametrize(
    ("options", "environment", "expected"),
    [
        ({"scene": "ycb", "ycb_root": "/no/such/folder"}, {}, "/no/such/folder"),
        ({"simulator": "mujoco"}, {"__EGL_VENDOR_LIBRARY_DIRS": "/no/such/folder"}, "apt install libegl1"),
        ({"simulator": "mujoco", "renderer": "tiny"}, {}, "renderer: 'tiny' is PyBullet's"),
        ({"rig": "arm", "arm_model": "ur5e"}, {}, "arm_model: 'ur5e' needs rig 'arm' and simulator 'mujoco'"),
    ],
)
def test_what_is_missing_is_one_clear_line(options, environment, expected):
    if options.get("simulator") == "mujoco":
        pytest.importorskip("mujoco")
    words = [word for name, value in options.items() for word in ("-p", f"{name}:={value}")]
    command = [sys.executable, "-m", "depth_pc_ros.nodes.simulation_bridge", "--ros-args", *words]
    environment = {**os.environ, **environment}
    done = subprocess.run(command, capture_output=True, text=True, timeout=WAIT_S, check=False, env=environment)
    assert done.returncode == 1
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("SimulationBridge:")]
    assert expected in line
    assert "Traceback" not in done.stderr
