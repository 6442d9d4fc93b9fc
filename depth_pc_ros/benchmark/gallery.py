"""Pictures of the worst cases: what the camera saw at the start, at the end, and at the goal."""

from pathlib import Path

import cv2
import numpy as np

from depth_pc_ros.benchmark.episodes import EpisodeSource, Places
from depth_pc_ros.benchmark.metrics import by_method
from depth_pc_ros.benchmark.results import Results
from depth_pc_ros.benchmark.trial import SUCCESS
from depth_pc_ros.benchmark.worlds import open_world
from depth_pc_ros.errors import DepthPcError, FileError
from depth_pc_ros.files.cache import cached
from depth_pc_ros.files.image_file import read_image

_WIDTH_PX, _GAP_PX = 320, 4
_PER_METHOD = 4


def worst_trials(results: Results) -> list[dict]:
    """The worst few trials of each method that sees images: failures first, the farthest from its goal first."""
    chosen = []
    for method, trials in by_method(results.trials).items():
        if method != "oracle":
            chosen += sorted(trials, key=lambda trial: (trial["outcome"] == SUCCESS, -trial["te_mm"]))[:_PER_METHOD]
    return chosen


def picture(results: Results, trial: dict, places: Places, folder: Path) -> bytes | None:
    """Start, final and goal view side by side as JPEG, kept in `folder`. None: they cannot be drawn here."""
    name = f"{results.settings.digest}-{trial['episode']}-{trial['method']}-{trial['te_mm']:.3f}.jpg"
    path = folder / name.replace("/", "-")  # a method may name a folder
    try:
        return cached(path, _whole_jpeg, lambda: _drawn(results, trial, places))
    except DepthPcError:
        return None


def _whole_jpeg(path: Path) -> bytes:
    """A kept picture. FileError where it is damaged."""
    read_image(path, "picture", FileError)
    return path.read_bytes()


def _drawn(results: Results, trial: dict, places: Places) -> bytes:
    """The JPEG. Raises DepthPcError where the scene is not there."""
    level, index = trial["episode"].split("/")[1:]
    episode = EpisodeSource(results.settings, places).episode(level, int(index))
    with open_world(episode, results.settings, places) as world:
        poses = (np.array(trial[f"T_world_{which}"]) for which in ("start", "final", "goal"))
        views = [_shrunk(world.view(T)[0]) for T in poses]
    gap = np.full((len(views[0]), _GAP_PX, 3), 255, np.uint8)
    strip = np.hstack([views[0], gap, views[1], gap, views[2]])
    _, encoded = cv2.imencode(".jpg", cv2.cvtColor(strip, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 82])
    return encoded.tobytes()


def _shrunk(image: np.ndarray) -> np.ndarray:
    height = round(_WIDTH_PX * image.shape[0] / image.shape[1])
    return cv2.resize(image, (_WIDTH_PX, height), interpolation=cv2.INTER_AREA)
