"""BOP scenes: `scene_camera.json` with `cam_K`, `cam_R_w2c`, `cam_t_w2c` (mm), `depth_scale`; `rgb/` and `depth/`.

Source: T. Hodan et al., "BOP: Benchmark for 6D Object Pose Estimation", ECCV 2018, and the toolkit's format page.
"""

from pathlib import Path

import numpy as np

from depth_pc_ros.benchmark.recordings.camera_file import read_json
from depth_pc_ros.benchmark.recordings.frames import (
    Frame,
    RecordingError,
    Sequence,
    camera_of,
    reader,
    rigid,
    size_of,
)  # fmt: skip
from depth_pc_ros.geometry import se3

MARKS = ("scene_camera.json",)


def read(folder: Path, name: str) -> Sequence:
    """The frames of the scene in `folder`."""
    path = folder / MARKS[0]
    sequence = Sequence(name)
    size = None
    for number, row in sorted(read_json(path).items(), key=lambda item: item[0].zfill(9)):
        where = f"{path}: image {number}"
        stem = f"{number:0>6}"
        try:
            image = _image(folder, stem)
            if image is None:
                raise RecordingError(f"{folder / 'rgb' / stem}.png: no such image")
            size = size or size_of(image)
            camera = camera_of(_array(row, "cam_K", (3, 3), where), (), size, where)
            T_cam_world = np.eye(4)
            T_cam_world[:3, :3] = _array(row, "cam_R_w2c", (3, 3), where)
            T_cam_world[:3, 3] = 1e-3 * _array(row, "cam_t_w2c", (3,), where)
            T = se3.inverse(rigid(T_cam_world, where))
            depth = folder / "depth" / f"{stem}.png"
            depth = depth if depth.is_file() else None
            unit_m = 1e-3 * float(_array({"depth_scale": 1.0, **row}, "depth_scale", (), where))
            sequence.frames.append(Frame(name, stem, T, camera, reader(image, depth, unit_m), depth is not None))
        except RecordingError as error:
            sequence.problems.append(str(error))
    return sequence


def _image(folder: Path, stem: str) -> Path | None:
    files = (folder / sub / f"{stem}.{end}" for sub in ("rgb", "gray") for end in ("png", "jpg"))
    return next((file for file in files if file.is_file()), None)


def _array(row, key: str, shape, where: str) -> np.ndarray:
    try:
        return np.array(row[key], dtype=np.float64).reshape(shape)
    except (KeyError, TypeError, ValueError):
        raise RecordingError(f"{where}: expected {key} with {' x '.join(map(str, shape))} numbers") from None
