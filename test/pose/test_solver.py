import dataclasses

import numpy as np
import pytest

from depth_pc_ros.geometry import se3
from depth_pc_ros.pose.candidates import candidate_poses
from depth_pc_ros.pose.solver import Problem, View, refine

FOCAL = 540.0


def make_problem(seed, roll_deg=30.0, translation=0.1, relief=0.05, noise_px=0.0, sigma=0.1, mismatches=0.0, n=80):
    """Random points about 0.7 m before the goal camera, and their view after a known motion.

    Returns problem, view, `T_cam_goal`, and the points' depths (N,) in goal and current camera.
    """
    rng = np.random.default_rng(seed)
    goal = rng.uniform(-0.4, 0.4, (n, 2))
    depth = 0.7 * (1 + relief * rng.uniform(-1, 1, n))
    R = se3.exp_so3(np.radians([5, -8, roll_deg]))
    T = se3.from_rt(R, translation * np.array([0.6, -0.5, 0.4]))
    current, current_depth = look(goal, depth, T)
    current += rng.normal(size=(n, 2)) * noise_px / FOCAL
    wrong = rng.random(n) < mismatches
    current[wrong] = rng.uniform(-0.6, 0.6, (wrong.sum(), 2))
    prior = np.full(n, 1 / 0.7)
    problem = Problem(goal, prior, 1 / (sigma * prior) ** 2, FOCAL)
    return problem, View(np.arange(n), current, np.full(n, np.nan)), T, depth, current_depth


def look(goal, depth, T_cam_goal):
    """Normalised coordinates (N, 2) and depth (N,) of the goal's points in another camera."""
    points = se3.transform(T_cam_goal, np.column_stack([goal, np.ones(len(goal))]) * depth[:, None])
    return points[:, :2] / points[:, 2:], points[:, 2]


def solve(problem, view):
    solutions = [refine(problem, [view], [T], rho) for T, rho in candidate_poses(problem, view)]
    return min(solutions, key=lambda s: s.cost)


def test_refine_recovers_pose_and_depth_without_noise():
    problem, view, T, depth, _ = make_problem(0)
    solution = refine(problem, [view], [np.eye(4)], problem.rho_prior, iterations=60)
    error_m, error_deg = se3.pose_error(solution.poses[0], T)
    # The weak prior on depth adds a small bias; scale comes from it alone.
    assert error_m < 3e-3
    assert error_deg < 0.1
    assert np.corrcoef(1 / solution.rho, depth)[0, 1] > 0.99


def test_a_view_with_parallax_fixes_the_pose_of_one_without():
    """Strong relief, 4 mm from the goal: rotation and translation almost cancel; a second view separates them."""
    rng = np.random.default_rng(0)
    goal = rng.uniform(-0.4, 0.4, (80, 2))
    depth = 0.7 * (
        1 + 0.8 * goal[:, 0] ** 2 + 0.3 * goal[:, 1]
    )  # relief that is correlated with the place in the image
    far = se3.exp(np.array([0.08, -0.06, 0.05, 0.1, -0.05, 0.4]))
    near = se3.exp(np.array([0.004, -0.003, 0.001, 0.004, 0.005, 0.0]))
    prior = np.full(80, 1 / 0.7)
    problem = Problem(goal, prior, 1 / (0.3 * prior) ** 2, FOCAL)
    nothing = np.full(80, np.nan)
    views = [View(np.arange(80), look(goal, depth, T)[0], nothing) for T in (far, near)]
    start = np.eye(4)
    alone = refine(problem, views[1:], [start], prior, iterations=50).poses[-1]
    together = refine(problem, views, [far, start], prior, iterations=50).poses[-1]
    alone_m, together_m = (se3.pose_error(T, near)[0] for T in (alone, together))
    assert together_m < 1e-3
    assert together_m < 0.5 * alone_m


@pytest.mark.parametrize("roll_deg", [60, 120, 150, 165, 180])
def test_a_camera_that_only_rotates_is_solved(roll_deg):
    """A homography without translation names no plane, and an essential matrix has no epipole."""
    for seed in range(5):
        problem, view, T, *_ = make_problem(seed, roll_deg, translation=0.0, noise_px=0.4, mismatches=0.1, n=300)
        error_m, error_deg = se3.pose_error(solve(problem, view).poses[0], T)
        assert error_deg < 1.0
        assert error_m < 0.01


