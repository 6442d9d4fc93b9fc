"""When the depths found on the path are frozen near the goal, and the effect."""

import dataclasses

import numpy as np
import pytest

from depth_pc_ros.config import ControlConfig
from depth_pc_ros.control.servo import Servo
from depth_pc_ros.geometry import se3
from depth_pc_ros.pose.depth_freeze import DepthFreeze
from depth_pc_ros.pose.solver import SIGMA_PX, Problem, Solution, View, refine
from depth_pc_ros.types import Goal, Matches

N, FOCAL = 80, 540.0
NEAR = se3.exp(np.array([0.002, -0.001, 0.003, 0.004, -0.002, 0.005]))
SEEN = np.arange(N)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def problem(rng):
    """Points 0.5-0.9 m before the goal camera, of which no depth is known but the mean."""
    prior = np.full(N, 1 / 0.7)
    return Problem(rng.uniform(-0.4, 0.4, (N, 2)), prior, (0.3 * prior) ** -2, FOCAL)


def solution(rho, T=NEAR, relative_sigma=0.01, noise_px=0.1):
    return Solution((T,), rho, (relative_sigma * rho) ** -2, (np.ones(N, bool),), noise_px, 0.0)


def frames(freeze, each, count=DepthFreeze.FRAMES, prior_sigma=0.3):
    prior = np.full(N, 1 / 0.7)
    problem = Problem(np.zeros((N, 2)), prior, (prior_sigma * prior) ** -2, FOCAL)
    for _ in range(count):
        freeze.update(problem, each, SEEN)


def test_frozen_depths_make_the_pose_at_the_goal_steadier(problem, rng):
    rho = 1 / rng.uniform(0.5, 0.9, N)
    freeze = DepthFreeze()
    frames(freeze, solution(rho))
    assert freeze.frozen
    spread = {}
    for name, each in (("free", problem), ("frozen", freeze.apply(problem))):
        noise = np.random.default_rng(1)
        translations = []
        for _ in range(30):
            view = View(SEEN, problem.goal + noise.normal(size=(N, 2)) * 0.1 / FOCAL, np.full(N, np.nan))
            translations.append(refine(each, [view], [np.eye(4)], each.rho_prior).poses[0][:3, 3])
        spread[name] = np.linalg.norm(np.std(translations, axis=0))
    assert spread["frozen"] < 0.4 * spread["free"]


@pytest.mark.parametrize(
    "why",
    [
        {"T": se3.exp(np.array([0.1, 0, 0, 0, 0, 0]))},  # far
        {"T": se3.exp(np.array([0, 0, 0, 0, 0, 0.1]))},  # rotated
        {"relative_sigma": 0.05},  # the path has shown little
        {"noise_px": 10 * SIGMA_PX * DepthFreeze.KNOWN / 0.01},  # blurred
    ],
)
def test_depths_are_not_frozen(why, rng):
    freeze = DepthFreeze()
    frames(freeze, solution(1 / rng.uniform(0.5, 0.9, N), **why), 20)
    assert not freeze.frozen


def test_metric_depth_does_not_count_as_known_from_the_path(rng):
    freeze = DepthFreeze()
    frames(freeze, solution(1 / rng.uniform(0.5, 0.9, N), relative_sigma=1.0), prior_sigma=0.01)
    assert not freeze.frozen


def test_one_blurred_frame_does_not_decide_nor_does_one_sharp_one(rng):
    rho = 1 / rng.uniform(0.5, 0.9, N)
    freeze = DepthFreeze()
    frames(freeze, solution(rho, noise_px=3.0), 1)
    frames(freeze, solution(rho), DepthFreeze.FRAMES - 1)
    assert freeze.frozen
    freeze = DepthFreeze()
    frames(freeze, solution(rho, noise_px=3.0), DepthFreeze.FRAMES - 1)
    frames(freeze, solution(rho), 1)
    assert not freeze.frozen


def test_frozen_and_released_at_different_distances(rng):
    rho = 1 / rng.uniform(0.5, 0.9, N)
    distance = float(np.median(1 / rho))

    def at(share):
        return solution(rho, se3.from_rt(np.eye(3), np.array([share * DepthFreeze.NEAR * distance, 0, 0])))

    freeze = DepthFreeze()
    frames(freeze, at(1.1))
    assert not freeze.frozen
    frames(freeze, at(0.9))
    assert freeze.frozen
    frames(freeze, at(1.5))
    assert freeze.frozen
    frames(freeze, at(2.1), 1)
    assert not freeze.frozen


@pytest.fixture
def see(intrinsics, rng):
    """Matches of points with strong relief from a camera that looks at them, 0.1 px noise."""
    points = np.column_stack([rng.uniform(-0.2, 0.2, (N, 2)), rng.uniform(0, 0.2, N), np.ones(N)])

    def pixels(T_world_cam):
        return intrinsics.project((se3.inverse(T_world_cam) @ points.T).T[:, :3]) + 0.1 * rng.normal(size=(N, 2))

    return pixels


@pytest.mark.parametrize("freeze_depth", [True, False])
def test_in_closed_loop_frozen_at_the_goal_and_released_when_the_camera_is_moved_away(freeze_depth, intrinsics, see):
    up = np.array([0, 1.0, 0])
    T_world_goal = se3.look_at(np.array([0.05, -0.05, 0.7]), np.zeros(3), up)
    away = [np.array([-0.1, 0.1, 0.6]), np.array([0.15, 0.05, 0.75])]
    goal_px = see(T_world_goal)
    servo = Servo(ControlConfig(controller="pbvs", speed="paper", freeze_depth=freeze_depth))
    servo.set_goal(Goal.from_images(goal_px, intrinsics, 0.7))
    stamp_s = 0.0
    for place in away:
        T, frozen_then = se3.look_at(place, np.zeros(3), up), []
        for _ in range(400):
            stamp_s += 0.02
            result = servo.update(Matches(see(T), np.ones(N, bool), np.ones(N, np.float32)), stamp_s)
            frozen_then.append(servo._law._tracker.freeze.frozen)
            if result.converged:
                break
            T = T @ se3.exp(0.02 * result.twist)
        assert result.converged
        assert se3.pose_error(T, T_world_goal)[0] < 1e-3
        assert not frozen_then[1]
        assert frozen_then[-1] == freeze_depth
        assert np.count_nonzero(np.diff(frozen_then)) <= 2  # no switching back and forth


def test_an_image_that_the_frozen_depths_do_not_explain_is_solved_anew(intrinsics, see):
    """A third of the points move on their own: depths are released."""
    T_world_goal = se3.look_at(np.array([0.05, -0.05, 0.7]), np.zeros(3), np.array([0, 1.0, 0]))
    goal_px = see(T_world_goal)
    servo = Servo(ControlConfig(controller="pbvs", speed="paper"))
    servo.set_goal(Goal.from_images(goal_px, intrinsics, 0.7))
    T = se3.look_at(np.array([-0.1, 0.1, 0.6]), np.zeros(3), np.array([0, 1.0, 0]))
    matches = Matches(see(T), np.ones(N, bool), np.ones(N, np.float32))
    for k in range(400):
        result = servo.update(matches, 0.02 * (k + 1))
        if servo._law._tracker.freeze.frozen:
            break
        T = T @ se3.exp(0.02 * result.twist)
        matches = dataclasses.replace(matches, current_points=see(T))
    assert servo._law._tracker.freeze.frozen
    moved = see(T)
    moved[: N // 3] += (60.0, 0.0)
    servo.update(dataclasses.replace(matches, current_points=moved), 0.02 * (k + 2))
    assert not servo._law._tracker.freeze.frozen
