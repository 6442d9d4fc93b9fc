"""`transforms.json` of nerfstudio and instant-ngp: OpenGL camera axes (y up, z backward), OpenCV distortion.

Lengths are those of the file: metres only where it was made so. Depth: `depth_file_path`, 16 bits, in steps of
`depth_unit_scale_factor` (0.001).
"""

from functools import partial
from pathlib import Path

import numpy as np

from depth_pc_ros.benchmark.recordings.camera_file import read_json
from depth_pc_ros.benchmark.recordings.frames import (
    Camera,
    Frame,
    RecordingError,
    Sequence,
    camera_of,
    reader,
    rigid,
    size_of,
)  # fmt: skip

MARKS = ("transforms.json",)
_OPENCV_FROM_OPENGL = np.diag([1.0, -1.0, -1.0, 1.0])
_SUFFIXES = ("", ".png", ".jpg")


def read(folder: Path, name: str) -> Sequence:
    """The frames of `folder`. Raises RecordingError where it lists none."""
    path = folder / MARKS[0]
    values = read_json(path)
    rows = values.get("frames")
    if not isinstance(rows, list):
        raise RecordingError(f"{path}: frames: expected a list, got {type(rows).__name__}")
    unit_m = _number(values, "depth_unit_scale_factor", 0.001, str(path))
    sequence = Sequence(name)
    cameras: dict[tuple, Camera] = {}
    for row in rows:
        try:
            file = str(row.get("file_path") if isinstance(row, dict) else None)
            image = next((p for end in _SUFFIXES if (p := folder / f"{file}{end}").is_file()), None)
            if image is None:
                raise RecordingError(f"{folder / file}: no such image")
            T = _pose(row.get("transform_matrix"), f"{path}: {file}")
            merged = {**values, **row}
            key = tuple(merged.get(k) for k in _KEYS)
            if key not in cameras:
                cameras[key] = _camera(merged, image, f"{path}: {file}")
            depth = folder / row["depth_file_path"] if row.get("depth_file_path") else None
            read_it = reader(image, depth, unit_m)
            sequence.frames.append(Frame(name, file, T, cameras[key], read_it, depth is not None))
        except RecordingError as error:
            sequence.problems.append(str(error))
    return sequence


_KEYS = ("fl_x", "fl_y", "cx", "cy", "w", "h", "k1", "k2", "p1", "p2", "k3", "camera_angle_x", "camera_model")


def _camera(values: dict, image: Path, where: str) -> Camera:
    model = values.get("camera_model", "OPENCV")
    if model not in ("OPENCV", "PINHOLE", "SIMPLE_PINHOLE", "SIMPLE_RADIAL", "RADIAL"):
        raise RecordingError(f"{where}: camera_model: expected a pinhole camera, got {model}")
    width, height = (values["w"], values["h"]) if "w" in values and "h" in values else size_of(image)
    number = partial(_number, values, where=where)
    if "fl_x" in values:
        fx = number("fl_x", 0.0)
    elif "camera_angle_x" in values:
        fx = 0.5 * size_of(image)[0] / np.tan(0.5 * number("camera_angle_x", 0.0))
    else:
        raise RecordingError(f"{where}: expected fl_x or camera_angle_x, found neither")
    cx, cy = number("cx", 0.5 * (size_of(image)[0] - 1)), number("cy", 0.5 * (size_of(image)[1] - 1))
    K = [[fx, 0, cx], [0, number("fl_y", fx), cy], [0, 0, 1]]
    distortion = [number(key, 0.0) for key in ("k1", "k2", "p1", "p2", "k3")]
    return camera_of(K, distortion if any(distortion) else (), (width, height), where)


def _number(values: dict, key: str, default: float, where: str) -> float:
    value = values.get(key, default)
    if not isinstance(value, (int, float)):
        raise RecordingError(f"{where}: {key}: expected a number, got {value!r}")
    return float(value)


def _pose(values, where: str) -> np.ndarray:
    """A matrix with one positive scale on all of it, as some exporters write, is that of homogeneous coordinates."""
    try:
        T = np.array(values, dtype=np.float64)
    except (TypeError, ValueError):
        T = np.empty(0)
    if T.shape == (4, 4) and np.isfinite(T).all() and T[3, 3] > 0:
        T = T / T[3, 3]
    return rigid(T @ _OPENCV_FROM_OPENGL if T.shape == (4, 4) else T, where)
