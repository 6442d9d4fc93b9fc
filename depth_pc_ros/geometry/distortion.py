"""Lens distortion, by the names that `sensor_msgs/distortion_models.hpp` gives the models.

The polynomial of OpenCV (`plumb_bob`, `rational_polynomial`), and that of Kannala and Brandt, 2006, for wide lenses
(`equidistant`; `fisheye` is another name of it). Coefficients that are all zero mean none, whatever the model.
"""

import cv2
import numpy as np

from depth_pc_ros.errors import CameraError, shown

_POLYNOMIAL_COUNTS = (0, 4, 5, 8, 12, 14)
_POLYNOMIAL = ("plumb_bob", "rational_polynomial")
_FISHEYE = ("equidistant", "fisheye")
MOST_COEFFICIENTS = max(_POLYNOMIAL_COUNTS)


class Lens:
    """A distortion model and its coefficients. Raises CameraError where they are unknown or do not fit."""

    def __init__(self, coefficients, model: str = "plumb_bob"):
        d = np.asarray(coefficients, dtype=np.float64).ravel()
        if d.size > MOST_COEFFICIENTS or not np.isfinite(d).all():
            raise CameraError(
                f"distortion: expected at most {MOST_COEFFICIENTS} finite coefficients, got {shown(d[:16].tolist())}"
            )
        self.is_fisheye = model in _FISHEYE and bool(d.any())
        if d.any() and model not in ("", *_POLYNOMIAL, *_FISHEYE):
            raise CameraError(
                f"distortion model {shown(model)} is not supported; supported: {', '.join((*_POLYNOMIAL, *_FISHEYE))}"
            )
        if self.is_fisheye:
            if d.size < 4 or d[4:].any():
                raise CameraError(f"distortion: expected 4 coefficients of model {model}, got {d.tolist()}")
            d = d[:4]
        elif d.size not in _POLYNOMIAL_COUNTS:
            raise CameraError(f"distortion: expected 0, 4, 5, 8, 12 or 14 coefficients, got {d.size}")
        self.coefficients = d

    @property
    def distorts(self) -> bool:
        return bool(self.coefficients.any())

    def distort(self, points: np.ndarray) -> np.ndarray:
        """Where points (N, 2) of the normalised plane fall on it after distortion, (N, 2)."""
        points = np.asarray(points, dtype=np.float64)
        if not self.distorts:
            return points
        if self.is_fisheye:
            radius = np.linalg.norm(points, axis=1, keepdims=True)
            theta = np.arctan(radius)
            powers = theta ** np.array([2, 4, 6, 8])
            bent = theta * (1 + powers @ self.coefficients[:, None])
            return points * np.divide(bent, radius, out=np.ones_like(radius), where=radius > 0)
        rays = np.concatenate((points, np.ones((len(points), 1))), axis=1)
        return cv2.projectPoints(rays, np.zeros(3), np.zeros(3), np.eye(3), self.coefficients)[0].reshape(-1, 2)

    def maps(self, K: np.ndarray, target: np.ndarray, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
        """Where each pixel of an undistorted image comes from: u and v, (H, W) float32 px of the raw image.

        K (3, 3): camera matrix of the raw image, with skew. target (3, 3) and size (width, height): of the other one.
        """
        if self.is_fisheye:
            u, v = cv2.fisheye.initUndistortRectifyMap(
                K, self.coefficients, np.eye(3), target, size, cv2.CV_32FC1
            )  # fmt: skip
        else:
            d = self.coefficients if self.coefficients.size else None
            u, v = cv2.initUndistortRectifyMap(K, d, None, target, size, cv2.CV_32FC1)
        if K[0, 1]:  # OpenCV leaves the skew out
            u += np.float32(K[0, 1] / K[1, 1]) * (v - np.float32(K[1, 2]))
        return u, v
