"""What a method gets: the goal of an episode once, and then frame by frame what there is to see."""

from dataclasses import dataclass

import numpy as np

from depth_pc_ros.geometry.camera import Intrinsics


@dataclass(frozen=True)
class View:
    """What a method may see of one moment: (H, W, 3) uint8 RGB and (H, W) metres, None where there is none."""

    image: np.ndarray | None
    depth_m: np.ndarray | None


@dataclass(frozen=True)
class Task:
    """The goal of an episode, as a method gets it.

    view: from the goal. distance_m: the distance prior, camera to scene centre; None: not known. peaks: m/s and rad/s,
    as `paper_peaks` gives them. T_world_goal (4, 4) and centre (3,) are the truth, for the oracle only. mask: (H, W)
    uint8, 0 where nothing is to be matched; None: not known.
    """

    view: View
    intrinsics: Intrinsics
    distance_m: float | None
    peaks: tuple[float, float]
    T_world_goal: np.ndarray
    centre: np.ndarray
    mask: np.ndarray | None = None


@dataclass(frozen=True)
class Frame:
    """One moment of a run. T_world_cam (4, 4) is the truth, for the oracle only. age_s: as in `ServoPipeline.step`."""

    view: View
    stamp_s: float
    T_world_cam: np.ndarray
    age_s: float = 0.0
