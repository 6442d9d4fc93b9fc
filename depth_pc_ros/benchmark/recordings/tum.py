"""TUM RGB-D: `rgb.txt`, `depth.txt` (steps of 1/5000 m), `groundtruth.txt` (t, position, quaternion), joined by time.

Intrinsics: `camera.json` (see `folder`) beside them; without it those published for freiburg1, 2 and 3, by folder name.
Source: J. Sturm et al., "A Benchmark for the Evaluation of RGB-D SLAM Systems", IROS 2012.
"""

import math
import os
from pathlib import Path

import numpy as np

from depth_pc_ros.benchmark.recordings.camera_file import camera_from_file
from depth_pc_ros.benchmark.recordings.frames import (
    Camera,
    Frame,
    RecordingError,
    Sequence,
    camera_of,
    file_in,
    reader,
    rigid,
    size_of,
)  # fmt: skip
from depth_pc_ros.benchmark.recordings.trajectory import pose_of, read_table
from depth_pc_ros.errors import shown

MARKS = ("groundtruth.txt",)
APART_S = 0.03  # a depth image or pose that is further from an image in time is not its own
_UNIT_M = 1 / 5000
_PUBLISHED = {  # fx, fy, cx, cy, distortion of the colour camera
    "freiburg1": (517.3, 516.5, 318.6, 255.3, (0.2624, -0.9531, -0.0054, 0.0026, 1.1633)),
    "freiburg2": (520.9, 521.0, 325.1, 249.7, (0.2312, -0.7849, -0.0033, -0.0001, 0.9172)),
    "freiburg3": (535.4, 539.2, 320.1, 247.6, ()),
}


def read(folder: Path, name: str) -> Sequence:
    """The frames of `folder`. Raises RecordingError where a list of files or the intrinsics are missing."""
    sequence = Sequence(name)
    images = read_table(folder / "rgb.txt", 2)
    if not images:
        raise RecordingError(f"{folder / 'rgb.txt'}: expected lines of `time file`, found none")
    poses = read_table(folder / "groundtruth.txt", 8)
    depths = read_table(folder / "depth.txt", 2) if (folder / "depth.txt").is_file() else []
    camera = _camera(folder, file_in(folder, images[0][1]))
    pose_times, depth_times = (np.array([_time(row, folder) for row in rows]) for rows in (poses, depths))
    for row in images:
        stamp_s = _time(row, folder)
        at, depth_at = _nearest(pose_times, stamp_s), _nearest(depth_times, stamp_s)
        try:
            image = file_in(folder, row[1])
            if not os.path.isfile(image):
                raise RecordingError(f"{image}: no such image")
            if at is None:
                raise RecordingError(f"{image}: expected a pose within {APART_S:g} s in groundtruth.txt, found none")
            T = rigid(pose_of(poses[at][1:]), f"{folder / 'groundtruth.txt'}: {shown(poses[at][0])}")
            depth = None if depth_at is None else file_in(folder, depths[depth_at][1])
            sequence.frames.append(Frame(name, row[0], T, camera, reader(image, depth, _UNIT_M), depth is not None))
        except RecordingError as error:
            sequence.problems.append(str(error))
    return sequence


def _time(row: list[str], folder: Path) -> float:
    try:
        stamp_s = float(row[0])
    except ValueError:
        stamp_s = math.nan
    if not math.isfinite(stamp_s):
        raise RecordingError(f"{folder}: expected lines that begin with a time in s, got {shown(row[0])}")
    return stamp_s


def _nearest(times: np.ndarray, stamp_s: float) -> int | None:
    if not len(times):
        return None
    k = int(np.argmin(np.abs(times - stamp_s)))
    return k if abs(times[k] - stamp_s) <= APART_S else None


def _camera(folder: Path, image: Path) -> Camera:
    file = folder / "camera.json"
    if file.is_file():
        return camera_from_file(file)
    published = next((values for key, values in _PUBLISHED.items() if key in folder.name.lower()), None)
    if published is None:
        raise RecordingError(f"{file}: no such file, and the folder is not named after one of {', '.join(_PUBLISHED)}")
    fx, fy, cx, cy, distortion = published
    return camera_of([[fx, 0, cx], [0, fy, cy], [0, 0, 1]], distortion, size_of(image), str(folder))
