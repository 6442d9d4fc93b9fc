"""What a first answer is worth: the law's first motion on a pair of real frames, against the true one.

Right: rotation within 5 degrees, and translation within 10 % of the distance or a third of the way, whichever is more.
Wrong way: a motion more than 90 degrees off the true one, as vectors of six numbers: how the scene's centre is to move
in the camera, over its distance, and the rotation vector. Both parts are then about equal to the motion of the image.
"""

import numpy as np

from depth_pc_ros.geometry import se3

LOST, RIGHT, OFF, WRONG_WAY, TOWARD = "lost", "right", "off", "wrong_way", "toward"
OUTCOMES = {
    LOST: "no answer: the servo would say so and stand still",
    RIGHT: "a pose near enough",
    OFF: "a wrong pose, but the motion starts towards the goal",
    TOWARD: "no pose is solved for; the motion starts towards the goal",
    WRONG_WAY: "the motion starts away from the goal",
}
RIGHT_DEG, RIGHT_SHARE, RIGHT_WAY = 5.0, 0.1, 1 / 3
# Why an answer is not right, from the matches alone; the first that holds.
FEW, WELL_MATCHED, OUTVOTED, MIXED = "few matches", "pose wrong from right matches", "wrong consensus", "mixed"
CAUSES = {
    FEW: "fewer than 20 matches",
    WELL_MATCHED: "at least 40 matches, more than 90 % of them right",
    OUTVOTED: "fewer than half of the matches are right",
    MIXED: "all else",
}


def judged(twist, T_live_goal, T_true: np.ndarray, distance_m: float) -> dict:
    """The numbers of an answer.

    twist: (6,) at unit gain, in the live camera; None: lost. T_live_goal: the pose (4, 4) that the law solved for, or
    None. T_true: (4, 4). distance_m: goal camera to scene.
    """
    nothing = dict.fromkeys(("re_deg", "te_share", "translation_deg", "scale", "way_deg"))
    if twist is None:
        return {"outcome": LOST, **nothing}
    way_deg = _angle(_motion(twist, T_true, distance_m), _true_motion(T_true, distance_m))
    numbers = {**nothing, "way_deg": way_deg}
    right = False
    if T_live_goal is not None:
        te_m, re_deg = se3.pose_error(T_live_goal, T_true)
        way_m = float(np.linalg.norm(T_true[:3, 3]))
        numbers |= {
            "re_deg": re_deg,
            "te_share": te_m / distance_m,
            "translation_deg": _angle(T_live_goal[:3, 3], T_true[:3, 3]),
            "scale": float(np.linalg.norm(T_live_goal[:3, 3])) / way_m if way_m > 0 else None,
        }
        right = re_deg <= RIGHT_DEG and te_m <= max(RIGHT_SHARE * distance_m, RIGHT_WAY * way_m)
    outcome = RIGHT if right else WRONG_WAY if way_deg > 90 else OFF if T_live_goal is not None else TOWARD
    return {"outcome": outcome, **{k: v if v is None else round(float(v), 5) for k, v in numbers.items()}}


def _motion(twist: np.ndarray, T_true: np.ndarray, distance_m: float) -> np.ndarray:
    """How a twist moves the scene's centre in the live camera, over its distance, and the rotation vector."""
    centre = se3.transform(T_true, np.array([0.0, 0.0, distance_m]))
    return np.concatenate([(-twist[:3] - np.cross(twist[3:], centre)) / distance_m, twist[3:]])


def _true_motion(T_true: np.ndarray, distance_m: float) -> np.ndarray:
    """The same of the whole way to the goal: the centre goes straight to its place there."""
    centre = np.array([0.0, 0.0, distance_m])
    return np.concatenate([(centre - se3.transform(T_true, centre)) / distance_m, se3.log_so3(T_true[:3, :3])])


def _angle(a: np.ndarray, b: np.ndarray) -> float | None:
    """Degrees between two vectors; None where one is zero."""
    norms = np.linalg.norm(a) * np.linalg.norm(b)
    return float(np.degrees(np.arccos(np.clip(a @ b / norms, -1, 1)))) if norms > 1e-12 else None


def cause_of(outcome: str, matches: int, right_share: float | None) -> str:
    """Why an answer is not right; empty where it is, or where nothing better was asked of the law."""
    if outcome in (RIGHT, TOWARD):
        return ""
    if matches < 20:
        return FEW
    if right_share is not None and matches >= 40 and right_share > 0.9:
        return WELL_MATCHED
    if right_share is not None and right_share < 0.5:
        return OUTVOTED
    return MIXED
