import dataclasses

import numpy as np
import pytest

from depth_pc_ros.control.agreeing import Agreeing
from depth_pc_ros.control.ibvs import Ibvs
from depth_pc_ros.control.pbvs import Pbvs
from depth_pc_ros.errors import PoseError
from depth_pc_ros.geometry import se3
from depth_pc_ros.pose.solver import View, refine
from depth_pc_ros.types import Observation


def observe(T_cam_goal, n=60, known_depth=True, seed=0):
    """Observation of random points 0.5-0.9 m before the goal camera, from a pose near it."""
    rng = np.random.default_rng(seed)
    goal = rng.uniform(-0.4, 0.4, (n, 2))
    depth = rng.uniform(0.5, 0.9, n)
    points = se3.transform(T_cam_goal, np.column_stack([goal, np.ones(n)]) * depth[:, None])
    return Observation(
        goal=goal,
        current=points[:, :2] / points[:, 2:],
        matched=np.ones(n, bool),
        goal_depth_m=depth if known_depth else np.full(n, np.nan),
        current_depth_m=points[:, 2] if known_depth else np.full(n, np.nan),
        distance_m=0.7,
        focal_px=540.0,
    )


def test_pbvs_twist_decays_the_pose_exponentially():
    T = se3.exp(np.array([0.1, -0.05, 0.2, 0.3, -0.2, 1.0]))
    dt = 1e-3
    after = se3.inverse(se3.exp(se3.pbvs_twist(T) * dt)) @ T
    np.testing.assert_allclose(se3.rotation_angle(after[:3, :3]), (1 - dt) * se3.rotation_angle(T[:3, :3]), rtol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(after[:3, 3]), (1 - dt) * np.linalg.norm(T[:3, 3]), rtol=1e-5)


def test_the_offset_of_a_point_that_moves_straight_decays_with_the_rotation():
    T = se3.exp(np.array([0.1, -0.05, 0.2, 0.3, -0.2, 1.0]))
    point = np.array([0.1, 0.2, 0.6])
    dt = 1e-3
    after = se3.inverse(se3.exp(se3.pbvs_twist(T, point) * dt)) @ T
    np.testing.assert_allclose(se3.rotation_angle(after[:3, :3]), (1 - dt) * se3.rotation_angle(T[:3, :3]), rtol=1e-5)
    offsets = [se3.transform(pose, point) - point for pose in (T, after)]
    np.testing.assert_allclose((offsets[1] - offsets[0]) / dt, -offsets[0], rtol=1e-2)


def farthest_seen(steer, points, T_cam_goal):
    """Largest distance of points (N, 3) m, goal camera, from the image's centre on the path; 1 is the edge. The first
    point does not count."""
    half_size = (0.59, 0.44)  # in focal lengths
    farthest = 0.0
    for _ in range(100):
        now = se3.transform(T_cam_goal, points)
        farthest = max(farthest, np.abs(now[1:, :2] / now[1:, 2:] / half_size).max())
        T_cam_goal = se3.inverse(se3.exp(0.05 * steer(T_cam_goal, now))) @ T_cam_goal
    np.testing.assert_allclose(T_cam_goal, np.eye(4), atol=0.02)
    return farthest


@pytest.mark.parametrize("known_depth", [True, False])
def test_matches_at_one_side_stay_in_view_in_a_large_rotation(known_depth):
    rng = np.random.default_rng(0)
    goal, depth = rng.uniform([-0.5, -0.35], [-0.35, -0.2], (40, 2)), rng.uniform(0.5, 0.7, 40)
    goal[0], depth[0] = (-0.1, 0.0), 6.0  # in the background: it must not move the others out of view
    points = np.column_stack([goal, np.ones(40)]) * depth[:, None]
    R = se3.exp_so3(np.array([0.1, 0.1, np.radians(106)]))
    start = se3.from_rt(R, np.array([0.25, -0.15, 0.6]) - R @ points[1:].mean(axis=0))
    law, unknown = Pbvs(), np.full(40, np.nan)

    def servo(T_cam_goal, now):
        given = (depth, now[:, 2]) if known_depth else (unknown, unknown)
        return law(Observation(goal, now[:, :2] / now[:, 2:], np.ones(40, bool), *given, 0.6, 540.0)).twist

    assert farthest_seen(servo, points, start) < 1
    assert farthest_seen(lambda T_cam_goal, _: se3.pbvs_twist(T_cam_goal), points, start) > 1.2


def test_pbvs_with_metric_depth_finds_the_exact_twist(centre):
    T = se3.exp(np.array([0.05, -0.02, 0.1, 0.2, -0.1, 0.8]))
    observation = observe(T)
    np.testing.assert_allclose(Pbvs()(observation).twist, se3.pbvs_twist(T, centre(observation)), atol=1e-4)


def test_ibvs_twist_is_the_jacobian_inverse_of_a_small_motion():
    T = se3.exp(np.array([0.002, -0.001, 0.003, 0.004, -0.002, 0.005]))
    np.testing.assert_allclose(Ibvs()(observe(T)).twist, se3.log(T), atol=5e-5)


@pytest.mark.parametrize("law", [Ibvs(), Pbvs()])
def test_at_the_goal_the_twist_is_zero(law):
    np.testing.assert_allclose(law(observe(np.eye(4), known_depth=False)).twist, 0, atol=1e-6)


