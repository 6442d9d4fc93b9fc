"""The real nodes in their own processes, from goal image to motion. Waits are on conditions, with hard timeouts."""

import runpy
import signal
import time
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs rclpy: run scripts/setup.sh, or source a ROS 2 environment")

from geometry_msgs.msg import PoseStamped, TwistStamped
from sensor_msgs.msg import Image
from std_msgs.msg import Header
from waits import SLOW_MACHINE_S, WAIT_S

from depth_pc_interfaces.msg import ServoStatus
from depth_pc_ros.bringup.route_drive import RouteDrive
from depth_pc_ros.files.route_file import read_route
from depth_pc_ros.geometry import se3
from depth_pc_ros.nodes.base import IMAGE_QOS, TWIST_QOS
from depth_pc_ros.nodes.conversions import pose_from_msg, twist_to_msg
from depth_pc_ros.sim.arm_models import PANDA

pytestmark = [pytest.mark.ros, pytest.mark.slow]

ROOT = Path(__file__).parents[2]
INPUT_TIMEOUT_S = 0.5  # of the controller, and its limit on an image's age


def converge(servo) -> np.ndarray:
    """Servo from the start pose until the controller says so; the final true camera pose (4, 4)."""
    servo.client.enable(True)
    servo.client.wait_for(lambda status: status.state == ServoStatus.CONVERGED, timeout_s=2 * WAIT_S)
    servo.client.enable(False)
    servo.client.wait_for_fresh_matches()
    return servo.client.camera_pose


@pytest.mark.parametrize("seed", [0, 1])
def test_converges_and_a_second_run_repeats_it_bit_for_bit(start_servo, seed):
    law, idle_s = ("depth_pc_geo", 1.0) if seed == 0 else ("pbvs", 0.3)
    servo = start_servo(seed=seed, lockstep=True, controller=law, idle_s=idle_s)
    servo.prepare()
    final = converge(servo)
    te_m, re_deg = se3.pose_error(final, servo.client.goal_pose)
    assert te_m < 3e-3
    assert re_deg < 0.3
    if seed == 0:
        servo.client.reset()
        assert np.array_equal(converge(servo), final)


def test_when_images_stop_the_arm_stops_within_the_timeout(start_servo):
    servo = start_servo(image="/depth_pc/relay/image")
    node = servo.client.node
    relay = node.create_publisher(Image, "relay/image", 1)
    relayed_s = []
    plugged = True

    def pass_on(image: bytes):
        if plugged:
            relayed_s.append(time.monotonic())
            relay.publish(image)

    node.create_subscription(Image, "bridge/image", pass_on, IMAGE_QOS, raw=True)
    servo.prepare()
    servo.start_moving()
    plugged = False
    servo.wait_for_stop()
    first_zero_s = servo.commands.times_s[servo.commands.last_motion() + 1]
    assert first_zero_s - relayed_s[-1] < INPUT_TIMEOUT_S + SLOW_MACHINE_S
    status = servo.client.status
    assert status.state == ServoStatus.STALE_INPUT
    assert "matched image" in status.message


def test_a_killed_keypoint_node_stops_the_motion(start_servo):
    servo = start_servo()
    servo.prepare()
    servo.start_moving()
    killed_s = time.monotonic()
    servo.processes.send_signal("keypoints", signal.SIGKILL)
    servo.wait_for_stop()
    first_zero_s = servo.commands.times_s[servo.commands.last_motion() + 1]
    assert first_zero_s - killed_s < INPUT_TIMEOUT_S + SLOW_MACHINE_S
    assert servo.client.status.state == ServoStatus.STALE_INPUT


def test_a_killed_depth_node_is_started_again_while_the_servo_goes_on(start_servo, tiny_depth_model):
    servo = start_servo(depth="estimated", depth_model=str(tiny_depth_model), controller="ibvs", level="L")
    servo.prepare()
    servo.start_moving()
    servo.client.wait_for(lambda status: status.depth_source == "estimated" and status.depth_age_s < 1.0)
    servo.processes.send_signal("depth", signal.SIGKILL)
    servo.client.wait_for(lambda status: status.depth_source == "goal")
    servo.client.wait_for(lambda status: status.state in (ServoStatus.SERVOING, ServoStatus.LIMITED))
    servo.client.wait_for(lambda status: servo.twists.moving)

    def is_back(status):
        servo.processes.check()  # starts it again, as bringup does: until it lives
        return status.depth_source == "estimated"

    servo.client.wait_for(is_back)


@pytest.mark.parametrize("name", ["adapter", "controller"])
def test_sigint_while_moving_ends_with_zeros(start_servo, name):
    servo = start_servo()
    servo.prepare()
    servo.start_moving()
    servo.processes.send_signal(name, signal.SIGINT)
    heard = servo.commands if name == "adapter" else servo.twists
    servo.wait(lambda: heard.silent_s() > 0.5, "silence")
    assert not heard.values[-1].any()
    assert servo.processes.wait(name, timeout_s=WAIT_S) == 0


@pytest.mark.parametrize("name", ["adapter", "controller"])
def test_after_a_process_was_frozen_the_arm_starts_from_rest(start_servo, name):
    servo = start_servo(level="L", check_motion=False)
    servo.prepare()
    servo.start_moving()
    servo.wait(lambda: np.linalg.norm(servo.commands.values[-1][:3]) > 0.1, "speed")
    count = len(servo.commands.values)
    servo.processes.send_signal(name, signal.SIGSTOP)
    time.sleep(0.4)
    servo.processes.send_signal(name, signal.SIGCONT)
    servo.wait(lambda: not all(twist.any() for twist in servo.commands.values[count:]), "the zeros")
    zero = next(i for i, twist in enumerate(servo.commands.values) if i >= count and not twist.any())
    servo.wait(lambda: servo.commands.moving and len(servo.commands.values) > zero + 20, "motion again")
    speeds = np.linalg.norm([twist[:3] for twist in servo.commands.values], axis=1)
    assert (np.diff(speeds) <= 0.04 + 1e-9).all()  # 2 m/s^2, one period


