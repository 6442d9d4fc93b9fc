"""What the arm and the camera may do wrong, and what they may do without being accused of it."""

import dataclasses

import numpy as np
import pytest
from point_loop import TICK_S, PointLoop

from depth_pc_ros.config import ControlConfig
from depth_pc_ros.control.base import ControlLaw
from depth_pc_ros.control.command_record import CommandRecord
from depth_pc_ros.control.motion_faults import motion_faults
from depth_pc_ros.control.motion_monitor import MotionMonitor
from depth_pc_ros.control.servo import Servo
from depth_pc_ros.geometry import se3
from depth_pc_ros.geometry.camera import Intrinsics
from depth_pc_ros.types import LawOutput, ServoState

FAULTS = {fault.text: fault for fault in motion_faults()}
FINE = {
    "nothing": {},
    "slow arm": {"speed": 0.2},
    "lag": {"lag_s": 0.3},
    "2 Hz": {"hz": 2},
    "noise": {"noise_px": 1.0},
    "mismatches": {"mismatches": 0.3},
    "points come and go": {"hidden": 0.4},
    "moving target": {"drift": 0.02},
    "moving target, from the goal": {"drift": 0.02, "offset": np.full(6, 1e-4)},
    "hand-eye": {"hand_eye": (0.03, 10.0)},
    "prior too large": {"prior": 3.0},
    "prior too small": {"prior": 0.33},
    "relief": {"relief_m": 0.2},
    "near the goal": {"offset": np.full(6, 0.005)},
    "limited": {"speed": 0.05, "obeyed": False},
}


@pytest.mark.parametrize("case", FINE)
@pytest.mark.parametrize("seed", range(2))
def test_no_false_alarm(case, seed):
    state = PointLoop(seed, **FINE[case]).run(2.0)
    assert state in (ServoState.SERVOING, ServoState.CONVERGED)


@pytest.mark.parametrize("seed", range(2))
def test_a_known_reason_for_a_slow_arm_is_none_for_one_that_stands_still(seed):
    loop = PointLoop(seed, speed=0.0, obeyed=False)
    assert loop.run(0.9) is ServoState.SERVOING
    loop = PointLoop(seed, speed=0.0, obeyed=False)
    assert loop.run(2.0) is ServoState.NOT_FOLLOWING


def assert_short(loop):
    assert loop.commanded[0] < 0.03
    assert loop.commanded[1] < 3.0


@pytest.mark.parametrize("offset", [(0.2, 0.1, -0.1, 0, 0, 0), (0.15, -0.1, 0.12, 0.1, 0.15, 0.5)])
@pytest.mark.parametrize("since_s", [0.0, 0.1, 0.6])
def test_a_dead_arm_is_not_following(offset, since_s):
    loop = PointLoop(0, offset, dead_s=since_s)
    assert loop.run(3.0) is ServoState.NOT_FOLLOWING
    assert "did not move" in loop.result.message
    assert loop.commanded[0] < 0.04 or loop.commanded[1] < 3.5  # one that dies at speed has to be told from a lag


@pytest.mark.parametrize("blocked_m", [0.003, 0.005, 0.01])
@pytest.mark.parametrize("offset", [(0.2, 0.1, -0.1, 0, 0, 0), (0.15, -0.1, 0.12, 0.1, 0.15, 0.5), np.full(6, 3e-3)])
def test_an_arm_that_is_blocked_close_to_the_goal_has_not_arrived(offset, blocked_m):
    loop = PointLoop(0, offset, blocked_m=blocked_m)
    assert loop.run(20.0) is ServoState.NOT_FOLLOWING
    assert loop.commanded[0] < 0.8


class Swinging(ControlLaw):
    """Turns to and fro at this speed, rad/s, for so many images each."""

    def __init__(self, speed, images):
        self.count, self.speed, self.images = -1, speed, images

    def __call__(self, observation):
        self.count += 1
        speed = self.speed if self.count % (2 * self.images) < self.images else -self.speed
        return LawOutput(np.array([0, 0, 0, 0, 0, speed]), observation.matched)


@pytest.mark.parametrize(("speed", "images"), [(0.06, 12), (0.2, 25)])  # close to the goal; near it and away again
def test_an_arm_that_moves_and_comes_no_nearer_is_not_taken_for_a_blocked_one(speed, images):
    loop = PointLoop(0, np.zeros(6), hz=25, points=40)
    servo, goal = Servo(ControlConfig(), Swinging(speed, images)), loop.servo.goal
    servo.set_goal(goal)
    loop.servo = servo
    assert loop.run(60.0) is ServoState.CONTRADICTED
    assert "no nearer" in loop.result.message


def test_an_arm_that_comes_no_nearer_in_a_picture_that_contradicts_is_ambiguous():
    loop = PointLoop(0, np.full(6, 3e-3), blocked_m=0.003)
    plain = loop.matches
    loop.matches = lambda: dataclasses.replace(plain(), agreement=0.2, doubt="80 % of the texture is elsewhere")
    assert loop.run(20.0) is ServoState.AMBIGUOUS
    assert "80 %" in loop.result.message


