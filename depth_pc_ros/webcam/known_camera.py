"""What is known of a camera: a file of its calibration, or an assumed field of view."""

from pathlib import Path

import numpy as np

from depth_pc_ros.errors import CameraError
from depth_pc_ros.files.camera_info_file import read_camera_info
from depth_pc_ros.geometry.camera import Intrinsics, Rectifier

WORKING_PX = 640  # longest side of the image that is worked on


def camera_from_file(path: str | Path, size: tuple[int, int]) -> Rectifier:
    """The camera of a file as ROS writes them. size: (width, height) px of its pictures. Raises CameraError."""
    info = read_camera_info(path)
    if (info.width, info.height) != size:
        raise CameraError(
            f"camera_info {path}: is of {info.width} x {info.height} pixels, the camera's pictures are "
            f"{size[0]} x {size[1]}"
        )
    try:
        return _reduced(np.reshape(info.k, (3, 3)), info.d, size, info.distortion_model)
    except CameraError as error:
        raise CameraError(f"camera_info {path}: {error}") from None


def camera_of_field(fov_deg: float, size: tuple[int, int]) -> Rectifier:
    """A camera without distortion that sees so many degrees from its left to its right border."""
    width, height = size
    focal_px = 0.5 * width / np.tan(np.radians(fov_deg) / 2)
    K = np.array([[focal_px, 0, (width - 1) / 2], [0, focal_px, (height - 1) / 2], [0, 0, 1]])
    return _reduced(K, (), size, "plumb_bob")


def _reduced(K: np.ndarray, d, size: tuple[int, int], model: str) -> Rectifier:
    own = Rectifier(K, d, size, model=model)
    target: Intrinsics = own.target.within(WORKING_PX)
    return own if target == own.target else Rectifier(K, d, size, target, model)
