"""The figures are written whole, whatever the run was like."""

import cv2
import numpy as np
import pytest

from depth_pc_ros.cli.run_figures import draw_trajectory, draw_views
from depth_pc_ros.cli.run_report import Frame, RunRecord
from depth_pc_ros.geometry import se3
from depth_pc_ros.types import ServoState


def test_views_show_four_panels_and_a_black_difference_at_the_goal(tmp_path):
    rng = np.random.default_rng(0)
    goal = rng.integers(0, 256, (480, 640, 3), dtype=np.uint8)
    start = np.full_like(goal, 200)
    draw_views(tmp_path / "demo.png", start, goal.copy(), goal, "a run")
    picture = cv2.imread(str(tmp_path / "demo.png"))
    height, width = picture.shape[:2]
    assert width >= 1600
    middle = picture[height // 2 - 20 : height // 2 + 20]
    panels = [middle[:, int(width * (k + 0.5) / 4) + np.arange(-20, 20)] for k in range(4)]
    assert np.abs(panels[0].astype(int) - 200).max() <= 2
    assert panels[1].std() > 30  # noise, drawn smaller than it is
    np.testing.assert_array_equal(panels[1].shape, panels[2].shape)
    assert panels[3].max() <= 5


@pytest.mark.parametrize("case", ["converged", "lost on the path", "one frame", "no pose known", "already there"])
def test_trajectory_is_drawn(tmp_path, case):
    goal = se3.look_at(np.array([0.1, -0.1, 0.6]), np.zeros(3), np.array([0.0, 1.0, 0.0]))
    frames = []
    for k in range(1 if case == "one frame" else 30):
        T = goal if case == "already there" else goal @ se3.exp(np.array([0.1, 0.05, -0.1, 0.1, 0.2, 0.3]) * 0.8**k)
        state = ServoState.LOST if case == "lost on the path" and k > 20 else ServoState.SERVOING
        error_px = 0.0 if case == "already there" else np.nan if state is ServoState.LOST else 100 * 0.8**k
        frames.append(Frame(0.04 * k, state, 90, error_px, np.full(6, 0.1 * 0.8**k), T))
    if case == "no pose known":
        frames = [Frame(f.t_s, f.state, f.matches, f.error_px, f.twist, None) for f in frames]
    draw_trajectory(tmp_path / "trajectory.png", RunRecord(goal, frames), 0.6, case)
    picture = cv2.imread(str(tmp_path / "trajectory.png"))
    assert picture.shape[1] >= 1400
    assert picture.std() > 10
