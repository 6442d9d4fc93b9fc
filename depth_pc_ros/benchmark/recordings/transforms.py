"""`transforms.json` of nerfstudio and instant-ngp: OpenGL camera axes (y up, z backward), OpenCV distortion.

Lengths are those of the file: metres only where it was made so. Depth: `depth_file_path`, 16 bits, in steps of
`depth_unit_scale_factor` (0.001).
"""

import os
from pathlib import Path

import numpy as np

from depth_pc_ros.benchmark.recordings.camera_file import read as read_checked
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
from depth_pc_ros.files.schema import COUNT, NUMBER, TEXT, Schema, array_of

MARKS = ("transforms.json",)
_OPENCV_FROM_OPENGL = np.diag([1.0, -1.0, -1.0, 1.0])
_SUFFIXES = ("", ".png", ".jpg")
_DISTORTION = ("k1", "k2", "p1", "p2", "k3")
_PINHOLES = ("OPENCV", "PINHOLE", "SIMPLE_PINHOLE", "SIMPLE_RADIAL", "RADIAL")
# Of all frames at the top of the file, or of a frame of its own.
_CAMERA = {
    **dict.fromkeys(("fl_x", "fl_y", "cx", "cy", "camera_angle_x", *_DISTORTION), NUMBER),
    "w": COUNT, "h": COUNT, "camera_model": {"enum": [*_PINHOLES]},
}  # fmt: skip
_FILE = Schema({
    "type": "object", "required": ["frames"],
    "properties": {
        "frames": {"type": "array"}, "depth_unit_scale_factor": {"type": "number", "exclusiveMinimum": 0}, **_CAMERA
    },
})  # fmt: skip
_FRAME = Schema({
    "type": "object", "required": ["file_path", "transform_matrix"],
    "properties": {
        "file_path": TEXT, "depth_file_path": {**TEXT, "type": ["string", "null"]},
        "transform_matrix": array_of(array_of(NUMBER, 4), 4), **_CAMERA,
    },
})  # fmt: skip


def read(folder: Path, name: str) -> Sequence:
    """The frames of `folder`. Raises RecordingError where the file is not as its schema says."""
    path = folder / MARKS[0]
    values = read_checked(path, _FILE)
    unit_m = values.get("depth_unit_scale_factor", 0.001)
    sequence = Sequence(name)
    cameras: dict[tuple, Camera] = {}
    for k, row in enumerate(values["frames"]):
        where = f"{path}: frames[{k}]"
        try:
            _FRAME.check(row, where, RecordingError)
            file = row["file_path"]
            image = next((p for end in _SUFFIXES if os.path.isfile(p := file_in(folder, f"{file}{end}"))), None)
            if image is None:
                raise RecordingError(f"{folder / file}: no such image")
            T = _pose(np.array(row["transform_matrix"], dtype=np.float64), where)
            own = {key: {**values, **row}.get(key) for key in _CAMERA}
            key = tuple(own.values())
            if key not in cameras:
                cameras[key] = _camera({k: v for k, v in own.items() if v is not None}, image, where)
            depth = file_in(folder, row["depth_file_path"]) if row.get("depth_file_path") else None
            read_it = reader(image, depth, unit_m)
            sequence.frames.append(Frame(name, file, T, cameras[key], read_it, depth is not None))
        except RecordingError as error:
            sequence.problems.append(str(error))
    return sequence


def _camera(values: dict, image: Path, where: str) -> Camera:
    width, height = (values["w"], values["h"]) if "w" in values and "h" in values else size_of(image)
    if "fl_x" in values:
        fx = values["fl_x"]
    elif "camera_angle_x" in values:
        fx = 0.5 * width / max(np.tan(0.5 * values["camera_angle_x"]), 1e-9)
    else:
        raise RecordingError(f"{where}: expected fl_x or camera_angle_x, found neither")
    cx, cy = values.get("cx", 0.5 * (width - 1)), values.get("cy", 0.5 * (height - 1))
    K = [[fx, 0, cx], [0, values.get("fl_y", fx), cy], [0, 0, 1]]
    distortion = [values.get(key, 0.0) for key in _DISTORTION]
    return camera_of(K, distortion if any(distortion) else (), (width, height), where)


def _pose(T: np.ndarray, where: str) -> np.ndarray:
    """A matrix with one positive scale on all of it, as some exporters write, is that of homogeneous coordinates."""
    return rigid((T / T[3, 3] if T[3, 3] > 1e-9 else T) @ _OPENCV_FROM_OPENGL, where)
