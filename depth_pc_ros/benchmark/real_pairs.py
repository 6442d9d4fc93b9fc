"""Pairs of frames for first answers: stratified by rotation, baseline over distance, and overlap. Seeded.

Every combination of a rotation, a baseline and an overlap that a recording has gives equally many pairs, as far as it
has them. The first N pairs are always the same.
"""

from dataclasses import dataclass

import numpy as np

from depth_pc_ros.benchmark.real_overlap import Sketch, SketchByDepth, sketch
from depth_pc_ros.benchmark.recordings.frames import Frame, RecordingError
from depth_pc_ros.geometry import se3

KEYFRAMES = 60  # of a split, evenly over it: pairs are made of these
CANDIDATES = 1500  # pairs that are looked at
ROTATIONS_DEG = (10.0, 25.0, 50.0, 90.0)  # upper ends of the strata; no pair is further apart
BASELINES = (0.1, 0.3, 0.6, 2.0)
OVERLAPS = (0.4, 0.7, 1.0)  # of what is seen, where depth is recorded
COVISIBLE = (0.1, 0.25, 1.0)  # of the keypoints, where it is not
_NO_MOTION_DEG, _NO_MOTION = 2.0, 0.02


@dataclass(frozen=True)
class Pair:
    """Two frames, by their numbers in the recording.

    rotation_deg: from live to goal. baseline: their distance over the goal's to the scene, `distance_m`. overlap: share
    of the goal that the live image shows too: of its surface, or (no depth) of its keypoints.
    """

    goal: int
    live: int
    rotation_deg: float
    baseline: float
    overlap: float
    distance_m: float


def rotation_name(degrees: float) -> str:
    """The stratum of a rotation, for the tables."""
    upper = next((end for end in ROTATIONS_DEG if degrees < end), ROTATIONS_DEG[-1])
    lower = ([0.0, *ROTATIONS_DEG])[ROTATIONS_DEG.index(upper)]
    return f"{lower:.0f}-{upper:.0f}°"


def is_still(rotation_deg: float, baseline: float) -> bool:
    """Whether two frames are as good as the same view."""
    return rotation_deg < _NO_MOTION_DEG and baseline < _NO_MOTION


def make_pairs(frames: list[Frame], seed: int, across: bool = False) -> tuple[list[Pair], list[str]]:
    """All pairs that can be chosen, in their order, and one line for each frame that could not be read.

    across: goal and live image come from different sequences, whose poses are in one world; else from one sequence.
    """
    rng = np.random.default_rng([seed, 20])
    sketches, problems = _sketches(frames, keyframes(frames))
    numbers = sorted(sketches)
    both = [
        (goal, live)
        for goal in numbers
        for live in numbers
        if goal != live
        and (frames[goal].sequence != frames[live].sequence) == across
        and frames[goal].intrinsics == frames[live].intrinsics
    ]
    strata: dict[tuple, list[Pair]] = {}
    for k in rng.permutation(len(both))[:CANDIDATES]:
        pair = _measured(frames, sketches, *both[k])
        if pair is not None:
            by_depth = isinstance(sketches[pair.goal], SketchByDepth)
            ends = (ROTATIONS_DEG, BASELINES, OVERLAPS if by_depth else COVISIBLE)
            values = (pair.rotation_deg, pair.baseline, pair.overlap)
            key = tuple(int(np.searchsorted(end, value)) for end, value in zip(ends, values))
            strata.setdefault(key, []).append(pair)
    return _round_robin([strata[key] for key in sorted(strata)]), problems


def keyframes(frames: list[Frame]) -> np.ndarray:
    """Numbers of the frames that are used, evenly over all."""
    return np.unique(np.linspace(0, len(frames) - 1, min(KEYFRAMES, len(frames))).round().astype(int))


def _round_robin(groups: list[list[Pair]]) -> list[Pair]:
    longest = max(map(len, groups), default=0)
    return [group[k] for k in range(longest) for group in groups if k < len(group)]


def _sketches(frames: list[Frame], numbers) -> tuple[dict[int, Sketch], list[str]]:
    """The frames that can be read, small. Frames without depth are left out of a recording that has depth."""
    sketches, problems = {}, []
    with_depth = 2 * sum(frames[k].has_depth for k in numbers) > len(numbers)
    for k in map(int, numbers):
        frame = frames[k]
        try:
            if with_depth and not frame.has_depth:
                raise RecordingError(
                    f"{frame.sequence}/{frame.name}: expected depth as the other frames have, found none"
                )
            sketches[k] = sketch(frame, with_depth)
        except RecordingError as error:
            problems.append(str(error))
    return sketches, problems


def _measured(frames: list[Frame], sketches: dict[int, Sketch], goal: int, live: int) -> Pair | None:
    """The pair; None: no motion, too much of it, or too little that both see."""
    T_live_goal = se3.inverse(frames[live].T_world_cam) @ frames[goal].T_world_cam
    rotation_deg = float(np.degrees(se3.rotation_angle(T_live_goal[:3, :3])))
    if rotation_deg >= ROTATIONS_DEG[-1]:
        return None
    overlap, distance_m = sketches[goal].seen_by(sketches[live], T_live_goal)
    baseline = float(np.linalg.norm(T_live_goal[:3, 3])) / distance_m if distance_m else np.inf
    if is_still(rotation_deg, baseline) or baseline >= BASELINES[-1] or overlap < sketches[goal].least:
        return None
    return Pair(goal, live, round(rotation_deg, 3), round(baseline, 4), round(overlap, 3), round(distance_m, 4))
