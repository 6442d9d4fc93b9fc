"""Closed loops on recorded frames: which frame is the goal, where the camera starts, and what it sees on its way.

The world of an episode has its origin on the goal camera's optical axis, at the median depth of the goal frame; the
goal camera looks down at it. `own`: goal and live images are rendered from one frame, with the same holes. `other`:
the goal image is a recorded frame as it is, and live images are rendered from another frame of the same scene, at
whose pose the camera starts, as in life. What that frame does not show of the goal is filled in from further frames.
"""

import functools
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from depth_pc_ros.benchmark.real_fillers import Fillers
from depth_pc_ros.benchmark.real_pairs import Pair, make_pairs
from depth_pc_ros.benchmark.real_worlds import ExactFrame, FilledWorld, FrameWorld
from depth_pc_ros.benchmark.recordings.frames import Camera, Frame
from depth_pc_ros.benchmark.recordings.source import Recording, open_recording
from depth_pc_ros.benchmark.settings import LEVELS, Settings
from depth_pc_ros.errors import ImageError, SceneError
from depth_pc_ros.geometry import se3
from depth_pc_ros.geometry.camera import Intrinsics
from depth_pc_ros.perception.goal_mask import check_mask, read_mask

# Of the start from the goal, by level: rotation in degrees, and how far the camera moves about the scene, in distances.
STARTS = {"S": ((5.0, 15.0), (0.05, 0.1)), "M": ((15.0, 30.0), (0.1, 0.2)), "L": ((30.0, 60.0), (0.15, 0.3))}
ROLL = 0.8  # of the rotation, at least, is about the optical axis: one frame shows nothing from behind
OTHER_ROTATIONS_DEG = {"S": (0.0, 10.0), "M": (10.0, 25.0), "L": (25.0, 90.0)}
LEAST_OVERLAP = 0.5  # of the goal, in what live views are rendered from


@dataclass(frozen=True)
class RealPlace:
    """A recorded frame.

    frame: its number. T_world_cam: (4, 4), of it in the episode. exact: never rendered. fillers: numbers of frames that
    fill its holes.
    """

    frame: int
    T_world_cam: np.ndarray
    exact: bool = False
    fillers: tuple[int, ...] = ()
    centre: tuple[float, float, float] = (0.0, 0.0, 0.0)


@functools.lru_cache(maxsize=2)
def recording_of(root: Path, split: str, format: str) -> Recording:
    """As `open_recording`, once in a process."""
    return open_recording(root, split, format)


def run_recording(settings: Settings, root: Path | None) -> Recording:
    """The recording of a run. Raises SceneError, RecordingError."""
    if root is None:
        raise SceneError("root: expected the folder of a recording, got none")
    return recording_of(root, settings.split, settings.recording_format)


@functools.lru_cache(maxsize=2)
def pairs_of(root: Path, split: str, format: str, seed: int, across: bool) -> tuple[tuple[Pair, ...], tuple[str, ...]]:
    """As `make_pairs`, once in a process."""
    pairs, problems = make_pairs(recording_of(root, split, format).frames, seed, across)
    return tuple(pairs), tuple(problems)


def run_pairs(settings: Settings, root: Path) -> tuple[tuple[Pair, ...], tuple[str, ...]]:
    """The pairs of a run, and one line for each frame that could not be read."""
    return pairs_of(root, settings.split, settings.recording_format, settings.seed, settings.across)


