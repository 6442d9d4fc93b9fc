"""BOP scenes: `scene_camera.json` with `cam_K`, `cam_R_w2c`, `cam_t_w2c` (mm), `depth_scale`; `rgb/` and `depth/`.

Source: T. Hodan et al., "BOP: Benchmark for 6D Object Pose Estimation", ECCV 2018, and the toolkit's format page.
"""

import re
from pathlib import Path

import numpy as np

from depth_pc_ros.benchmark.recordings.camera_file import read as read_checked
from depth_pc_ros.benchmark.recordings.frames import (
    Frame,
    RecordingError,
    Sequence,
    camera_of,
    reader,
    rigid,
    size_of,
)  # fmt: skip
from depth_pc_ros.errors import shown
from depth_pc_ros.files.schema import NUMBER, Schema, array_of
from depth_pc_ros.geometry import se3

MARKS = ("scene_camera.json",)
_FILE = Schema({"type": "object"})
_IMAGE = Schema({
    "type": "object", "required": ["cam_K", "cam_R_w2c", "cam_t_w2c"],
    "properties": {
        "cam_K": array_of(NUMBER, 9), "cam_R_w2c": array_of(NUMBER, 9), "cam_t_w2c": array_of(NUMBER, 3),
        "depth_scale": {"type": "number", "exclusiveMinimum": 0},
    },
})  # fmt: skip


def read(folder: Path, name: str) -> Sequence:
    """The frames of the scene in `folder`."""
    path = folder / MARKS[0]
    sequence = Sequence(name)
    size = None
    for number, row in sorted(read_checked(path, _FILE).items(), key=lambda item: item[0].zfill(9)):
        where = f"{path}: image {shown(number)[1:-1]}"
        stem = f"{number:0>6}"
        try:
            if not re.fullmatch("[0-9]{1,9}", number):
                raise RecordingError(f"{where}: expected a number")
            _IMAGE.check(row, where, RecordingError)
            image = _image(folder, stem)
            if image is None:
                raise RecordingError(f"{folder / 'rgb' / stem}.png: no such image")
            size = size or size_of(image)
            camera = camera_of(np.reshape(row["cam_K"], (3, 3)), (), size, where)
            T_cam_world = np.eye(4)
            T_cam_world[:3, :3] = np.reshape(row["cam_R_w2c"], (3, 3))
            T_cam_world[:3, 3] = 1e-3 * np.array(row["cam_t_w2c"])
            T = se3.inverse(rigid(T_cam_world, where))
            depth = folder / "depth" / f"{stem}.png"
            depth = depth if depth.is_file() else None
            unit_m = 1e-3 * row.get("depth_scale", 1.0)
            sequence.frames.append(Frame(name, stem, T, camera, reader(image, depth, unit_m), depth is not None))
        except RecordingError as error:
            sequence.problems.append(str(error))
    return sequence


def _image(folder: Path, stem: str) -> Path | None:
    files = (folder / sub / f"{stem}.{end}" for sub in ("rgb", "gray") for end in ("png", "jpg"))
    return next((file for file in files if file.is_file()), None)
