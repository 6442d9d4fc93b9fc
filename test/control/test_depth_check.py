"""Measured depth in wrong units or of a wrong scale, from the goal, from the live camera, or from both."""

import numpy as np
import pytest

from depth_pc_ros.config import ControlConfig
from depth_pc_ros.control.command_record import CommandRecord
from depth_pc_ros.control.depth_check import DepthCheck
from depth_pc_ros.control.servo import Servo
from depth_pc_ros.geometry import se3
from depth_pc_ros.geometry.camera import Intrinsics
from depth_pc_ros.types import Goal, Matches, Observation

TICK_S = 0.02
DEPTH_M = np.linspace(0.5, 0.7, 30)


class Camera:
    """Moves as commanded, times `speed`, behind `lag_s`; its pose has lengths times `factor`."""

    def __init__(self, factor=1.0, speed=1.0, lag_s=0.0, live=1.0, noise_m=0.0):
        self.record = CommandRecord()
        self.check = DepthCheck(self.record)
        self.factor, self.speed, self.lag, self.live, self.noise_m = factor, speed, round(lag_s / TICK_S), live, noise_m
        self.T_goal_cam = se3.from_rt(se3.exp_so3(np.array([0.1, -0.2, 0.3])), np.array([0.1, -0.1, -0.2]))
        self.goal = np.random.default_rng(0).uniform(-0.3, 0.3, (30, 2))
        self.rng = np.random.default_rng(1)
        self.sent, self.tick = [np.zeros(6)] * self.lag, 0

    def move(self, path_m, twist) -> str:
        """Command so much path; the problem found on it."""
        for _ in range(round(path_m / (np.linalg.norm(twist[:3]) * TICK_S))):
            problem = self.see()
            if problem:
                return problem
            self.record.add(twist, self.tick * TICK_S, (self.tick + 1) * TICK_S)
            self.sent.append(twist)
            self.T_goal_cam = self.T_goal_cam @ se3.exp(self.speed * TICK_S * self.sent[self.tick])
            self.tick += 1
        return ""

    def see(self) -> str:
        T_cam_goal = se3.inverse(self.T_goal_cam)
        rays = np.column_stack([self.goal, np.ones(30)])
        live_m = self.live * se3.transform(T_cam_goal, rays * DEPTH_M[:, None])[:, 2]
        T_cam_goal[:3, 3] = self.factor * T_cam_goal[:3, 3] + self.noise_m * self.rng.standard_normal(3)
        seen = np.ones(30, bool)
        observation = Observation(self.goal, self.goal, seen, self.factor * DEPTH_M, self.factor * live_m, 0.6, 540.0)
        return self.check.see(T_cam_goal, observation, seen, self.tick * TICK_S)


STRAIGHT = np.array([0.15, 0.1, 0.15, 0.0, 0.0, 0.0])
TURNING = np.array([0.15, 0.1, 0.15, 0.3, -0.2, 0.6])


@pytest.mark.parametrize("twist", [STRAIGHT, TURNING])
@pytest.mark.parametrize("factor", [3.0, 10.0])
def test_depth_that_is_too_large_is_found_within_a_decimetre(twist, factor):
    assert f"{factor:.2g} times too large" in Camera(factor).move(0.1, twist)


@pytest.mark.parametrize("factor", [0.2, 0.1])
def test_depth_that_is_too_small_is_found_while_the_camera_turns(factor):
    assert "times too small" in Camera(factor).move(0.25, TURNING)


@pytest.mark.parametrize("twist", [STRAIGHT, TURNING])
@pytest.mark.parametrize(
    "case", [{}, {"speed": 0.2}, {"lag_s": 0.3}, {"noise_m": 0.002}, {"factor": 1.15}, {"factor": 0.87}]
)
def test_right_depth_is_kept(twist, case):
    camera = Camera(**case)
    assert camera.move(0.4, twist) == ""
    assert camera.move(0.1, 0.1 * twist) == ""


def test_goal_and_live_depth_that_disagree_are_found():
    assert "10 times what the goal's depth lets expect" in Camera(live=10.0).move(0.05, STRAIGHT)
    assert Camera(live=1.2).move(0.05, STRAIGHT) == ""


