"""Our own simple format: a folder of images with `poses.json`, or with `poses.txt` and `camera.json`.

    poses.json   {"camera": {"fx", "fy", "cx", "cy", "width", "height", "distortion"}, "depth_unit_m": 0.001,
                  "frames": [{"image": FILE, "depth": FILE, "T_world_cam": 4 x 4, "sequence": NAME}, ...]}
    poses.txt    FILE tx ty tz qx qy qz qw, one image a line; depth as FILE.depth.png in mm, where there is any

Poses are of the optical camera (z forward, y down) in the world, in metres. depth and sequence may be left out; depth
images have 16 bits and are registered to the image.
"""

import os
from pathlib import Path

import numpy as np

from depth_pc_ros.benchmark.recordings.camera_file import CAMERA, camera_from, camera_from_file
from depth_pc_ros.benchmark.recordings.camera_file import read as read_checked
from depth_pc_ros.benchmark.recordings.frames import Frame, RecordingError, Sequence, file_in, reader, rigid
from depth_pc_ros.benchmark.recordings.trajectory import pose_of, read_table
from depth_pc_ros.files.schema import NUMBER, TEXT, Schema, array_of

MARKS = ("poses.json", "poses.txt")
_MAYBE_TEXT = {**TEXT, "type": ["string", "null"]}
_FILE = Schema({
    "type": "object", "required": ["camera", "frames"],
    "properties": {
        "camera": CAMERA, "depth_unit_m": {"type": "number", "exclusiveMinimum": 0}, "frames": {"type": "array"}
    },
})  # fmt: skip
_FRAME = Schema({
    "type": "object", "required": ["image", "T_world_cam"],
    "properties": {
        "image": TEXT, "depth": _MAYBE_TEXT, "T_world_cam": array_of(array_of(NUMBER, 4), 4), "sequence": _MAYBE_TEXT
    },
})  # fmt: skip


def read(folder: Path, name: str) -> Sequence:
    """The frames of `folder`. Raises RecordingError where the list of poses or the camera is none."""
    return _from_json(folder, name) if (folder / MARKS[0]).is_file() else _from_text(folder, name)


def _from_json(folder: Path, name: str) -> Sequence:
    path = folder / MARKS[0]
    values = read_checked(path, _FILE)
    camera = camera_from(values["camera"], f"{path}: camera")
    unit_m = values.get("depth_unit_m", 0.001)
    sequence = Sequence(name)
    for k, row in enumerate(values["frames"]):
        try:
            _FRAME.check(row, f"{path}: frames[{k}]", RecordingError)
            image = file_in(folder, row["image"])
            T = rigid(np.array(row["T_world_cam"]), f"{path}: frames[{k}]")
            depth = file_in(folder, row["depth"]) if row.get("depth") else None
            part = f"{name}/{row['sequence']}" if row.get("sequence") else name
            if not os.path.isfile(image):
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
        try:
            image = file_in(folder, file)
            if not os.path.isfile(image):
                raise RecordingError(f"{image}: no such image")
            depth = image.with_name(f"{image.stem}.depth.png")
            depth = depth if depth.is_file() else None
            T = rigid(pose_of(words), f"{path}: {file}")
            sequence.frames.append(Frame(name, file, T, camera, reader(image, depth), depth is not None))
        except RecordingError as error:
            sequence.problems.append(str(error))
    return sequence
