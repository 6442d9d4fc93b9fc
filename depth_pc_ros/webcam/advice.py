"""What a person has to do with the camera, from its pose relative to the goal: plain words, largest part first."""

from dataclasses import dataclass

import numpy as np

from depth_pc_ros.geometry import se3

# Of each component of a twist `[v, w]` in the camera's optical frame: what it is called where it is > 0 and where < 0.
WORDS = (
    ("right", "left"),
    ("down", "up"),
    ("forward", "back"),
    ("tilt up", "tilt down"),
    ("turn right", "turn left"),
    ("turn clockwise", "turn counter-clockwise"),
)
LEAST = 0.005  # of a share of the distance, and rad: less is not worth a word; half the error at which the servo stops


@dataclass(frozen=True)
class Move:
    """One part of the way. axis: which component of a twist. size: its signed share of the distance, or rad."""

    axis: int
    size: float
    distance_m: float | None

    @property
    def words(self) -> str:
        """Such as `left 4 cm` or `turn clockwise 10 deg`; a share of the distance where metres are not known."""
        word = WORDS[self.axis][self.size < 0]
        if self.axis >= 3:
            return f"{word} {_rounded(np.degrees(abs(self.size)))} deg"
        if self.distance_m is None:
            return f"{word} {_rounded(100 * abs(self.size))} %"
        return f"{word} {_rounded(100 * abs(self.size) * self.distance_m)} cm"


def advise(T_cam_goal: np.ndarray, prior_m: float, distance_known: bool) -> list[Move]:
    """The moves that lead to the goal, largest first; none where all are small.

    T_cam_goal: (4, 4), lengths for a scene that is `prior_m` away from the goal's camera. distance_known: whether that
    is the true distance.
    """
    way = se3.pbvs_twist(T_cam_goal)
    sizes = np.concatenate([way[:3] / prior_m, way[3:]])
    axes = sorted(np.flatnonzero(np.abs(sizes) >= LEAST).tolist(), key=lambda axis: -abs(sizes[axis]))
    return [Move(axis, float(sizes[axis]), prior_m if distance_known else None) for axis in axes]


def _rounded(value: float) -> str:
    return f"{value:.0f}" if value >= 3 else f"{value:.1f}"