@pytest.mark.parametrize(
    ("depth_m", "distance_m", "words"),
    [
        (600.0, None, "millimetres"),
        (600.0, 0.6, "millimetres"),
        (6.0, 0.6, "given distance"),
        (6e-4, None, "median"),
        (0.05, 0.6, "given distance"),
    ],
)
def test_impossible_values_are_named(depth_m, distance_m, words):
    assert words in DepthCheck(CommandRecord()).problem_of(np.full(9, depth_m), distance_m)


@pytest.mark.parametrize("distance_m", [None, 0.6, 0.3, 1.8])
def test_possible_values_are_kept_also_where_the_distance_is_rough(distance_m):
    depth_m = np.array([np.nan, 0.5, 0.6, 0.7])
    assert DepthCheck(CommandRecord()).problem_of(depth_m, distance_m) == ""
    assert DepthCheck(CommandRecord()).problem_of(np.full(4, np.nan), distance_m) == ""


class Rig:
    """A servo in front of points; depth images are true times a factor."""

    def __init__(self, goal_factor, live_factor, controller="pbvs"):
        rng = np.random.default_rng(0)
        self.intrinsics = Intrinsics(540.0, 540.0, 319.5, 239.5, 640, 480)
        self.points = np.column_stack([rng.uniform(-0.2, 0.2, (60, 2)), np.zeros(60)])
        self.T_goal = se3.look_at(np.array([0.0, 0.0, 0.6]), np.zeros(3), np.array([0, 1.0, 0]))
        self.T = self.T_goal @ se3.exp(np.array([0.12, -0.08, -0.1, 0, 0, 0.4]))
        self.servo, self.live = Servo(ControlConfig(controller=controller)), live_factor
        depth = np.full((480, 640), goal_factor * 0.6, np.float32)
        self.servo.set_goal(Goal.from_images(self.see(self.T_goal), self.intrinsics, None, depth))

    def see(self, T):
        return self.intrinsics.project(se3.transform(se3.inverse(T), self.points))

    def run(self, steps=300):
        for k in range(steps):
            pixels = self.see(self.T)
            matched = ((pixels > 0) & (pixels < (640, 480))).all(axis=1)
            pixels[~matched] = np.nan
            depth = np.full((480, 640), self.live * self.T[2, 3], np.float32)
            result = self.servo.update(Matches(pixels, matched, matched.astype(np.float32)), k * TICK_S, depth)
            if result.converged:
                break
            self.T = self.T @ se3.exp(TICK_S * self.servo.answer())
        return result


@pytest.mark.parametrize(("goal", "live"), [(10, 10), (1000, 1000), (0.001, 0.001), (1, 1000), (1, 10), (10, 1)])
@pytest.mark.parametrize("controller", ["pbvs", "ibvs"])  # one solves for a pose, the other for none
def test_the_servo_drops_wrong_depth_and_arrives_without(goal, live, controller):
    rig = Rig(goal, live, controller)
    result = rig.run()
    assert result.converged
    assert "measured depth is not used" in result.depth_problem
    assert result.depth_source == "none"
    assert se3.pose_error(rig.T, rig.T_goal)[0] < 0.002
    rig.servo.set_goal(rig.servo.goal)
    assert rig.servo.depth_problem == ""


@pytest.mark.parametrize("controller", ["pbvs", "ibvs"])
def test_the_servo_keeps_right_depth(controller):
    result = Rig(1, 1, controller).run()
    assert result.converged
    assert result.depth_problem == ""
    assert result.depth_source == "camera"


def test_live_depth_that_cannot_be_metres_does_not_hide_the_pose(intrinsics):
    """In kilometres no pose explains the depth: the servo drops it in the first image, and moves."""
    rng = np.random.default_rng(0)
    servo = Servo(ControlConfig(controller="pbvs"))
    goal = rng.uniform((100, 100), (540, 380), (60, 2))
    servo.set_goal(Goal.from_images(goal, intrinsics, 0.6))
    seen = np.ones(60, bool)
    depth = np.full((480, 640), 0.0006, np.float32)
    result = servo.update(Matches(goal + (30, 10), seen, np.ones(60, np.float32)), 1.0, depth)
    assert result.state.name == "SERVOING"
    assert "kilometres" in result.depth_problem
    assert result.depth_source == "none"
