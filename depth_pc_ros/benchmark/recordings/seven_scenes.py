"""7-Scenes, and what is kept like it: `frame-000000.color.png`, `.depth.png` (mm), `.pose.txt` (camera to world).

Intrinsics (3 x 3), beside the frames or one folder up: `camera-intrinsics.txt` of both images; with
`camera-intrinsics.color.txt` beside it the first is the depth camera's alone, and depth is carried into the colour
image. 7-Scenes publishes 585 px, of its depth camera, and did not calibrate the other one: those numbers, and no file,
stand for a Kinect whose colour camera has 525 px.
Source: J. Shotton et al., "Scene Coordinate Regression Forests for Camera Relocalization in RGB-D Images", CVPR 2013.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from depth_pc_ros.benchmark.recordings.frames import (
    Frame,
    RecordingError,
    Sequence,
    camera_of,
    matrix_of,
    read_numbers,
    reader,
    rigid,
    size_of,
)
from depth_pc_ros.benchmark.recordings.registration import registered

MARKS = ("frame-*.pose.txt",)
KINECT_DEPTH, KINECT_COLOUR = (np.array([[f, 0.0, 320.0], [0.0, f, 240.0], [0.0, 0.0, 1.0]]) for f in (585.0, 525.0))


def read(folder: Path, name: str) -> Sequence:
    """The frames of `folder`. Raises RecordingError where the intrinsics are none."""
    sequence = Sequence(name)
    K_colour, K_depth = _intrinsics(folder)
    camera = None
    for pose in sorted(folder.glob(MARKS[0])):
        stem = pose.name.removesuffix(".pose.txt")
        try:
            colour = next((p for end in ("png", "jpg") if (p := folder / f"{stem}.color.{end}").is_file()), None)
            if colour is None:
                raise RecordingError(f"{folder / stem}.color.png: no such image")
            camera = camera or camera_of(K_colour, (), size_of(colour), str(folder))
            depth = folder / f"{stem}.depth.png"
            depth = depth if depth.is_file() else None
            T = rigid(read_numbers(pose, (4, 4)), str(pose))
            read_it = _reader(colour, depth, K_colour, K_depth)
            sequence.frames.append(Frame(name, stem, T, camera, read_it, depth is not None))
        except RecordingError as error:
            sequence.problems.append(str(error))
    return sequence


def _intrinsics(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """K (3, 3) of the colour image and of the depth image."""
    files = (_beside(folder, f"camera-intrinsics{kind}.txt") for kind in (".color", ""))
    colour, plain = (None if file is None else matrix_of(read_numbers(file, (3, 3)), str(file)) for file in files)
    if colour is not None:
        return colour, colour if plain is None else plain
    if plain is None or np.array_equal(plain, KINECT_DEPTH):
        return KINECT_COLOUR, KINECT_DEPTH
    return plain, plain


def _beside(folder: Path, file: str) -> Path | None:
    return next((path for here in (folder, folder.parent) if (path := here / file).is_file()), None)


def _reader(colour: Path, depth: Path | None, K_colour: np.ndarray, K_depth: np.ndarray) -> Callable:
    read_it = reader(colour, depth)
    if depth is None or np.array_equal(K_colour, K_depth):
        return read_it

    def carried():
        image, depth_m = read_it()
        return image, registered(depth_m, K_depth, np.eye(4), K_colour, image.shape[1::-1])

    return carried
