"""At the goal, are many matches still away from their places?"""

import numpy as np

from depth_pc_ros.types import Observation

NEAR_PX = 3.0, 40.0  # distance from the goal of what contradicts: wrong matches are mostly farther off
NOISES = 4.0  # medians of the distance of inliers that are noise
FEWEST, SHARE = 12, 0.2  # of them, and as a share of those at their places, that raise a doubt
TOGETHER = 0.5  # length of the median of their shifts over their median length: noise has no direction


def outvoted(observation: Observation, inliers: np.ndarray) -> str:
    """What contradicts that the goal is reached, though the inliers (N,) bool are there; empty: nothing does.

    The error that stops the servo is that of the inliers alone, and without the worst of them.
    """
    shift_px = observation.focal_px * (observation.current - observation.goal)[observation.matched]
    away_px = np.linalg.norm(shift_px, axis=1)
    least_px = max(NEAR_PX[0], NOISES * float(np.median(away_px[inliers[observation.matched]])))
    against = (away_px > least_px) & (away_px < NEAR_PX[1])
    count, there = np.count_nonzero(against), np.count_nonzero(away_px <= least_px)
    if count < max(FEWEST, SHARE * there):
        return ""
    together_px = np.linalg.norm(np.median(shift_px[against], axis=0))
    if together_px < TOGETHER * np.median(away_px[against]):
        return ""
    return f"{count} matches lie together {together_px:.0f} px from their places, {there} are at theirs"
