import numpy as np
import pytest
import torch

from depth_pc_ros.networks.gauss_newton import PoseProblem, planar_start, residuals, step
from depth_pc_ros.networks.se3 import exp


@pytest.fixture
def problem_of(make_goal):
    """A problem of one goal, and the true pose (1, 4, 4)."""

    def make(seed, T_cam_goal=None, wrong=0.0):
        graph, frame, T, right = make_goal(seed, 80, T_cam_goal, wrong, hidden=0.0)
        weight = torch.tensor(right, dtype=torch.float64)
        return PoseProblem(
            graph.goal.double(), frame.current.double(), graph.depth.double(), weight, graph.sample,
            torch.full((1,), 0.08, dtype=torch.float64),
        ), torch.tensor(T)[None]  # fmt: skip

    return make


def pose_error(A, B):
    return float((A - B).abs().max())


def solved(problem, T, steps=20):
    relief = problem.relief_prior
    for _ in range(steps):
        T, relief = step(problem, T, relief)
    return T, relief


@pytest.mark.parametrize("seed", range(5))
def test_finds_pose_and_relief_with_right_matches(seed, problem_of):
    """The unit of length is the median depth, so the true relief is the deviation the depth was normalised by."""
    problem, T_true = problem_of(seed, wrong=0.3)
    T, relief = solved(problem, planar_start(problem, 1))
    residual, *_ = residuals(problem, T, relief)
    assert residual[problem.weight > 0].abs().max() < 2e-3
    assert 0.05 < relief.item() < 0.16
    np.testing.assert_allclose(T[0, :3, :3], T_true[0, :3, :3], atol=5e-3)


def test_one_step_is_the_gauss_newton_step(problem_of):
    """The Jacobian against finite differences: near the optimum the gradient of the cost vanishes along the step."""
    problem, _ = problem_of(0)
    T, relief = solved(problem, planar_start(problem, 1), 30)
    moved, _ = step(problem, T, relief)
    assert pose_error(moved, T) < 1e-7
    best = (residuals(problem, T, relief)[0] ** 2).sum()
    for k in range(6):
        twist = torch.zeros(1, 6, dtype=torch.float64)
        twist[0, k] = 1e-3
        assert (residuals(problem, exp(twist) @ T, relief)[0] ** 2).sum() > best


def test_planar_start_is_exact_for_a_rotation_about_the_axis(problem_of):
    T = np.eye(4)
    angle = 2.5
    T[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    problem, T_true = problem_of(0, T)
    assert pose_error(planar_start(problem, 1), T_true) < 1e-6


def test_gradients_reach_the_weights(problem_of):
    problem, T_true = problem_of(1, wrong=0.2)
    with torch.enable_grad():
        logits = torch.zeros(80, dtype=torch.float64, requires_grad=True)
        soft = PoseProblem(**{**problem.__dict__, "weight": torch.sigmoid(logits)})
        T, relief = planar_start(problem, 1), problem.relief_prior
        for _ in range(4):
            T, relief = step(soft, T, relief, 0.02)
        (T - T_true).abs().sum().backward()
    assert torch.isfinite(logits.grad).all()
    assert (logits.grad != 0).any()


def test_without_matches_the_pose_stays_finite(problem_of):
    problem, _ = problem_of(0)
    empty = PoseProblem(**{**problem.__dict__, "weight": torch.zeros_like(problem.weight)})
    T, relief = solved(empty, torch.eye(4, dtype=torch.float64)[None], 3)
    assert torch.isfinite(T).all()
    assert torch.isfinite(relief).all()