def test_a_killed_adapter_is_missed(start_servo):
    servo = start_servo()
    servo.prepare()
    servo.start_moving()
    servo.processes.send_signal("adapter", signal.SIGKILL)
    status = servo.client.wait_for(lambda status: status.state == ServoStatus.ADAPTER_LOST)
    assert "twist adapter" in status.message
    servo.wait(lambda: servo.twists.silent_s() > 0.5, "silence")
    assert not servo.twists.values[-1].any()


def test_a_second_goal_while_moving_is_servoed_to_from_standstill(start_servo):
    servo = start_servo(lockstep=True)
    servo.client.wait_for_fresh_matches()
    start_image, _, _ = servo.client.frame()
    start_pose = servo.client.camera_pose
    servo.prepare()
    first = servo.client.status.goal_id
    servo.start_moving()
    servo.wait(lambda: np.linalg.norm(servo.twists.values[-1][:3]) > 0.1, "speed")
    count = len(servo.twists.values)
    answer = servo.client.set_goal(start_image, distance=0.7)
    assert answer.goal_id > first
    servo.client.wait_for(lambda status: status.goal_id == answer.goal_id)
    servo.client.wait_for(lambda status: status.state == ServoStatus.CONVERGED, timeout_s=2 * WAIT_S)
    te_m, re_deg = se3.pose_error(servo.client.camera_pose, start_pose)
    assert te_m < 3e-3
    assert re_deg < 0.3
    rises = np.diff([np.linalg.norm(twist[:3]) for twist in servo.twists.values[count - 1 :]])
    interval_s = np.maximum(np.diff(servo.twists.stamps_s[count - 1 :]), 0.04)  # longer where an answer was delayed
    assert rises.min() < -0.04  # a stop in between; servoing slows down by some percent a step
    assert (rises < 1.05 * interval_s).all()  # then a ramp: 1 m/s^2


def test_a_taught_route_is_repeated_there_and_back_without_a_stop(start_servo, tmp_path):
    """`scripts/route_trial.py` does more of it."""
    route_trial = runpy.run_path(str(ROOT / "scripts" / "route_trial.py"))
    servo = start_servo(lockstep=True)
    poses = route_trial["teach"](servo.client, tmp_path / "route")
    views, watch = read_route(tmp_path / "route"), route_trial["Watch"](servo.client, poses)
    RouteDrive(servo.client, views, back=True, timeout_s=2 * WAIT_S, say=watch.hear).run()
    [(te_mm, re_deg)] = watch.errors  # of the first view, which is the last one to be reached
    assert te_mm < 1.0
    assert re_deg < 0.1
    assert watch.rests == 0


def test_single_axis_twists_through_the_adapter_move_the_camera_of_the_arm_just_so(start_servo):
    servo = start_servo(only=("bridge", "adapter"), rig="arm", lockstep=True)
    node = servo.client.node
    poses = []
    node.create_subscription(PoseStamped, "bridge/camera_pose", poses.append, 10)
    twists = node.create_publisher(TwistStamped, "controller/twist_cmd", TWIST_QOS)
    servo.wait(lambda: twists.get_subscription_count() == 2 and poses, "adapter and bridge")  # this test listens too
    dt_s = 0.04
    adjoint = se3.adjoint(PANDA.T_tool_cam)
    for axis in range(6):
        twist = 0.05 * np.eye(6)[axis]
        before, count = poses[-1], len(servo.commands.values)
        header = Header(stamp=before.header.stamp, frame_id=before.header.frame_id)
        twists.publish(TwistStamped(header=header, twist=twist_to_msg(twist)))
        servo.wait(lambda before=before: poses[-1].header.stamp != before.header.stamp, "the next frame")
        servo.wait(lambda count=count: len(servo.commands.values) > count, "the tool's twist")
        np.testing.assert_allclose(servo.commands.values[count], adjoint @ twist, atol=1e-9)
        T_before, T_after = pose_from_msg(before.pose), pose_from_msg(poses[-1].pose)
        moved = se3.log(se3.inverse(T_before) @ T_after) / dt_s
        np.testing.assert_allclose(moved, twist, atol=2e-3)


def test_two_arms_in_one_domain_each_reach_their_own_goal(start_servo):
    only = ("bridge", "keypoints", "controller", "adapter")
    arms = [
        start_servo(only, check_motion=False, namespace=f"/{side}", seed=seed)
        for seed, side in enumerate(("left", "right"))
    ]
    topics = {topic for topic, _ in arms[0].client.node.get_topic_names_and_types()}
    shared = {topic for topic in topics if not topic.startswith(("/left/", "/right/", "/test_"))}
    assert shared <= {"/diagnostics", "/parameter_events", "/rosout"}
    for arm in arms:
        arm.prepare()
    arms[0].client.enable(True)
    arms[0].wait(lambda: arms[0].twists.moving and arms[0].commands.moving, "motion of the left arm")
    assert not arms[1].twists.values  # a call to one arm moves that arm only
    arms[1].client.enable(True)
    finals = [converge(arm) for arm in arms]
    for arm, final in zip(arms, finals, strict=True):
        te_m, re_deg = se3.pose_error(final, arm.client.goal_pose)
        assert te_m < 3e-3
        assert re_deg < 0.3
    assert se3.pose_error(*finals)[0] > 0.02  # these goals are not the same
