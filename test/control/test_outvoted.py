"""Matches near the goal that contradict its pose."""

import numpy as np

from depth_pc_ros.control.outvoted import outvoted
from depth_pc_ros.types import Observation

FOCAL = 540.0


def seen(shift_px):
    """An observation whose points are so far (N, 2) from their goal."""
    goal = np.random.default_rng(0).uniform(-0.4, 0.4, (len(shift_px), 2))
    nothing = np.full(len(goal), np.nan)
    matched = np.ones(len(goal), bool)
    return Observation(goal, goal + np.asarray(shift_px) / FOCAL, matched, nothing, nothing, 0.7, FOCAL)


def test_matches_that_lie_together_elsewhere_contradict_and_wrong_ones_do_not():
    rng = np.random.default_rng(1)
    shift = rng.normal(size=(200, 2)) * 0.3
    inliers = np.arange(200) < 100
    assert outvoted(seen(shift), np.ones(200, bool)) == ""
    shift[100:] = rng.uniform(-300, 300, (100, 2))  # half of all are wrong
    assert outvoted(seen(shift), inliers) == ""
    shift[100:] = rng.normal(size=(100, 2)) * 6  # noise
    assert outvoted(seen(shift), inliers) == ""
    shift[100:] = (8, 5) + rng.normal(size=(100, 2))  # off the plane that the inliers are on
    assert outvoted(seen(shift), inliers) == "100 matches lie together 9 px from their places, 100 are at theirs"
    shift[130:] = 0.0
    assert outvoted(seen(shift), inliers) == ""  # 30 are too few of 200
    noisy = np.where(np.arange(200)[:, None] < 100, 3.0, 1.0) * rng.normal(size=(200, 2)) + (0, 6) * ~inliers[:, None]
    assert outvoted(seen(noisy), inliers) == ""  # within the noise of the inliers