class RealEpisodes:
    """The closed loops of a run, by level and number. root: of the recording."""

    def __init__(self, settings: Settings, root: Path | None):
        self._settings, self._root = settings, root
        self._frames = run_recording(settings, root).frames
        self._fillers = Fillers(self._frames)
        pairs, _ = run_pairs(settings, root)
        goals = sorted({pair.goal for pair in pairs if self._frames[pair.goal].has_depth})
        if not goals:
            raise SceneError("loops: expected frames with depth, to render live views from; the recording has none")
        self._goals = np.random.default_rng([settings.seed, 21]).permutation(goals)
        self._others = {
            level: [pair for pair in pairs if low <= pair.rotation_deg < high and pair.overlap >= LEAST_OVERLAP]
            for level, (low, high) in OTHER_ROTATIONS_DEG.items()
        }

    def available(self, level: str) -> int:
        """How many different episodes a level has."""
        return 10**6 if self._settings.goal_frame == "own" else len(self._others[level])

    def intrinsics(self, place: RealPlace) -> Intrinsics:
        """Of the images."""
        return self._frames[place.frame].intrinsics

    def views(self, level: str, index: int) -> tuple[np.ndarray, np.ndarray, RealPlace, RealPlace | None]:
        """T_world_goal, T_world_start (4, 4), what live images show, what the goal image shows (None: the same)."""
        if self._settings.goal_frame == "other":
            if index >= len(self._others[level]):
                raise SceneError(
                    f"loops: level {level} has {len(self._others[level])} pairs of frames, got number {index}"
                )
            pair = self._others[level][index]
            T_world_goal = looking_down(pair.distance_m)
            T_goal_live = se3.inverse(self._frames[pair.goal].T_world_cam) @ self._frames[pair.live].T_world_cam
            T_world_start = T_world_goal @ T_goal_live
            live = RealPlace(pair.live, T_world_start, fillers=self._fillers.of(pair))
            return T_world_goal, T_world_start, live, RealPlace(pair.goal, T_world_goal, True)
        rng = np.random.default_rng([self._settings.seed, 22, LEVELS.index(level), index])
        number = int(self._goals[(LEVELS.index(level) + len(LEVELS) * index) % len(self._goals)])
        _, depth_m = self._frames[number].load()
        T_world_goal = looking_down(float(np.nanmedian(depth_m)))
        T_world_start = _start(rng, level, T_world_goal)
        return T_world_goal, T_world_start, RealPlace(number, T_world_goal), None


def looking_down(distance_m: float) -> np.ndarray:
    """T_world_cam (4, 4) of a camera that looks straight down at the origin from `distance_m`."""
    return se3.from_rt(np.diag([1.0, -1.0, -1.0]), np.array([0.0, 0.0, distance_m]))


def _start(rng: np.random.Generator, level: str, T_world_goal: np.ndarray) -> np.ndarray:
    """A start pose: the camera rolls, moves about the scene's centre, and comes nearer or goes away."""
    (low, high), (near, far) = STARTS[level]
    roll = rng.choice([-1, 1]) * np.radians(rng.uniform(low, high)) * rng.uniform(ROLL, 1.0)
    angle = rng.uniform(-np.pi, np.pi)
    about = np.array([np.cos(angle), np.sin(angle), 0.0]) * rng.uniform(near, far)
    T = se3.from_rt(se3.exp_so3(about), np.zeros(3)) @ T_world_goal  # about the origin, which it looks at
    T[:3, 3] += rng.uniform(-0.5, 0.5) * far * T[:3, 3]
    T[:3, :3] = T[:3, :3] @ se3.exp_so3(np.array([*rng.uniform(-0.05, 0.05, 2), roll]))
    return T


def real_world(place: RealPlace, settings: Settings, root: Path | None) -> FrameWorld | FilledWorld | ExactFrame:
    """The world that a frame is. Raises RecordingError, SceneError (no depth)."""
    frames = run_recording(settings, root).frames
    image, depth_m = _with_depth(frames[place.frame])
    if place.exact:
        return ExactFrame(image, depth_m, frames[place.frame].intrinsics)
    world = FrameWorld(image, depth_m, frames[place.frame].intrinsics, place.T_world_cam)
    T_world_recording = place.T_world_cam @ se3.inverse(frames[place.frame].T_world_cam)
    fillers = [
        FrameWorld(*_with_depth(frame), frame.intrinsics, T_world_recording @ frame.T_world_cam)
        for frame in (frames[number] for number in place.fillers)
    ]
    return FilledWorld(world, fillers) if fillers else world


def _with_depth(frame: Frame) -> tuple[np.ndarray, np.ndarray]:
    image, depth_m = frame.load()
    if depth_m is None:
        raise SceneError(f"loops: {frame.name}: expected depth, to render live views from; the recording has none")
    return image, depth_m


def recorded_mask(place, settings: Settings, places) -> np.ndarray | None:
    """Mask (H, W) uint8 of an episode's images; None: it has none."""
    if places.mask is None or not isinstance(place, RealPlace):
        return None
    return mask_for(run_recording(settings, places.recording).frames[place.frame].camera, places.mask)


@functools.lru_cache(maxsize=2)
def _raw_mask(path: Path) -> np.ndarray:
    return read_mask(path)


def mask_for(camera: Camera, path: Path) -> np.ndarray:
    """The mask of a file, rectified as the camera's images. Raises ImageError where it has not the raw images' size."""
    raw = _raw_mask(path)
    if raw.shape[1::-1] != tuple(camera.size):
        raise ImageError(
            f"mask: {path}: expected the recording's size {camera.size[0]} x {camera.size[1]}, got {raw.shape[1]} x "
            f"{raw.shape[0]}"
        )
    mask = camera.mask(raw)
    check_mask(mask, camera.working.size)
    return mask