@pytest.mark.parametrize("offset", [(0.2, 0.1, -0.1, 0, 0, 0), (0.15, -0.1, 0.12, 0.1, 0.15, 0.5)])
@pytest.mark.parametrize("since_s", [0.0, 0.1, 0.6])
def test_a_frozen_stream_is_named(offset, since_s):
    loop = PointLoop(0, offset, frozen_s=since_s)
    assert loop.run(3.0) is ServoState.FROZEN
    assert_short(loop)


@pytest.mark.parametrize("text", [text for text in FAULTS if "exchanged" not in text])
def test_a_wrong_frame_is_named(text):
    fault = FAULTS[text]
    loop = PointLoop(0, executed=lambda twist: turned(fault, twist))
    assert loop.run(3.0) is ServoState.CONTRADICTED
    assert text in loop.result.message
    assert fault.advice in loop.result.message
    assert_short(loop)


def test_a_camera_that_circles_the_scene_and_keeps_it_in_place_follows():
    rng, intrinsics = np.random.default_rng(0), Intrinsics(540.0, 540.0, 319.5, 239.5, 640, 480)
    points = np.column_stack([rng.uniform(-0.05, 0.05, (60, 2)), rng.uniform(0.44, 0.46, 60)]) + (0.08, 0.0, 0.0)
    monitor = MotionMonitor(record := CommandRecord())
    T = np.eye(4)
    for k in range(100):
        turn = 0.0 if k < 20 else -0.2 / 0.45  # when the scene is in front of it
        twist = np.array([0.2, 0.0, 0.0, 0.0, turn, 0.0])
        seen = intrinsics.project(se3.transform(se3.inverse(T), points)) + 0.1 * rng.standard_normal((60, 2))
        assert monitor.see(intrinsics.normalise(seen), k * TICK_S, 0.69, 540.0, near=True) is None
        record.add(twist, k * TICK_S, (k + 1) * TICK_S)
        T = T @ se3.exp(TICK_S * twist)
    assert monitor.follows


@pytest.mark.parametrize("seed", range(12))
def test_a_few_matches_most_of_them_wrong_accuse_nobody(seed):
    rng, intrinsics = np.random.default_rng(seed), Intrinsics(540.0, 540.0, 319.5, 239.5, 640, 480)
    points = np.column_stack([rng.uniform(-0.25, 0.25, (10, 2)), rng.uniform(0.5, 0.7, 10)])
    monitor = MotionMonitor(record := CommandRecord())
    directions = rng.standard_normal((2, 3))
    full = np.concatenate(np.array([[0.1], [0.3]]) * directions / np.linalg.norm(directions, axis=1)[:, None])
    wrong, slide_px_s = 100 + 40.0 * np.arange(7)[:, None] + np.zeros(2), rng.normal(0, 60, (7, 2))
    T = np.eye(4)
    for k in range(100):
        seen = intrinsics.project(se3.transform(se3.inverse(T), points)) + 0.5 * rng.standard_normal((10, 2))
        seen[:7] = wrong + k * TICK_S * slide_px_s + rng.standard_normal((7, 2))
        assert monitor.see(intrinsics.normalise(seen), k * TICK_S, 0.6, 540.0) is None
        twist = min(1.0, k / 20) * full
        record.add(twist, k * TICK_S, (k + 1) * TICK_S)
        T = T @ se3.exp(TICK_S * twist)


def turned(fault, twist):
    return np.concatenate([fault.linear @ twist[:3], fault.angular @ twist[3:]])


def test_a_verdict_lasts_until_reset():
    loop = PointLoop(0, dead_s=0.0)
    loop.run(3.0)
    servo, stamp_s = loop.servo, 10.0
    servo.resume()
    assert servo.update(loop.matches(), stamp_s).state is ServoState.NOT_FOLLOWING
    assert not servo.answer().any()
    servo.reset()
    assert servo.update(loop.matches(), stamp_s + 1).state is ServoState.SERVOING


def test_until_it_is_seen_to_follow_the_camera_is_slow():
    lagging, prompt = PointLoop(0, lag_s=0.2), PointLoop(0)
    for loop in (lagging, prompt):
        loop.run(0.21)
    assert np.linalg.norm(lagging.servo.twist[:3]) <= lagging.servo.UNSEEN_LINEAR + 1e-9
    assert np.linalg.norm(prompt.servo.twist[3:]) > 2 * prompt.servo.UNSEEN_ANGULAR


def test_the_faults_are_different_motions():
    pairs = [np.concatenate([fault.linear, fault.angular]) for fault in FAULTS.values()]
    for k, pair in enumerate(pairs):
        assert not any(np.array_equal(pair, other) for other in pairs[:k])
        assert np.allclose(pair[:3] @ pair[:3].T, np.eye(3))
