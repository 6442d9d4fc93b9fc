"""A camera as JSON: `{"fx", "fy", "cx", "cy", "width", "height", "distortion": [k1, k2, p1, p2, ...]}`."""

from pathlib import Path
from typing import Any

from depth_pc_ros.benchmark.recordings.frames import Camera, RecordingError, camera_of
from depth_pc_ros.files.json_file import read_json
from depth_pc_ros.files.schema import COUNT, NUMBER, Schema, array_of, object_of

CAMERA = object_of(
    {"fx": NUMBER, "fy": NUMBER, "cx": NUMBER, "cy": NUMBER, "width": COUNT, "height": COUNT,
     "distortion": array_of(NUMBER, 0, 8)},
    optional=("distortion",),
)  # fmt: skip
_SCHEMA = Schema(CAMERA)


def camera_from_file(path: Path) -> Camera:
    """The camera of a file. Raises RecordingError."""
    return camera_from(read(path, _SCHEMA), str(path))


def camera_from(values: dict, where: str) -> Camera:
    """The camera of a mapping that the schema CAMERA allows. Raises RecordingError, which begins with `where`."""
    K = [[values["fx"], 0, values["cx"]], [0, values["fy"], values["cy"]], [0, 0, 1]]
    return camera_of(K, values.get("distortion", ()), (values["width"], values["height"]), where)


def read(path: Path, schema: Schema) -> Any:
    """What a JSON file holds, checked. Raises RecordingError."""
    values = read_json(path, "recording", RecordingError)
    schema.check(values, str(path), RecordingError)
    return values
