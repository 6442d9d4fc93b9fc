"""What a message may hold, checked where it enters, before anything is built of it.

A check copies no data, so a refused message costs next to nothing. It raises a typed error that names the argument,
what was expected and what came. A message is whatever has the fields of one, of ROS or read from a bag; no ROS import.
"""

import contextlib
import dataclasses

import cv2
import numpy as np

from depth_pc_ros.config import MatcherConfig
from depth_pc_ros.errors import CameraError, DepthPcError, GoalError, ImageError
from depth_pc_ros.geometry.camera import Rectifier
from depth_pc_ros.geometry.distortion import MOST_COEFFICIENTS

MOST_SIDE_PX = 8192
MOST_PIXELS = 2**25  # 8K; a matcher needs about 100 bytes per pixel
MOST_ASPECT = 8  # long side over short side: the depth network keeps it
MOST_KEYPOINTS = next(f.metadata["high"] for f in dataclasses.fields(MatcherConfig) if f.name == "max_keypoints")
MOST_TEXT = 1024  # characters of a name, such as a frame_id, or of a reason
DISTANCE_M = (1e-3, 1e3)  # of a goal
# Focal length and distance of the principal point, over the long side: from 0.6 to 179 degrees of view.
_FOCAL = (5e-3, 100.0)
_CENTRE = 10.0
# Of a grid over the rectified image, this share must come from the raw one in the same order, stretched within limits.
_GRID, _STRETCH, _USABLE = 17, (0.1, 10.0), 0.5


def quoted(text: str) -> str:
    """A text of a message for an error or a log: in quotes, and cut where it is long."""
    return repr(text if len(text) <= 60 else f"{text[:60]}...")


@contextlib.contextmanager
def opencv_errors(what: str):
    """Turns what OpenCV refuses, and memory that is not there, into ImageError."""
    try:
        yield
    except (cv2.error, MemoryError) as error:
        raise ImageError(f"{what}: {type(error).__name__}: {' '.join(str(error).split())[:200]}") from None


def check_text(text: str, name: str, error: type[DepthPcError] = ImageError) -> None:
    if len(text) > MOST_TEXT:
        raise error(f"{name}: expected at most {MOST_TEXT} characters, got {len(text)}")


def check_header(header, name: str, error: type[DepthPcError] = ImageError) -> None:
    """A frame of a usable length, and a stamp that is a time."""
    check_text(header.frame_id, f"{name}: frame_id", error)
    if header.stamp.nanosec >= 10**9:
        raise error(f"{name}: stamp: expected nanosec below 1000000000, got {header.stamp.nanosec}")


def check_size(width: int, height: int, name: str, error: type[DepthPcError] = ImageError) -> None:
    """A size in pixels that memory and time allow."""
    if width == 0 or height == 0:
        raise error(f"{name}: the image has zero size ({width} x {height}), expected a width and a height")
    long, short = max(width, height), min(width, height)
    if long > MOST_SIDE_PX or width * height > MOST_PIXELS:
        raise error(f"{name}: expected at most {MOST_SIDE_PX} px a side and {MOST_PIXELS} px, got {width} x {height}")
    if long > MOST_ASPECT * short:
        raise error(f"{name}: expected sides of at most {MOST_ASPECT} to 1, got {width} x {height}")


def check_fits(msg, name: str, size: tuple[int, int], of_image: bool = False) -> None:
    """An image of this size (width, height), which is that of its camera_info; of_image: of the image it belongs to."""
    if (msg.width, msg.height) != tuple(size):
        size_text = f"{size[0]} x {size[1]}"
        expected = f"the image's size {size_text}" if of_image else f"{size_text} as in its camera_info"
        raise ImageError(f"{name}: expected {expected}, got {msg.width} x {msg.height}")


def check_image_msg(
    msg, name: str, bytes_per_pixel: int, size: tuple[int, int] | None = None, data_rows: float = 1.0
) -> None:
    """Header, size and amount of data of an image.

    size: (width, height) that it must have; None: any. data_rows: rows of data for each row of the image.
    """
    check_header(msg.header, name)
    check_size(msg.width, msg.height, name)
    if size is not None:
        check_fits(msg, name, size)
    width = msg.width * bytes_per_pixel
    if msg.step < width:
        raise ImageError(f"{name}: step is {msg.step} bytes, {msg.width} pixels of {msg.encoding[:60]} need {width}")
    needed = int(msg.step * msg.height * data_rows)
    if len(msg.data) < needed:
        share = "" if data_rows == 1.0 else f" * {data_rows:g}"
        raise ImageError(f"{name}: expected step * height{share} = {needed} bytes, got {len(msg.data)}")


