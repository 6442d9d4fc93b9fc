"""Which frames show what one frame of a recording does not show of a goal."""

import functools

import numpy as np

from depth_pc_ros.benchmark.real_overlap import SketchByDepth
from depth_pc_ros.benchmark.real_pairs import Pair, is_still, keyframes
from depth_pc_ros.benchmark.recordings.frames import Frame, RecordingError
from depth_pc_ros.geometry import se3

MOST, LEAST_GAIN = 3, 0.02  # frames, and the share of the goal that each of them adds


class Fillers:
    """Chooses among the keyframes of a recording."""

    def __init__(self, frames: list[Frame]):
        self._frames = frames
        self._sketch = functools.cache(self._sketched)

    def of(self, pair: Pair) -> tuple[int, ...]:
        """Frames of the live frame's sequence that show most of what it hides, the best first; never the goal's view.

        No frames where goal or live frame has no depth.
        """
        goal, live = self._frames[pair.goal], self._frames[pair.live]
        sketch = self._sketch(pair.goal)
        if sketch is None or self._sketch(pair.live) is None:
            return ()
        chosen: list[int] = []
        shown = {k: self._shown(sketch, goal, k) for k in self._candidates(goal, live, pair.distance_m)}
        seen = self._shown(sketch, goal, pair.live)
        while shown and len(chosen) < MOST:
            best = max(shown, key=lambda k: np.count_nonzero(shown[k] & ~seen))
            if np.mean(shown[best] & ~seen) < LEAST_GAIN:
                break
            chosen.append(best)
            seen = seen | shown.pop(best)
        return tuple(chosen)

    def _candidates(self, goal: Frame, live: Frame, distance_m: float) -> list[int]:
        """Keyframes that are neither the live frame nor as good as the goal."""
        candidates = []
        for k in map(int, keyframes(self._frames)):
            frame = self._frames[k]
            apart_m, apart_deg = se3.pose_error(frame.T_world_cam, goal.T_world_cam)
            of_place = frame.sequence == live.sequence and frame.intrinsics == live.intrinsics and frame is not live
            if of_place and frame is not goal and not is_still(apart_deg, apart_m / distance_m) and self._sketch(k):
                candidates.append(k)
        return candidates

    def _shown(self, sketch: SketchByDepth, goal: Frame, number: int) -> np.ndarray:
        return sketch.shown_by(self._sketch(number), se3.inverse(self._frames[number].T_world_cam) @ goal.T_world_cam)

    def _sketched(self, number: int) -> SketchByDepth | None:
        """None: the frame has no depth, or cannot be read; `make_pairs` has told so."""
        try:
            _, depth_m = self._frames[number].load()
        except RecordingError:
            return None
        return None if depth_m is None else SketchByDepth(depth_m, self._frames[number].intrinsics)
