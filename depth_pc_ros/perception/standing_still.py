"""What stands still in a live image that shows most of the goal elsewhere: a tool in view, a cable, dirt on the lens.

Such a thing looks the same in goal and live image wherever the camera is. Where it has more texture than the scene, its
matches outvote those of the scene, and say that the goal is reached. At a first answer nothing has moved yet that could
tell them apart, so the whole picture does: it must contradict more of the goal's texture than it confirms.
"""

import cv2
import numpy as np

from depth_pc_ros.perception.agreement import ALIKE, UNLIKE, Texture, correlation, small_texture

STANDS_PX = 1.5  # median distance of matches from the goal below which they say that nothing has moved
_FEWEST = 8  # matches
# px of the small image: what is alike shrinks by half of the first, as small places are alike by chance, and grows by
# half of the second, as keypoints at its border see it, too.
_SMALL, _AROUND = np.ones((5, 5), np.uint8), np.ones((17, 17), np.uint8)


def say_at_goal(goal_px: np.ndarray, live_px: np.ndarray) -> bool:
    """Whether matches, (M, 2) px in goal and live image, say that the camera is at the goal."""
    return len(goal_px) >= _FEWEST and bool(np.median(np.linalg.norm(live_px - goal_px, axis=1)) < STANDS_PX)


def standing_still(goal: Texture, grey: np.ndarray, allowed: np.ndarray | None) -> np.ndarray | None:
    """Mask (H, W) bool of what looks the same in goal and live image `grey` (H, W) uint8; None: most of it does.

    allowed: (H, W) bool, what is looked at; None: everything.
    """
    live = small_texture(grey)
    zncc, texture = correlation(goal, live), goal.textured
    if allowed is not None:
        size = texture.shape[::-1]
        texture = texture & cv2.resize(allowed.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST).astype(bool)
    alike = texture & (zncc > ALIKE)
    if np.count_nonzero(texture & (zncc < UNLIKE)) <= np.count_nonzero(alike):
        return None
    grown = cv2.dilate(cv2.erode(alike.astype(np.uint8), _SMALL), _AROUND)
    return cv2.resize(grown, grey.shape[::-1], interpolation=cv2.INTER_NEAREST).astype(bool)
