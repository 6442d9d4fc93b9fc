"""What messages hold, as numpy and core types. Every wrong message raises a typed error that says what is wrong.

A message is whatever has the fields of one: of ROS, or read from a bag. No ROS import.
"""

import numpy as np

from depth_pc_ros.errors import CameraError, GoalError, ImageError
from depth_pc_ros.files.compressed_image import decode_colour, decode_depth
from depth_pc_ros.files.pixel_formats import COLOUR, COLOUR_NAMES, DEPTH, depth_metres, rgb_pixels, rows_of
from depth_pc_ros.geometry.camera import (
    Intrinsics,
    Rectifier,
    check_depth,
    check_image,
    check_relative_depth,
    scaled_matrix,
)
from depth_pc_ros.nodes.bounds import (
    check_camera_info,
    check_count,
    check_distortion,
    check_header,
    check_image_msg,
    check_pixels,
    check_text,
    goal_distance,
    image_window,
    quoted,
)
from depth_pc_ros.types import Goal, Matches

# Images


def _is_compressed(msg) -> bool:
    """Whether an image message is a CompressedImage: only an Image has an encoding."""
    return not hasattr(msg, "encoding")


def image_to_rgb(msg, name: str = "image", size: tuple[int, int] | None = None) -> np.ndarray:
    """(H, W, 3) uint8 RGB of an image message, of this size (width, height) where one is given. Raises ImageError."""
    if _is_compressed(msg):
        return decode_colour(*_compressed(msg, name), size=size)
    kind = COLOUR.get(msg.encoding)
    if kind is None:
        raise ImageError(f"{name}: encoding {quoted(msg.encoding)} is not supported; supported: {COLOUR_NAMES}")
    check_image_msg(msg, name, kind.pixel_bytes, size, data_rows=kind.data_rows)
    if msg.width % kind.even[0] or msg.height % kind.even[1]:
        raise ImageError(f"{name}: encoding {msg.encoding} needs an even size, got {msg.width} x {msg.height}")
    return rgb_pixels(msg.data, (msg.width, msg.height), msg.step, msg.encoding, bool(msg.is_bigendian))


def rectified_rgb(msg, rectifier: Rectifier, name: str = "image") -> np.ndarray:
    """(H, W, 3) uint8 RGB of an image message of the rectifier's camera, rectified. Raises ImageError."""
    size = rectifier.source.size
    if _is_compressed(msg):
        rgb = decode_colour(*_compressed(msg, name), size=size, least=rectifier.least_size)
        return check_image(rectifier.image(rgb, reduced=True), name)
    return check_image(rectifier.image(image_to_rgb(msg, name, size)), name)


def _compressed(msg, name: str) -> tuple[bytes, str, str]:
    """Data, format, and how an error about them begins."""
    check_header(msg.header, name)
    check_text(msg.format, f"{name}: format")
    return bytes(msg.data), msg.format, f"{name}: compressed as {quoted(msg.format)}"


def depth_to_metres(msg, name: str = "depth image", size: tuple[int, int] | None = None) -> np.ndarray:
    """(H, W) float32 metres of a 32FC1 (metres) or 16UC1 (millimetres) image; NaN where invalid.

    size: (width, height) that it must have; None: any. Raises ImageError.
    """
    if _is_compressed(msg):
        values = decode_depth(*_compressed(msg, name), size=size)
        return check_depth(values, values.shape[::-1], name)
    return check_depth(_depth_values(msg, name, size), (msg.width, msg.height), name)


def _depth_values(msg, name: str, size: tuple[int, int] | None) -> np.ndarray:
    if msg.encoding not in DEPTH:
        raise ImageError(
            f"{name}: encoding {quoted(msg.encoding)} is not metric depth; "
            "supported: 32FC1 (metres), 16UC1 (millimetres)"
        )
    check_image_msg(msg, name, DEPTH[msg.encoding].itemsize, size)
    return depth_metres(msg.data, (msg.width, msg.height), msg.step, msg.encoding, bool(msg.is_bigendian))


def mask_from_image(msg, name: str = "mask") -> np.ndarray:
    """(H, W) uint8 of a mono8 image. Raises ImageError."""
    if msg.encoding != "mono8":
        raise ImageError(f"{name}: expected encoding mono8, got {quoted(msg.encoding)}")
    check_image_msg(msg, name, 1)
    return rows_of(msg.data, msg.width, msg.height, msg.step)