def test_pbvs_gives_its_pose_only_where_its_lengths_are_those_of_the_prior():
    T = se3.exp(np.array([0.05, -0.02, 0.1, 0.2, -0.1, 0.8]))
    full, blind = observe(T), observe(T, known_depth=False)
    live = dataclasses.replace(blind, current_depth_m=full.current_depth_m)
    law = Pbvs()
    pose = law(blind).T_cam_goal
    np.testing.assert_allclose(se3.log_so3(pose[:3, :3]), law(blind).twist[3:], atol=1e-3)
    np.testing.assert_allclose(pose[:3, 3], T[:3, 3], atol=0.01)
    law.reset()
    assert law(live).metric
    near = observe(se3.exp(np.array([0.04, -0.02, 0.08, 0.2, -0.1, 0.6])), known_depth=False)
    assert law(near).metric  # the view with depth is kept, and its lengths with it
    law.reset()
    assert not law(blind).metric
    assert Pbvs()(full).metric


def test_ibvs_arrives_from_matches_in_a_corner_of_a_tilted_scene():
    """One depth for all points would lead it astray (E. Malis, P. Rives, 2003)."""
    rng = np.random.default_rng(4)
    goal = rng.uniform([-0.5, -0.4], [-0.1, 0.1], (80, 2))
    depth_m = 0.6 + 0.5 * (goal[:, 0] + 0.3) + rng.normal(0, 0.03, 80)
    points = depth_m[:, None] * np.column_stack([goal, np.ones(80)])
    T, law, unknown = se3.exp(np.array([0.05, -0.04, 0.03, 0.1, -0.2, 0.8])), Ibvs(), np.full(80, np.nan)
    for _ in range(60):
        seen = se3.transform(T, points)
        observation = Observation(
            goal=goal, current=seen[:, :2] / seen[:, 2:] + rng.normal(0, 1e-4, (80, 2)), matched=np.ones(80, bool),
            goal_depth_m=unknown, current_depth_m=unknown, distance_m=0.7, focal_px=540.0,
        )  # fmt: skip
        T = se3.exp(-0.2 * law(observation).twist) @ T
    metres, degrees = se3.pose_error(T, np.eye(4))
    assert metres < 0.002
    assert degrees < 0.2


def test_pbvs_says_which_matches_are_wrong(centre):
    T = se3.exp(np.array([0.05, 0, 0.05, 0, 0, 0.5]))
    observation = observe(T)
    observation.current[:12] = np.random.default_rng(1).uniform(-0.5, 0.5, (12, 2))
    out = Pbvs()(observation)
    assert not out.inliers[:12].any()
    assert out.inliers[12:].all()
    np.testing.assert_allclose(out.twist, se3.pbvs_twist(T, centre(observation, slice(12, None))), atol=1e-3)


def test_pbvs_refuses_matches_without_a_common_motion():
    observation = observe(np.eye(4))
    observation.current[:] = np.random.default_rng(2).uniform(-0.5, 0.5, (60, 2))
    with pytest.raises(PoseError, match="of 60 matches agree"):
        Pbvs()(observation)


def test_ibvs_refuses_points_on_one_spot():
    observation = observe(np.eye(4))
    observation.goal[:] = observation.current[:] = 0.1
    with pytest.raises(PoseError, match="six directions"):
        Ibvs()(observation)


@pytest.mark.parametrize("seen", [lambda each: Agreeing()(each), lambda each: Ibvs()(each).inliers])
def test_matches_must_agree_on_a_pose_also_for_a_law_without_one(seen):
    T = se3.exp(np.array([0.05, -0.02, 0.1, 0.2, -0.1, 0.3]))
    observation = observe(T, n=30)
    wrong = dataclasses.replace(observation, current=observation.current.copy())
    wrong.current[:8] = np.random.default_rng(1).uniform(-0.5, 0.5, (8, 2))
    assert not seen(wrong)[:8].any()
    assert seen(wrong)[8:].all()
    wrong.current[:] = np.random.default_rng(2).uniform(-0.5, 0.5, (30, 2))
    with pytest.raises(PoseError, match="of 30 matches agree"):
        seen(wrong)


def test_many_matches_are_all_used_by_a_law_without_a_pose():
    T = se3.exp(np.array([0.05, -0.02, 0.1, 0.2, -0.1, 0.3]))
    many = observe(T, n=Agreeing.FEW)
    many.current[:8] += 0.1
    assert Agreeing()(many).all()


def test_pbvs_leaves_a_reversed_relief():
    """A pose that explains much of the image with relief and motion reversed, and that a warm start would keep."""
    rng, n = np.random.default_rng(0), 120
    T = se3.exp(np.array([0.08, 0.02, 0.0, 0.0, 0.12, 0.3]))
    goal, depth, unknown = rng.uniform(-0.4, 0.4, (n, 2)), rng.uniform(0.6, 0.8, n), np.full(n, np.nan)
    points = se3.transform(T, np.column_stack([goal, np.ones(n)]) * depth[:, None])
    observation = Observation(goal, points[:, :2] / points[:, 2:], np.ones(n, bool), unknown, unknown, 0.7, 540.0)
    law = Pbvs()
    view = View(np.arange(n), observation.current, unknown)
    centre = se3.transform(T, (0, 0, 0.7))
    rotation = se3.exp_so3(np.array([0, 0.3, 0]))
    start = se3.from_rt(rotation, centre - rotation @ centre) @ T
    tracker = law._tracker
    reversed_relief = refine(law._problem(observation), [view], [start], 1 / (1.4 - depth), 40)
    assert se3.pose_error(reversed_relief.poses[0], T)[1] > 5
    tracker._last = reversed_relief.poses[0], reversed_relief.rho
    tracker._share = np.mean(reversed_relief.inliers[0])
    assert tracker._share > 0.5
    for _ in range(tracker.RECHECK_FRAMES):
        law(observation)
    assert se3.pose_error(tracker._last[0], T)[1] < 0.1
