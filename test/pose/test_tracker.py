"""How far the tracker trusts guessed depths on the way to the goal."""

import numpy as np
import pytest

from depth_pc_ros.errors import PoseError
from depth_pc_ros.geometry import se3
from depth_pc_ros.pose import tracker as tracker_module
from depth_pc_ros.pose.solver import Problem, View, refine
from depth_pc_ros.pose.tracker import PoseTracker

N, FOCAL, DISTANCE_M = 80, 540.0, 0.7


@pytest.fixture
def sigmas(monkeypatch):
    """The relative sigma of the first point's depth in each problem that is solved."""
    seen = []

    def watched(problem, *arguments):
        seen.append(float(1 / (np.sqrt(problem.rho_info[0]) * problem.rho_prior[0])))
        return refine(problem, *arguments)

    monkeypatch.setattr(tracker_module, "refine", watched)
    return seen


def follow(shares, measured=False, counts=None):
    """Track views from these translations, as shares of the distance. counts: of points in each; None: all."""
    rng = np.random.default_rng(0)
    goal, depth = rng.uniform(-0.4, 0.4, (N, 2)), DISTANCE_M * rng.uniform(0.9, 1.1, N)
    nothing = np.full(N, np.nan)
    problem = Problem.from_depth(
        goal, depth if measured else nothing, DISTANCE_M, FOCAL, measured_sigma=0.01, guess_sigma=0.4
    )
    tracker = PoseTracker(freeze_depth=False)
    for share, count in zip(shares, counts or [N] * len(shares)):
        T = se3.exp(np.array([share * DISTANCE_M, 0, 0, 0, 0, 0.1]))
        points = se3.transform(T, np.column_stack([goal, np.ones(N)]) * depth[:, None])
        current = points[:count, :2] / points[:count, 2:]
        tracker.track(problem, View(np.arange(count), current, nothing[:count]))


def test_a_guessed_depth_is_trusted_more_the_nearer_the_goal(sigmas):
    follow([0.3, 0.3, 0.05, 0.05, 0.0, 0.0])
    assert sigmas[0] == pytest.approx(0.4)
    far, near = max(sigmas), min(sigmas)
    assert far == pytest.approx(0.4)
    assert near == pytest.approx(0.1, rel=0.1)
    assert any(0.15 < sigma < 0.35 for sigma in sigmas)


def test_a_measured_depth_is_trusted_alike_everywhere(sigmas):
    follow([0.3, 0.05, 0.0, 0.0], measured=True)
    np.testing.assert_allclose(sigmas, 0.01)


def test_a_pose_from_nothing_needs_more_matches_than_the_next_ones():
    with pytest.raises(PoseError, match="only 9 of 9 matches"):
        follow([0.2], counts=[9])
    follow([0.2, 0.2], counts=[10, 8])
    follow([0.2], measured=True, counts=[9])
