import numpy as np
import pytest

from depth_pc_ros.control.pose_solver import TwoViewProblem, refine
from depth_pc_ros.control.pose_start import candidate_poses
from depth_pc_ros.geometry import se3

FOCAL = 540.0


def make_problem(seed, roll_deg=30.0, shift=0.1, relief=0.05, noise_px=0.0, sigma=0.1, mismatches=0.0, n=80):
    """Random points about 0.7 m before the goal camera, and their view after a known motion."""
    rng = np.random.default_rng(seed)
    goal = rng.uniform(-0.4, 0.4, (n, 2))
    depth = 0.7 * (1 + relief * rng.uniform(-1, 1, n))
    R = se3.exp_so3(np.radians([5, -8, roll_deg]))
    T = se3.from_rt(R, shift * np.array([0.6, -0.5, 0.4]))
    points = np.column_stack([goal, np.ones(n)]) * depth[:, None] @ R.T + T[:3, 3]
    current = points[:, :2] / points[:, 2:] + rng.normal(size=(n, 2)) * noise_px / FOCAL
    wrong = rng.random(n) < mismatches
    current[wrong] = rng.uniform(-0.6, 0.6, (wrong.sum(), 2))
    prior = np.full(n, 1 / 0.7)
    problem = TwoViewProblem(goal, current, prior, 1 / (sigma * prior) ** 2, np.full(n, np.nan), FOCAL)
    return problem, T, depth, points[:, 2]


def solve(problem):
    solutions = [refine(problem, *start) for start in candidate_poses(problem)]
    return min(solutions, key=lambda s: s.cost)


def test_refine_recovers_pose_and_depth_without_noise():
    problem, T, depth, _ = make_problem(0)
    solution = refine(problem, np.eye(4), problem.rho_prior, iterations=60)
    error_m, error_deg = se3.pose_error(solution.T_cam_goal, T)
    # The loose prior on depth pulls a little; scale comes from it alone.
    assert error_m < 3e-3
    assert error_deg < 0.1
    assert np.corrcoef(1 / solution.rho, depth)[0, 1] > 0.99


@pytest.mark.parametrize("roll_deg", [0, 30, 90, 140, 179])
@pytest.mark.parametrize("relief", [0.0, 0.08])
def test_start_and_refine_over_rotations_planes_and_mismatches(roll_deg, relief):
    for seed in range(5):
        problem, T, *_ = make_problem(seed, roll_deg, relief=relief, noise_px=0.4, mismatches=0.3)
        solution = solve(problem)
        error_m, error_deg = se3.pose_error(solution.T_cam_goal, T)
        assert error_deg < 1.5
        assert error_m < 0.02
        assert solution.inliers.mean() > 0.5


def test_no_motion_gives_no_motion():
    """At the goal an essential matrix is undefined; the pose must still be the identity to keypoint noise."""
    problem, *_ = make_problem(1, roll_deg=0, shift=0)
    still = TwoViewProblem(
        problem.goal,
        problem.goal + np.random.default_rng(2).normal(size=problem.goal.shape) * 0.1 / FOCAL,
        problem.rho_prior,
        problem.rho_info,
        problem.current_depth_m,
        FOCAL,
    )
    error_m, error_deg = se3.pose_error(solve(still).T_cam_goal, np.eye(4))
    assert error_m < 1e-3
    assert error_deg < 0.1


def test_metric_goal_depth_gives_metric_translation():
    problem, T, depth, _ = make_problem(3, noise_px=0.2)
    metric = TwoViewProblem(
        problem.goal, problem.current, 1 / depth, (depth / 0.01) ** 2, problem.current_depth_m, FOCAL
    )
    error_m, error_deg = se3.pose_error(solve(metric).T_cam_goal, T)
    assert error_m < 1e-3
    assert error_deg < 0.1


def test_measured_depth_in_the_current_view_corrects_a_wrong_prior():
    problem, T, _, current_depth = make_problem(4, noise_px=0.2, sigma=0.5)
    wrong = np.full(len(problem.goal), 1 / 0.5)  # the scene is at 0.7 m
    fields = (problem.goal, problem.current, wrong, 1 / (0.5 * wrong) ** 2)
    blind = solve(TwoViewProblem(*fields, np.full(len(wrong), np.nan), FOCAL))
    seeing = solve(TwoViewProblem(*fields, current_depth, FOCAL))
    length = np.linalg.norm(T[:3, 3])
    assert abs(np.linalg.norm(blind.T_cam_goal[:3, 3]) / length - 1) > 0.15
    assert abs(np.linalg.norm(seeing.T_cam_goal[:3, 3]) / length - 1) < 0.03


def test_same_matches_give_the_same_pose():
    problem, *_ = make_problem(5, noise_px=0.4, mismatches=0.4)
    np.testing.assert_array_equal(solve(problem).T_cam_goal, solve(problem).T_cam_goal)
