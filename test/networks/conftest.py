import numpy as np
import pytest
import torch

from depth_pc_ros.geometry import se3
from depth_pc_ros.graph.builder import build_frame, build_graph


def _make_goal(seed, n=60, T_cam_goal=None, wrong=0.0, hidden=0.2):
    """A goal graph, a frame of it, the true pose (4, 4) in goal distances, and which matches are right (n,)."""
    rng = np.random.default_rng(seed)
    goal = rng.uniform(-0.4, 0.4, (n, 2))
    depth = rng.uniform(0.8, 1.2, n)
    if T_cam_goal is None:
        T_cam_goal = se3.exp(np.array([0.1, -0.05, 0.1, 0.1, -0.1, rng.uniform(-2, 2)]))
    points = se3.transform(T_cam_goal, np.column_stack([goal, np.ones(n)]) * depth[:, None])
    current = points[:, :2] / points[:, 2:]
    right = rng.random(n) >= wrong
    current[~right] = rng.uniform(-0.5, 0.5, (np.count_nonzero(~right), 2))
    current[rng.random(n) < hidden] = np.nan
    graph = build_graph(goal, depth)
    return graph, build_frame(graph, current, points[:, 2]), T_cam_goal, right


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)
    with torch.no_grad():
        yield


@pytest.fixture
def make_goal():
    """See `_make_goal`."""
    return _make_goal
