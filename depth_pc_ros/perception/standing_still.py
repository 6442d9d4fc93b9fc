"""What stands still in a live image that shows most of the goal elsewhere: a tool in view, a cable, dirt on the lens.

Such a thing looks the same in goal and live image wherever the camera is. Where it has more texture than the scene, its
matches outvote those of the scene, and say that the goal is reached. At a first answer nothing has moved yet that could
tell them apart, so the whole picture does: it must contradict more of the goal's texture than it confirms.
"""

import cv2
import numpy as np

from depth_pc_ros.perception.agreement import ALIKE, UNLIKE, Texture, correlation, small_homography, small_texture

NEARBY_PX = 40.0  # median distance from the goal of matches that say that the camera is close to it
_FEWEST = 8  # matches
_MOTION_PX = 5.0  # of matches from the homography that shows what they explain
# px of the small image: what is alike shrinks by half of the first, as small places are alike by chance, and grows by
# half of the second, as keypoints at its border see it, too.
_SMALL, _AROUND = np.ones((5, 5), np.uint8), np.ones((17, 17), np.uint8)


def say_nearby(goal_px: np.ndarray, live_px: np.ndarray) -> bool:
    """Whether matches, (M, 2) px in goal and live image, say that the camera is close to the goal.

    Those of a thing that is fixed to the camera say so, at its place or, along its outline, beside it.
    """
    return len(goal_px) >= _FEWEST and bool(np.median(np.linalg.norm(live_px - goal_px, axis=1)) < NEARBY_PX)


def standing_still(goal: Texture, grey: np.ndarray, allowed: np.ndarray | None) -> np.ndarray | None:
    """Mask (H, W) bool of what looks the same in goal and live image `grey` (H, W) uint8; None: most of it does.

    allowed: (H, W) bool, what is looked at; None: everything.
    """
    live = small_texture(grey)
    zncc, texture = correlation(goal, live), goal.textured
    if allowed is not None:
        texture = texture & _resized(allowed, texture.shape[::-1])
    alike = texture & (zncc > ALIKE)
    if np.count_nonzero(texture & (zncc < UNLIKE)) <= np.count_nonzero(alike):
        return None
    grown = cv2.dilate(cv2.erode(alike.astype(np.uint8), _SMALL), _AROUND)
    return _resized(grown, grey.shape[::-1])


def _resized(mask: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """A mask, bool, with this (width, height)."""
    return cv2.resize(mask.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST).astype(bool)


def explained_by(
    goal_grey: np.ndarray, live_grey: np.ndarray, groups: list[tuple[np.ndarray, np.ndarray]]
) -> list[float]:
    """Share of the goal's texture that each group of matches, (M, 2) px in goal and live image, explains.

    It tells groups apart better than their numbers, which are those of the texture. What stands still counts for none,
    as long as most of the picture says that the camera is elsewhere: a tool in view explains itself at any pose.
    Images: (H, W) uint8.
    """
    goal, live, size = small_texture(goal_grey), small_texture(live_grey), goal_grey.shape[::-1]
    judged, still = goal.textured, standing_still(goal, live_grey, None)
    if still is not None:
        judged = judged & ~_resized(still, judged.shape[::-1])
    explained = []
    for goal_px, live_px in groups:
        motion = cv2.findHomography(goal_px, live_px, cv2.RANSAC, _MOTION_PX)[0] if len(goal_px) >= 4 else None
        moved = None if motion is None else live.warped(small_homography(motion, size))
        seen = 0 if moved is None else np.count_nonzero(judged & moved.textured & (correlation(goal, moved) > ALIKE))
        explained.append(float(seen / max(np.count_nonzero(judged), 1)))
    return explained
