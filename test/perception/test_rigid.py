"""Which matches one rigid motion explains, near the goal."""

import numpy as np
import pytest

from depth_pc_ros.config import MatcherConfig
from depth_pc_ros.geometry import se3
from depth_pc_ros.geometry.camera import Intrinsics
from depth_pc_ros.perception.factory import make_detecting_matcher

CAMERA = Intrinsics(540.0, 540.0, 320.0, 240.0, 640, 480)
ON_PLANE, OFF_PLANE, WRONG = 200, 80, 40
# A shift that a rotation almost cancels for what is 1 m away, and not for what is nearer.
MOTION = se3.from_rt(se3.exp_so3(np.array([0.0, -0.03, 0.0])), np.array([0.03, 0.005, 0.01]))


@pytest.fixture
def matcher():
    matcher = make_detecting_matcher(MatcherConfig())
    rng = np.random.default_rng(0)
    matcher.set_goal(rng.integers(0, 255, (480, 640, 3), dtype=np.uint8), CAMERA)
    return matcher


@pytest.mark.parametrize("seed", range(5))
def test_near_the_goal_right_matches_off_the_dominant_plane_are_kept(matcher, seed):
    rng = np.random.default_rng(seed)
    goal_px = rng.uniform([20, 20], [620, 460], (ON_PLANE + OFF_PLANE + WRONG, 2))
    depth_m = np.ones(len(goal_px))
    off, wrong = slice(ON_PLANE, ON_PLANE + OFF_PLANE), slice(ON_PLANE + OFF_PLANE, None)
    depth_m[off] = rng.uniform(0.45, 0.7, OFF_PLANE)
    live_px = CAMERA.project(se3.transform(MOTION, CAMERA.unproject(goal_px, depth_m)))
    live_px += rng.normal(size=live_px.shape) * 0.3
    live_px[wrong] = goal_px[wrong] + rng.uniform(-40, 40, (WRONG, 2))
    moved_px = np.linalg.norm(live_px - goal_px, axis=1)
    assert np.median(moved_px) < 8.0 < moved_px[off].mean()
    kept = matcher.rigid(goal_px, live_px)
    assert kept[:ON_PLANE].mean() > 0.98
    assert kept[off].mean() > 0.95
    assert kept[wrong].mean() < 0.15
