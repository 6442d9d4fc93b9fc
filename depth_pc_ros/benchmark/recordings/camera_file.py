"""A camera as JSON: `{"fx", "fy", "cx", "cy", "width", "height", "distortion": [k1, k2, p1, p2, ...]}`."""

import json
from pathlib import Path

from depth_pc_ros.benchmark.recordings.frames import Camera, RecordingError, camera_of


def camera_from_file(path: Path) -> Camera:
    """The camera of a file. Raises RecordingError."""
    return camera_from(read_json(path), str(path))


def camera_from(values, where: str) -> Camera:
    """The camera of a mapping. Raises RecordingError, which begins with `where`."""
    keys = ("fx", "fy", "cx", "cy", "width", "height")
    missing = [key for key in keys if not isinstance(values, dict) or key not in values]
    if missing:
        raise RecordingError(f"{where}: expected a camera with {', '.join(keys)}; missing: {', '.join(missing)}")
    fx, fy, cx, cy, width, height = (values[key] for key in keys)
    K = [[fx, 0, cx], [0, fy, cy], [0, 0, 1]]
    return camera_of(K, values.get("distortion", ()), (width, height), where)


def read_json(path: Path) -> dict:
    """The mapping of a JSON file. Raises RecordingError."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RecordingError(f"{path}: {getattr(error, 'strerror', None) or error}") from None
    if not isinstance(values, dict):
        raise RecordingError(f"{path}: expected a mapping, got {type(values).__name__}")
    return values
