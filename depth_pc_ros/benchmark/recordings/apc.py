"""Scenes of the MIT-Princeton APC toolbox: `cam.info.txt`, `frame-000000.color.png`, `.depth.png`.

Depth is of its own camera, in steps of 0.1 mm, its bits rotated by three; it is carried into the colour camera here.
Source: A. Zeng et al., "Multi-view Self-supervised Deep Learning for 6D Pose Estimation in the Amazon Picking
Challenge", ICRA 2017.
"""

from pathlib import Path

import cv2
import numpy as np

from depth_pc_ros.benchmark.recordings.frames import (
    Frame,
    RecordingError,
    Sequence,
    camera_of,
    read_image,
    rigid,
    size_of,
)  # fmt: skip
from depth_pc_ros.benchmark.recordings.registration import registered

MARKS = ("cam.info.txt",)
_STEP_M = 1e-4
_HEADS = ("Color camera intrinsic", "Depth camera intrinsic", "Depth-to-color", "Camera-to-world")


def read(folder: Path, name: str) -> Sequence:
    """The frames of `folder`. Raises RecordingError where the file of cameras is not one."""
    path = folder / MARKS[0]
    blocks = _blocks(path)
    K_color, K_depth, T_color_depth = (
        _matrix(blocks, head, size, path) for head, size in zip(_HEADS, ((3, 3), (3, 3), (4, 4)))
    )
    sequence = Sequence(name)
    camera = None
    for head, rows in blocks:
        if not head.startswith(_HEADS[3]):
            continue
        stem = head.split()[-1]
        image, depth = (folder / f"{stem}.{kind}.png" for kind in ("color", "depth"))
        try:
            camera = camera or camera_of(K_color, (), size_of(image), str(path))
            T = rigid(np.array(rows), f"{path}: {stem}")
            read_it = _reader(image, depth, K_color, K_depth, T_color_depth)
            sequence.frames.append(Frame(name, stem, T, camera, read_it))
        except RecordingError as error:
            sequence.problems.append(str(error))
    return sequence


def _blocks(path: Path) -> list[tuple[str, list]]:
    """Headings and the numbers below them."""
    blocks: list[tuple[str, list]] = []
    try:
        for line in path.read_text(encoding="utf-8").splitlines():
            if line.startswith("#"):
                blocks.append((line.lstrip("# "), []))
            elif line.strip() and blocks:
                blocks[-1][1].append([float(word) for word in line.split()])
    except (OSError, ValueError) as error:
        raise RecordingError(f"{path}: expected headings with matrices: {error}") from None
    return blocks


def _matrix(blocks, head: str, shape, path: Path) -> np.ndarray:
    rows = next((rows for found, rows in blocks if found.startswith(head)), None)
    if rows is None or [len(row) for row in rows] != [shape[1]] * shape[0]:
        raise RecordingError(f"{path}: expected a {shape[0]} x {shape[1]} matrix under {head!r}")
    return np.array(rows)


def _reader(image: Path, depth: Path, K_color, K_depth, T_color_depth):
    def read_it():
        raw = cv2.imread(str(depth), cv2.IMREAD_UNCHANGED)
        if raw is None or raw.dtype != np.uint16 or raw.ndim != 2:
            raise RecordingError(f"{depth}: expected a depth image of one 16-bit channel")
        depth_m = _STEP_M * ((raw >> 3) | (raw << 13)).astype(np.float64)
        colour = read_image(image)
        return colour, registered(depth_m, K_depth, T_color_depth, K_color, colour.shape[1::-1])

    return read_it