@pytest.mark.parametrize("roll_deg", [0, 30, 90, 140, 179])
@pytest.mark.parametrize("relief", [0.0, 0.08])
def test_start_and_refine_over_rotations_planes_and_mismatches(roll_deg, relief):
    for seed in range(5):
        problem, view, T, *_ = make_problem(seed, roll_deg, relief=relief, noise_px=0.4, mismatches=0.3)
        solution = solve(problem, view)
        error_m, error_deg = se3.pose_error(solution.poses[0], T)
        assert error_deg < 1.5
        assert error_m < 0.02
        assert solution.inliers[0].mean() > 0.5


def test_no_motion_gives_no_motion():
    """At the goal an essential matrix is undefined; the pose must still be the identity to keypoint noise."""
    problem, view, *_ = make_problem(1, roll_deg=0, translation=0)
    noise = np.random.default_rng(2).normal(size=problem.goal.shape) * 0.1 / FOCAL
    still = View(view.index, problem.goal + noise, view.depth_m)
    error_m, error_deg = se3.pose_error(solve(problem, still).poses[0], np.eye(4))
    assert error_m < 1e-3
    assert error_deg < 0.1


def test_metric_goal_depth_gives_metric_translation():
    problem, view, T, depth, _ = make_problem(3, noise_px=0.2)
    metric = Problem(problem.goal, 1 / depth, (depth / 0.01) ** 2, FOCAL)
    error_m, error_deg = se3.pose_error(solve(metric, view).poses[0], T)
    assert error_m < 1e-3
    assert error_deg < 0.1


def test_matches_at_one_side_of_a_tilted_scene_get_the_distance_of_the_whole():
    """The distance prior is that of the middle of all points; those that are matched are farther."""
    motion = se3.exp(np.array([0.15, -0.05, 0.05, 0.05, 0.1, 0.2]))
    lengths = {True: [], False: []}  # of the translation found, over the true one
    for seed in range(3):
        rng = np.random.default_rng(seed)
        goal = rng.uniform(-0.4, 0.4, (200, 2))
        depth = rng.uniform(0.9, 1.1, 200) / (1 + 0.8 * goal[:, 1])
        current, _ = look(goal, depth, motion)
        far, nothing = np.flatnonzero(goal[:, 1] < -0.1), np.full(200, np.nan)
        problem = Problem.from_depth(goal, nothing, 1.0, FOCAL, measured_sigma=0.01, guess_sigma=0.4)
        view = View(far, current[far], nothing[far])
        for tilts, found in lengths.items():
            T = refine(dataclasses.replace(problem, tilts=tilts), [view], [motion], 1 / depth, 40).poses[0]
            found.append(np.linalg.norm(T[:3, 3]) / np.linalg.norm(motion[:3, 3]))
    assert np.mean(lengths[False]) < 0.82
    assert 0.86 < np.mean(lengths[True]) < 1.1


def test_where_depth_is_measured_no_plane_is_assumed():
    goal, depth = np.zeros((2, 2)), np.array([0.5, np.nan])
    problem = Problem.from_depth(goal, depth, 1.0, FOCAL, measured_sigma=0.01, guess_sigma=0.4)
    assert not problem.tilts


def test_measured_depth_in_the_current_view_corrects_a_wrong_prior():
    problem, view, T, _, current_depth = make_problem(4, noise_px=0.2)
    wrong = np.full(len(problem.goal), 1 / 0.5)  # the scene is at 0.7 m
    problem = Problem(problem.goal, wrong, 1 / (0.5 * wrong) ** 2, FOCAL)
    blind = solve(problem, view)
    seeing = solve(problem, View(view.index, view.current, current_depth))
    length = np.linalg.norm(T[:3, 3])
    assert abs(np.linalg.norm(blind.poses[0][:3, 3]) / length - 1) > 0.15
    assert abs(np.linalg.norm(seeing.poses[0][:3, 3]) / length - 1) < 0.03


def test_same_matches_give_the_same_pose():
    problem, view, *_ = make_problem(5, noise_px=0.4, mismatches=0.4)
    np.testing.assert_array_equal(solve(problem, view).poses[0], solve(problem, view).poses[0])


