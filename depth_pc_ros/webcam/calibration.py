"""Calibration of a camera by a printed chessboard: which views are taken, and the camera that explains them.

Source: Z. Zhang, "A flexible new technique for camera calibration", PAMI 2000, in OpenCV's `calibrateCamera`. As in
ROS's camera_calibration the model is `plumb_bob` with two radial and two tangential coefficients.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from depth_pc_ros.errors import CameraError
from depth_pc_ros.files.route_file import CameraModel
from depth_pc_ros.geometry import se3

FEWEST_VIEWS = 5
_NEW_SHARE = 0.04  # of the image's width: mean way of the corners to those of every other view, at least
_BLUR_SHARE = 0.02  # the same to the picture before: a board that moves faster is blurred
_LARGEST_RMS_PX = 2.0
_LARGEST_SIGMA = 0.02  # relative, of the focal length
# Between the boards of two views: parallel ones do not tell the focal length, and sigma does not say so.
_LEAST_TILT_DEG = 20.0
_SEARCH_PX = 640  # the board is looked for in a picture of this width


@dataclass(frozen=True)
class Calibration:
    """rms_px: how well the views are explained. sigma: relative standard deviation of the focal length."""

    camera: CameraModel
    rms_px: float
    sigma: float


class ChessboardViews:
    """Collects views of a chessboard that differ. board: (columns, rows) of inner corners."""

    def __init__(self, board: tuple[int, int], size: tuple[int, int]):
        """size: (width, height) px of the pictures."""
        self.board, self.size = board, size
        self.kept: list[np.ndarray] = []  # (columns * rows, 2) float32 px each
        self._last: np.ndarray | None = None

    def see(self, rgb: np.ndarray) -> np.ndarray | None:
        """The corners (N, 2) px in a picture (H, W, 3) uint8, None where the board is not seen whole.

        The view is kept where the board rests, so that it is sharp, and differs from all before.
        """
        corners = find_corners(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), self.board)
        last, self._last = self._last, corners
        if corners is not None and last is not None:
            rests = self._way(corners, last) < _BLUR_SHARE
            if rests and all(self._way(corners, other) >= _NEW_SHARE for other in self.kept):
                self.kept.append(corners)
        return corners

    def _way(self, corners: np.ndarray, other: np.ndarray) -> float:
        return float(np.linalg.norm(corners - other, axis=1).mean()) / self.size[0]

    def calibrate(self) -> Calibration:
        """Raises CameraError where the views are too few, or do not tell the camera."""
        if len(self.kept) < FEWEST_VIEWS:
            raise CameraError(
                f"calibration: expected at least {FEWEST_VIEWS} different views of the whole board of "
                f"{self.board[0]} x {self.board[1]} inner corners, got {len(self.kept)}"
            )
        columns, rows = self.board
        points = np.zeros((columns * rows, 3), np.float32)
        points[:, :2] = np.indices(self.board).T.reshape(-1, 2)
        rms_px, K, d, turns, _, deviations, _, _ = cv2.calibrateCameraExtended(
            [points] * len(self.kept), self.kept, self.size, np.eye(3), np.zeros(5), flags=cv2.CALIB_FIX_K3
        )
        sigma = float(np.max(deviations[:2, 0] / np.diag(np.asarray(K))[:2]))
        normals = np.stack([se3.exp_so3(turn.ravel())[:, 2] for turn in turns])
        tilt_deg = float(np.degrees(np.arccos(np.clip(normals @ normals.T, -1, 1).min())))
        if not (rms_px <= _LARGEST_RMS_PX and sigma <= _LARGEST_SIGMA and tilt_deg >= _LEAST_TILT_DEG):
            raise CameraError(
                f"calibration: these views do not tell the camera: residual {rms_px:.2f} px (at most "
                f"{_LARGEST_RMS_PX:g}), focal length to {100 * sigma:.1f} % (at most {100 * _LARGEST_SIGMA:g}), tilts "
                f"that differ by {tilt_deg:.0f} deg (at least {_LEAST_TILT_DEG:g}): tilt the board more, to all sides, "
                "keep it flat, and fill the picture to its corners"
            )
        P = np.zeros((3, 4))
        P[:, :3] = cv2.getOptimalNewCameraMatrix(K, d, self.size, 0)[0]
        numbers = (tuple(map(float, np.ravel(values))) for values in (d, K, np.eye(3), P))
        camera = CameraModel(*self.size, "plumb_bob", *numbers)
        return Calibration(camera, float(rms_px), sigma)


def find_corners(grey: np.ndarray, board: tuple[int, int]) -> np.ndarray | None:
    """The inner corners (columns * rows, 2) float32 px of a chessboard in an image (H, W) uint8; None: not all seen."""
    share = min(1.0, _SEARCH_PX / grey.shape[1])
    small = grey if share == 1.0 else cv2.resize(grey, None, fx=share, fy=share, interpolation=cv2.INTER_AREA)
    flags = cv2.CALIB_CB_ADAPTIVE_THRESH | cv2.CALIB_CB_NORMALIZE_IMAGE | cv2.CALIB_CB_FAST_CHECK
    found, corners = cv2.findChessboardCorners(small, board, flags=flags)
    if not found:
        return None
    corners = ((corners.reshape(-1, 2) + 0.5) / share - 0.5).astype(np.float32)
    spacing_px = np.linalg.norm(np.diff(corners.reshape(*board[::-1], 2), axis=1), axis=2).min()
    window = int(np.clip(spacing_px / 3, 3, 11))
    criteria = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 30, 0.01)
    corners = cv2.cornerSubPix(grey, corners, (window, window), (-1, -1), criteria)
    # The board looks the same upside down: the first corner is always the upper one.
    return corners if corners[0, 1] <= corners[-1, 1] else corners[::-1].copy()