def check_camera_info(info, rectified: bool) -> None:
    """Numbers that can be those of a pinhole camera. rectified: P matters, where it is given. Raises CameraError."""
    check_header(info.header, "camera_info", CameraError)
    check_size(info.width, info.height, "camera_info: width and height", CameraError)
    check_text(info.distortion_model, "camera_info: distortion_model", CameraError)
    if not rectified and len(info.d) > MOST_COEFFICIENTS:
        raise CameraError(
            f"camera_info: distortion: expected at most {MOST_COEFFICIENTS} coefficients, got {len(info.d)}"
        )
    for name in ("k", "r", "p") if rectified else ("k", "r", "p", "d"):
        values = np.asarray(getattr(info, name))
        if not np.isfinite(values).all():
            raise CameraError(f"camera_info: {name.upper()}: expected finite numbers, got {values.tolist()}")
    K, P = np.asarray(info.k).reshape(3, 3), np.asarray(info.p).reshape(3, 4)[:, :3]
    if K[0, 0] == 0 and not (rectified and P[0, 0]):
        raise CameraError("camera_info: K[0] is 0: the camera is uncalibrated, or its driver loads no calibration")
    R = np.asarray(info.r).reshape(3, 3)
    if R.any() and not (np.allclose(R @ R.T, np.eye(3), atol=0.01) and np.linalg.det(R) > 0):
        raise CameraError(f"camera_info: R: expected a rotation, or zeros, got {R.ravel().tolist()}")
    if K[0, 0]:
        _check_pinhole(K, info, "K")
    if P.any():
        _check_pinhole(P, info, "P")


def image_window(info) -> tuple[tuple[int, int], tuple[int, int], tuple[int, int]]:
    """Offset of the published image in that of the calibration, its binning, and its size. Raises CameraError.

    offset: (x, y) in full-resolution px. binning: so many px (x, y) became one. size: (width, height).
    """
    roi, binning = info.roi, (max(info.binning_x, 1), max(info.binning_y, 1))
    offset, size = (roi.x_offset, roi.y_offset), (roi.width, roi.height)
    if (*offset, *size) == (0, 0, 0, 0):
        size = info.width, info.height
    if offset[0] + size[0] > info.width or offset[1] + size[1] > info.height or 0 in size:
        raise CameraError(
            f"camera_info: expected a region of interest within {info.width} x {info.height}, "
            f"got {size[0]} x {size[1]} at ({offset[0]}, {offset[1]})"
        )
    size = size[0] // binning[0], size[1] // binning[1]
    check_size(*size, "camera_info: the region of interest after binning", CameraError)
    return offset, binning, size


def _check_pinhole(K: np.ndarray, info, name: str) -> None:
    side = max(info.width, info.height)
    focal, centre = K[[0, 1], [0, 1]], np.abs(K[:2, 2])
    if not (_FOCAL[0] * side <= focal.min() and focal.max() <= _FOCAL[1] * side):
        raise CameraError(
            f"camera_info: {name}: expected focal lengths from {_FOCAL[0] * side:g} to {_FOCAL[1] * side:g} px for "
            f"{info.width} x {info.height}, got {focal.tolist()}"
        )
    if centre.max() > _CENTRE * side:
        raise CameraError(
            f"camera_info: {name}: expected a principal point within {_CENTRE * side:g} px, got {K[:2, 2].tolist()}"
        )


def check_distortion(rectifier: Rectifier) -> None:
    """A distortion whose removal leaves a picture: most of it is neither folded nor torn apart. Raises CameraError."""
    if not rectifier.lens.distorts:
        return
    u, v = np.meshgrid(*(np.linspace(0, side - 1, _GRID) for side in rectifier.target.size))
    share = rectifier.target.focal / rectifier.source.focal
    with np.errstate(all="ignore"):
        raw = share * rectifier.raw_pixels(np.stack((u.ravel(), v.ravel()), axis=1)).reshape(_GRID, _GRID, 2)
        across = (np.diff(raw[..., 0], axis=1) / np.diff(u, axis=1))[1:]
        down = (np.diff(raw[..., 1], axis=0) / np.diff(v, axis=0))[:, 1:]
        least, most = np.minimum(across, down), np.maximum(across, down)
        usable = float(np.mean((least > _STRETCH[0]) & (most < _STRETCH[1])))
    if not np.isfinite(raw).all() or usable < _USABLE:
        raise CameraError(
            "camera_info: distortion: expected coefficients that leave a picture, got "
            f"{rectifier.lens.coefficients.tolist()}: {100 * usable:.0f} % of it could be rectified"
        )


def check_count(count: int, name: str, error: type[DepthPcError]) -> None:
    """A number of keypoints that the control laws can work on in time."""
    if count > MOST_KEYPOINTS:
        raise error(f"{name}: expected at most {MOST_KEYPOINTS} points, got {count}")


def check_pixels(pixels: np.ndarray, name: str, error: type[DepthPcError]) -> None:
    """Pixels (N, 2) that can be of an image, or near one."""
    if not (np.abs(pixels) <= 2 * MOST_SIDE_PX).all():
        raise error(f"{name}: expected finite pixels within {2 * MOST_SIDE_PX}, got NaN, inf or others")


def goal_distance(distance: float) -> float | None:
    """Distance of a goal in metres; None where the message has 0, that is, none. Raises GoalError."""
    if distance == 0:
        return None
    if not DISTANCE_M[0] <= distance <= DISTANCE_M[1]:
        raise GoalError(
            f"distance: expected metres > 0, from {DISTANCE_M[0]:g} to {DISTANCE_M[1]:g}, or 0 when unknown, "
            f"got {distance}"
        )
    return float(distance)
