"""A camera as YAML, in the form that ROS's camera_calibration writes and camera_info_manager reads."""

from pathlib import Path

import numpy as np
import yaml

from depth_pc_ros.errors import FileError
from depth_pc_ros.files.raw import write_whole
from depth_pc_ros.files.route_file import CameraModel
from depth_pc_ros.files.schema import NUMBER, TEXT, Schema, array_of, object_of
from depth_pc_ros.files.yaml_file import read_yaml

MOST_PX = 16384  # of a side
_SIDE = {"type": "integer", "minimum": 1, "maximum": MOST_PX}
_SIZE = {"type": "integer", "minimum": 0, "maximum": 16}


def _matrix(rows: int, columns: int) -> dict:
    return object_of({"rows": {"const": rows}, "cols": {"const": columns}, "data": array_of(NUMBER, rows * columns)})


_SCHEMA = Schema(
    object_of(
        {
            "image_width": _SIDE,
            "image_height": _SIDE,
            "camera_name": {},
            "camera_matrix": _matrix(3, 3),
            "distortion_model": TEXT,
            "distortion_coefficients": object_of({"rows": _SIZE, "cols": _SIZE, "data": array_of(NUMBER, most=16)}),
            "rectification_matrix": _matrix(3, 3),
            "projection_matrix": _matrix(3, 4),
        },
        optional=("camera_name", "rectification_matrix", "projection_matrix"),
    )
)


def read_camera_info(path: str | Path) -> CameraModel:
    """The camera of a file; r is the identity and p is [k | 0] where they are left out. Raises FileError.

    Whether the numbers are those of a possible camera is checked where a `Rectifier` is made of them.
    """
    values = read_yaml(path, "camera file", FileError)
    where = f"camera file {path}"
    _SCHEMA.check(values, where)
    k = values["camera_matrix"]["data"]
    straight = {"data": np.insert(np.reshape(k, (3, 3)), 3, 0.0, axis=1).ravel().tolist()}
    numbers = {
        "d": values["distortion_coefficients"]["data"],
        "k": k,
        "r": values.get("rectification_matrix", {"data": np.eye(3).ravel().tolist()})["data"],
        "p": values.get("projection_matrix", straight)["data"],
    }
    try:
        given = {name: tuple(map(float, data)) for name, data in numbers.items()}
    except OverflowError:
        raise FileError(f"{where}: expected finite numbers, got one that is too large") from None
    return CameraModel(values["image_width"], values["image_height"], values["distortion_model"], **given)


def write_camera_info(path: str | Path, camera: CameraModel, name: str = "camera") -> None:
    """Write a camera; a file of this name is replaced at once. Raises FileError."""
    values = {
        "image_width": camera.width,
        "image_height": camera.height,
        "camera_name": name,
        "camera_matrix": _as_matrix(camera.k, 3, 3),
        "distortion_model": camera.distortion_model,
        "distortion_coefficients": _as_matrix(camera.d, 1, len(camera.d)),
        "rectification_matrix": _as_matrix(camera.r, 3, 3),
        "projection_matrix": _as_matrix(camera.p, 3, 4),
    }
    text = yaml.safe_dump(values, sort_keys=False, default_flow_style=None, width=110)
    try:
        write_whole(Path(path).expanduser(), text.encode())
    except OSError as problem:
        raise FileError(f"camera file: cannot write {path}: {problem.strerror or problem}") from None


def _as_matrix(data: tuple[float, ...], rows: int, columns: int) -> dict:
    return {"rows": rows, "cols": columns, "data": [float(value) for value in data]}
