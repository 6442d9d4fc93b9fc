"""Our own simple format: a folder of images with `poses.json`, or with `poses.txt` and `camera.json`.

    poses.json   {"camera": {"fx", "fy", "cx", "cy", "width", "height", "distortion"}, "depth_unit_m": 0.001,
                  "frames": [{"image": FILE, "depth": FILE, "T_world_cam": 4 x 4, "sequence": NAME}, ...]}
    poses.txt    FILE tx ty tz qx qy qz qw, one image a line; depth as FILE.depth.png in mm, where there is any

Poses are of the optical camera (z forward, y down) in the world, in metres. depth and sequence may be left out; depth
images have 16 bits and are registered to the image.
"""

from pathlib import Path

import numpy as np

from depth_pc_ros.benchmark.recordings.camera_file import camera_from, camera_from_file, read_json
from depth_pc_ros.benchmark.recordings.frames import Frame, RecordingError, Sequence, reader, rigid
from depth_pc_ros.benchmark.recordings.trajectory import pose_of, read_table

MARKS = ("poses.json", "poses.txt")


def read(folder: Path, name: str) -> Sequence:
    """The frames of `folder`. Raises RecordingError where the list of poses or the camera is none."""
    return _from_json(folder, name) if (folder / MARKS[0]).is_file() else _from_text(folder, name)


def _from_json(folder: Path, name: str) -> Sequence:
    path = folder / MARKS[0]
    values = read_json(path)
    camera = camera_from(values.get("camera"), f"{path}: camera")
    unit_m, rows = values.get("depth_unit_m", 0.001), values.get("frames")
    if not isinstance(unit_m, (int, float)) or not unit_m > 0:
        raise RecordingError(f"{path}: depth_unit_m: expected metres > 0, got {unit_m!r}")
    if not isinstance(rows, list):
        raise RecordingError(f"{path}: frames: expected a list, got {type(rows).__name__}")
    sequence = Sequence(name)
    for k, row in enumerate(rows):
        try:
            image = folder / _text(row, "image", f"{path}: frame {k}")
            T = rigid(_matrix(row.get("T_world_cam"), image), f"{path}: {image.name}")
            depth = None if row.get("depth") is None else folder / str(row["depth"])
            part = f"{name}/{row['sequence']}" if row.get("sequence") else name
            if not image.is_file():
                raise RecordingError(f"{image}: no such image")
            sequence.frames.append(Frame(part, image.name, T, camera, reader(image, depth, unit_m), depth is not None))
        except RecordingError as error:
            sequence.problems.append(str(error))
    return sequence


def _from_text(folder: Path, name: str) -> Sequence:
    path = folder / MARKS[1]
    camera = camera_from_file(folder / "camera.json")
    sequence = Sequence(name)
    for file, *words in read_table(path, 8):
        image = folder / file
        depth = image.with_name(f"{image.stem}.depth.png")
        depth = depth if depth.is_file() else None
        try:
            if not image.is_file():
                raise RecordingError(f"{image}: no such image")
            T = rigid(pose_of(words), f"{path}: {file}")
            sequence.frames.append(Frame(name, file, T, camera, reader(image, depth), depth is not None))
        except RecordingError as error:
            sequence.problems.append(str(error))
    return sequence


def _text(row, key: str, where: str) -> str:
    if not isinstance(row, dict) or not isinstance(row.get(key), str):
        raise RecordingError(f"{where}: expected the key {key!r} with a file name")
    return row[key]


def _matrix(values, image: Path) -> np.ndarray:
    try:
        return np.array(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise RecordingError(f"{image}: T_world_cam: expected 4 x 4 numbers") from None