def relative_depth_from_image(msg, name: str = "relative depth", size: tuple[int, int] | None = None) -> np.ndarray:
    """(H, W) float32 of a 32FC1 image, of any sign and scale; NaN where invalid.

    size: (width, height) that it must have; None: any. Raises ImageError.
    """
    if msg.encoding != "32FC1":
        raise ImageError(f"{name}: expected encoding 32FC1, got {quoted(msg.encoding)}")
    return check_relative_depth(_depth_values(msg, name, size), (msg.width, msg.height), name)


# Cameras


def rectifier_from_info(info, target: Intrinsics | None = None, rectified: bool = False, longest: int = 0) -> Rectifier:
    """Rectifier of a camera's images, into the pixels of `target` (default: its own). Raises CameraError.

    The images are the region of interest of the calibrated ones, after binning. rectified: they are rectified already;
    their intrinsics are then those of P, without distortion. longest: without a target, the result's longer side has at
    most this many px; 0: any.
    """
    check_camera_info(info, rectified)
    K = np.asarray(info.k).reshape(3, 3)
    if rectified and info.p[0] != 0:
        K = np.asarray(info.p).reshape(3, 4)[:, :3]
    (x, y), (binning_x, binning_y), size = image_window(info)
    K = scaled_matrix(np.array([[1, 0, -x], [0, 1, -y], [0, 0, 1]]) @ K, 1 / binning_x, 1 / binning_y)
    distortion, model = ((), "") if rectified else (info.d, info.distortion_model)
    try:
        own = Rectifier(K, distortion, size, model=model)
        check_distortion(own)
        target = target or own.target.within(longest)
        return own if target == own.target else Rectifier(K, distortion, size, target, model)
    except CameraError as error:
        prefix = "" if str(error).startswith("camera_info: ") else "camera_info: "
        raise CameraError(f"{prefix}{error}") from None


# Motions, times


def twist_from_msg(msg) -> np.ndarray:
    """Twist (6,) `[v, w]` of a message."""
    v, w = msg.linear, msg.angular
    return np.array([v.x, v.y, v.z, w.x, w.y, w.z])


def stamp_to_seconds(stamp) -> float:
    """Seconds of a time stamp."""
    return stamp.sec + 1e-9 * stamp.nanosec


# Goal and matches


def goal_from_msg(msg) -> Goal:
    """Goal of a message. Raises GoalError, ImageError or CameraError."""
    check_header(msg.header, "goal", GoalError)
    check_camera_info(msg.camera_info, rectified=True)
    camera = Intrinsics.from_matrix(
        np.asarray(msg.camera_info.k).reshape(3, 3), msg.camera_info.width, msg.camera_info.height
    )
    if len(msg.keypoints) == 0 or len(msg.keypoints) % 2:
        raise GoalError(f"goal keypoints: expected u and v of every point, got {len(msg.keypoints)} values")
    check_count(len(msg.keypoints) // 2, "goal keypoints", GoalError)
    keypoints = np.asarray(msg.keypoints, dtype=np.float64).reshape(-1, 2)
    check_pixels(keypoints, "goal keypoints", GoalError)
    depth = depth_to_metres(msg.depth, "goal depth") if msg.depth.width else None
    return Goal.from_images(keypoints, camera, goal_distance(msg.distance), depth)


def matches_from_msg(msg) -> Matches:
    """Matches of a message. Raises ImageError."""
    check_header(msg.header, "matches")
    check_text(msg.doubt, "matches: doubt")
    check_count(max(len(msg.matched), len(msg.scores), len(msg.current_points) // 2), "matches", ImageError)
    try:
        matches = Matches(
            current_points=np.asarray(msg.current_points, dtype=np.float64).reshape(-1, 2),
            matched=np.asarray(msg.matched, dtype=bool),
            scores=np.asarray(msg.scores, dtype=np.float32),
            agreement=msg.agreement,
            doubt=msg.doubt,
        )
    except ValueError as error:
        raise ImageError(f"matches: {error}") from None
    check_pixels(matches.current_points[matches.matched], "matches: current_points", ImageError)
    if not ((matches.scores >= 0) & (matches.scores < 1.001)).all():  # LightGlue rounds
        raise ImageError("matches: scores: expected 0 to 1, got NaN or others")
    return matches
