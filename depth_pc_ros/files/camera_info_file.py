"""Calibrations as `camera_calibration` of ROS writes them, YAML: `image_width`, `camera_matrix: {data: [...]}`, ..."""

from pathlib import Path
from types import SimpleNamespace

import yaml

from depth_pc_ros.errors import CameraError, FileError
from depth_pc_ros.files.raw import write_whole
from depth_pc_ros.files.route_file import CameraModel
from depth_pc_ros.files.schema import COUNT, NUMBER, Schema, array_of, object_of
from depth_pc_ros.files.yaml_file import read_yaml


def _matrix(least: int, most: int) -> dict:
    return object_of({"rows": COUNT, "cols": COUNT, "data": array_of(NUMBER, least, most)}, optional=("rows", "cols"))


_SCHEMA = Schema(
    object_of(
        {
            "image_width": COUNT, "image_height": COUNT, "camera_name": {"type": "string"},
            "camera_matrix": _matrix(9, 9), "distortion_model": {"type": "string"},
            "distortion_coefficients": _matrix(0, 14), "rectification_matrix": _matrix(9, 9),
            "projection_matrix": _matrix(12, 12),
        },
        optional=(
            "camera_name", "distortion_model", "distortion_coefficients", "rectification_matrix", "projection_matrix"
        ),
    )
)  # fmt: skip


def read_camera_info(path: str | Path) -> SimpleNamespace:
    """What has the fields of a `sensor_msgs/CameraInfo`. Raises CameraError."""
    values = read_yaml(path, "camera_info", CameraError)
    _SCHEMA.check(values, f"camera_info {path}", CameraError)

    def data(name: str, default: list[float]) -> list[float]:
        return [float(value) for value in values.get(name, {"data": default})["data"]]

    return SimpleNamespace(
        header=SimpleNamespace(frame_id="", stamp=SimpleNamespace(sec=0, nanosec=0)),
        width=values["image_width"],
        height=values["image_height"],
        distortion_model=values.get("distortion_model", "plumb_bob"),
        k=data("camera_matrix", []),
        d=data("distortion_coefficients", []),
        r=data("rectification_matrix", [0.0] * 9),
        p=data("projection_matrix", [0.0] * 12),
        binning_x=0,
        binning_y=0,
        roi=SimpleNamespace(x_offset=0, y_offset=0, width=0, height=0, do_rectify=False),
    )


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
        raise FileError(f"camera_info: cannot write {path}: {problem.strerror or problem}") from None


def _as_matrix(data: tuple[float, ...], rows: int, columns: int) -> dict:
    return {"rows": rows, "cols": columns, "data": [float(value) for value in data]}
