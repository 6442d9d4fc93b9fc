"""Scenes of the MIT-Princeton APC toolbox: `cam.info.txt`, `frame-000000.color.png`, `.depth.png`.

Depth is of its own camera, in steps of 0.1 mm, its bits rotated by three; it is carried into the colour camera here.
Source: A. Zeng et al., "Multi-view Self-supervised Deep Learning for 6D Pose Estimation in the Amazon Picking
Challenge", ICRA 2017.
"""

from pathlib import Path

import numpy as np

from depth_pc_ros.benchmark.recordings.frames import (
    Frame,
    RecordingError,
    Sequence,
    camera_of,
    file_in,
    matrix_of,
    read_image,
    read_lines,
    rigid,
    size_of,
)  # fmt: skip
from depth_pc_ros.benchmark.recordings.registration import registered
from depth_pc_ros.errors import shown
from depth_pc_ros.files.image_file import read_grey16

MARKS = ("cam.info.txt",)
_STEP_M = 1e-4
_HEADS = ("Color camera intrinsic", "Depth camera intrinsic", "Depth-to-color", "Camera-to-world")


def read(folder: Path, name: str) -> Sequence:
    """The frames of `folder`. Raises RecordingError where the file of cameras is not one."""
    path = folder / MARKS[0]
    blocks = _blocks(path)
    K_color, K_depth, T_color_depth = (
        _matrix(next((rows for found, rows in blocks if found.startswith(head)), []), size, f"{path}: {head}")
        for head, size in zip(_HEADS, ((3, 3), (3, 3), (4, 4)))
    )
    K_color, K_depth = matrix_of(K_color, f"{path}: {_HEADS[0]}"), matrix_of(K_depth, f"{path}: {_HEADS[1]}")
    T_color_depth = rigid(T_color_depth, f"{path}: {_HEADS[2]}")
    sequence = Sequence(name)
    camera = None
    for head, rows in blocks:
        if not head.startswith(_HEADS[3]):
            continue
        stem = head.split()[-1]
        try:
            image, depth = (file_in(folder, f"{stem}.{kind}.png") for kind in ("color", "depth"))
            camera = camera or camera_of(K_color, (), size_of(image), str(path))
            where = f"{path}: {stem}"
            T = rigid(_matrix(rows, (4, 4), where), where)
            read_it = _reader(image, depth, K_color, K_depth, T_color_depth)
            sequence.frames.append(Frame(name, stem, T, camera, read_it))
        except RecordingError as error:
            sequence.problems.append(str(error))
    return sequence


def _blocks(path: Path) -> list[tuple[str, list]]:
    """Headings and the numbers below them."""
    blocks: list[tuple[str, list]] = []
    for number, line in enumerate(read_lines(path), start=1):
        if line.startswith("#"):
            blocks.append((line.lstrip("# "), []))
        elif line.strip() and blocks:
            try:
                blocks[-1][1].append([float(word) for word in line.split()])
            except ValueError:
                raise RecordingError(f"{path}, line {number}: expected numbers, got {shown(line)}") from None
    return blocks


def _matrix(rows: list[list[float]], shape: tuple[int, int], where: str) -> np.ndarray:
    if [len(row) for row in rows] != [shape[1]] * shape[0]:
        raise RecordingError(f"{where}: expected a matrix of {shape[0]} x {shape[1]} numbers below this heading")
    return np.array(rows)


def _reader(image: Path, depth: Path, K_color, K_depth, T_color_depth):
    def read_it():
        raw = read_grey16(depth, "depth", RecordingError)
        depth_m = _STEP_M * ((raw >> 3) | (raw << 13)).astype(np.float64)
        colour = read_image(image)
        return colour, registered(depth_m, K_depth, T_color_depth, K_color, colour.shape[1::-1])

    return read_it
