"""A printed chessboard before a camera with distortion, and the videos that tests make of pictures."""

from pathlib import Path

import cv2
import numpy as np

from depth_pc_ros.files.video_file import VideoWriter
from depth_pc_ros.geometry import se3

SIZE = (640, 480)
BOARD = (9, 6)  # inner corners
K = np.array([[610.0, 0, 330.0], [0, 605.0, 228.0], [0, 0, 1]])
D = np.array([-0.21, 0.07, 0.001, -0.0015, 0.0])
_SQUARE_M, _SQUARE_PX = 0.025, 40


def board_picture(T_cam_board: np.ndarray) -> np.ndarray:
    """(480, 640, 3) uint8 RGB. T_cam_board: (4, 4), the board is in z = 0, x along its longer side, its middle at 0."""
    columns, rows = (corners + 1 for corners in BOARD)
    squares = np.indices((rows, columns)).sum(axis=0) % 2 == 0
    printed = np.where(np.pad(squares, 1), 20, 235).astype(np.uint8)
    printed = np.kron(printed, np.ones((_SQUARE_PX, _SQUARE_PX), np.uint8))
    to_metres = np.diag([_SQUARE_M / _SQUARE_PX, _SQUARE_M / _SQUARE_PX, 1.0])
    to_metres[:2, 2] = _SQUARE_M * (0.5 / _SQUARE_PX - np.array([columns, rows]) / 2 - 1)  # pixel centres
    plane_to_pixels = K @ T_cam_board[:3][:, [0, 1, 3]] @ to_metres
    straight = cv2.warpPerspective(printed, plane_to_pixels, SIZE, flags=cv2.INTER_AREA, borderValue=120)
    grid = np.indices(SIZE[::-1], dtype=np.float32)[::-1].reshape(2, -1).T
    source = cv2.undistortPoints(grid[:, None].copy(), K, D, P=K).reshape(*SIZE[::-1], 2)
    bent = cv2.remap(straight, source, None, cv2.INTER_LINEAR, borderValue=120)
    return np.repeat(cv2.GaussianBlur(bent, (0, 0), 0.7)[..., None], 3, axis=2)


def board_pictures(count: int, seed: int = 0, tilt: float = 0.6) -> list[np.ndarray]:
    """Pictures of the board from so many directions, tilted by up to `tilt` rad."""
    rng = np.random.default_rng(seed)
    pictures = []
    for _ in range(count):
        rotation = np.append(rng.uniform(-tilt, tilt, 2), rng.uniform(-0.3, 0.3))
        place = np.append(rng.uniform(-0.08, 0.08, 2), rng.uniform(0.42, 0.6))
        pictures.append(board_picture(se3.from_rt(se3.exp_so3(rotation), place)))
    return pictures


def write_video(path: Path, pictures: list[np.ndarray], rate_hz: float = 15.0) -> Path:
    writer = VideoWriter(path, rate_hz)
    for picture in pictures:
        writer.add(picture)
    writer.close()
    return path