def shaped(seed, share, shape, noise_px=0.3, n=120):
    """Rotation error in degrees where the depth is a plane and `share` of a shape n, and `shape(n)` is given."""
    rng = np.random.default_rng(seed)
    goal = rng.uniform(-0.4, 0.4, (n, 2))
    true_shape = np.cos(6 * goal[:, 0]) + np.sin(7 * goal[:, 1])
    T = se3.from_rt(se3.exp_so3(np.array([0.02, -0.03, 0.2])), np.array([0.03, -0.02, 0.01]))
    current, _ = look(goal, 0.7 * (1 + share * true_shape), T)
    current += rng.normal(size=(n, 2)) * noise_px / FOCAL
    problem = Problem.from_depth(goal, np.full(n, np.nan), 0.7, FOCAL, measured_sigma=0.01, guess_sigma=0.05)
    problem = dataclasses.replace(problem, shape=None if shape is None else shape(true_shape, rng))
    solution = refine(problem, [View(np.arange(n), current, np.full(n, np.nan))], [T], problem.rho_prior, 40)
    return se3.pose_error(solution.poses[0], T)[1]


def test_the_share_of_estimated_depth_is_found_its_sign_included():
    def median(share, shape):
        return np.median([shaped(seed, share, shape) for seed in range(12)])

    without = median(0.1, None)
    assert median(0.1, lambda n, rng: n) < 0.7 * without
    assert median(0.1, lambda n, rng: -n) < 0.7 * without
    assert median(0.0, lambda n, rng: n) < 1.5 * median(0.0, None) + 0.02  # a plane, whatever the network says
    assert median(0.1, lambda n, rng: rng.normal(size=len(n))) < 1.3 * without


def test_what_stands_out_of_the_plane_does_not_turn_the_pose():
    """A fifth of the points stand 40 % nearer, at one side; the prior trusts the plane to 10 %."""
    errors = {np.inf: [], 1.0: []}
    for seed in range(12):
        rng = np.random.default_rng(seed)
        goal = rng.uniform(-0.4, 0.4, (100, 2))
        depth_m = np.where(goal[:, 0] > 0.24, 0.42, 0.7)
        poses = [se3.exp(np.array([0.06, -0.05, 0.03, 0.05, -0.04, 0.3])), se3.exp(np.array([4e-3, 3e-3, 0, 0, 0, 0]))]
        views = [
            View(
                np.arange(100),
                look(goal, depth_m, T)[0] + rng.normal(size=(100, 2)) * 0.7 / FOCAL,
                np.full(100, np.nan),
            )
            for T in poses
        ]
        plane = Problem.from_depth(goal, np.full(100, np.nan), 0.7, FOCAL, measured_sigma=0.01, guess_sigma=0.1)
        for tail, found in errors.items():
            problem = dataclasses.replace(plane, tail=tail)
            solution = refine(problem, views, poses, problem.rho_prior, 40)
            found.append(se3.pose_error(solution.poses[1], poses[1])[0])
    assert np.median(errors[1.0]) < 0.7 * np.median(errors[np.inf])


def test_a_warm_start_takes_more_iterations_only_while_the_pose_moves():
    """Off along a motion that the image hardly shows, two leave a part of the way; at the pose, there are no more."""
    along = se3.from_rt(se3.exp_so3(np.array([0.0, 0.05, 0.0])), np.array([0.035, 0.0, 0.0]))
    left_m = {0: [], 6: []}
    for seed in range(4):
        problem, view, T, _, _ = make_problem(seed, relief=0.1, noise_px=0.3, sigma=0.4)
        settled = refine(problem, [view], [T], problem.rho_prior, iterations=60)
        for more, left in left_m.items():
            solution = refine(problem, [view], [along @ settled.poses[0]], settled.rho, 2, more)
            left.append(se3.pose_error(solution.poses[0], settled.poses[0])[0])
        rested = [refine(problem, [view], [settled.poses[0]], settled.rho, 2, more).poses[0] for more in left_m]
        np.testing.assert_array_equal(*rested)
    assert np.mean(left_m[6]) < 0.6 * np.mean(left_m[0])
